import Glibc
import Platform
import Synchronization
import TestSupport
import Testing

struct DiskThreadTests {
    @Test func `jobs run one after another in the order they were accepted`() throws {
        let disk = try DiskThread(capacity: 100)
        let order = Locked<[Int]>([])
        for number in 0..<100 { #expect(disk.submit { order.withLock { $0.append(number) } }) }
        #expect(disk.stop(within: .seconds(10)) == 0)
        #expect(order.withLock { $0 } == Array(0..<100))
    }

    @Test func `a full queue refuses at once while the disk hangs`() throws {
        let disk = try DiskThread(capacity: 2)
        let (started, release) = (Latch("the hanging job"), Latch("the end of the hang"))
        #expect(
            disk.submit {
                started.open(); try? release.wait()
            })
        try started.wait()
        #expect(disk.submit {})
        #expect(disk.submit {})
        #expect(!disk.submit {})
        release.open()
        #expect(disk.stop(within: .seconds(10)) == 0)
    }

    @Test func `the answer of a job arrives in the mailbox it was given`() throws {
        let disk = try DiskThread(capacity: 4)
        let mailbox = try Mailbox<String>(capacity: 4)
        let loop = PollLoop()
        var answers: [String] = []
        let delivery = try mailbox.attach(to: loop) { answers.append($0) }
        #expect(disk.submit(answeringTo: mailbox) { "synced" })
        #expect(loop.run { answers == ["synced"] })
        #expect(disk.stop(within: .seconds(10)) == 0)
        delivery.cancel()
    }

    @Test func `a job whose answer would find no place is not accepted`() throws {
        let disk = try DiskThread(capacity: 4)
        let mailbox = try Mailbox<Int>(capacity: 1)
        let release = Latch("the end of the hang")
        #expect(
            disk.submit(answeringTo: mailbox) {
                try? release.wait(); return 1
            })
        #expect(!disk.submit(answeringTo: mailbox) { 2 })
        #expect(!mailbox.send(3))
        release.open()
        #expect(disk.stop(within: .seconds(10)) == 0)
    }

    @Test func `a refused job gives its place in the mailbox back`() throws {
        let disk = try DiskThread(capacity: 4)
        let mailbox = try Mailbox<Int>(capacity: 1)
        #expect(disk.stop(within: .seconds(10)) == 0)
        #expect(!disk.submit(answeringTo: mailbox) { 1 })
        #expect(mailbox.send(2))
    }

    @Test func `stopping does not wait for a dead disk longer than its limit and drops what had not begun`() throws {
        let disk = try DiskThread(capacity: 4)
        let (started, release) = (Latch("the hanging job"), Latch("the end of the hang"))
        let hasRunLater = Atomic(false)
        let ended = Latch("the end of the hanging job")
        #expect(
            disk.submit {
                started.open(); try? release.wait(); ended.open()
            })
        #expect(disk.submit { hasRunLater.store(true, ordering: .relaxed) })
        try started.wait()
        #expect(disk.stop(within: .zero) == 2)
        release.open()
        try ended.wait()
        #expect(disk.stop(within: .seconds(10)) == 0)
        let ranLater = hasRunLater.load(ordering: .relaxed)
        #expect(!ranLater)
    }

    @Test func `a stopped thread takes no more jobs`() throws {
        let disk = try DiskThread(capacity: 4)
        #expect(disk.stop(within: .seconds(10)) == 0)
        #expect(!disk.submit {})
    }

    @Test func `what was accepted is done although the owner let go`() throws {
        let done = Latch("the last job")
        do {
            let disk = try DiskThread(capacity: 4)
            #expect(disk.submit { done.open() })
        }
        try done.wait()
        #expect(done.isOpen)
    }
}

struct DedicatedThreadTests {
    @Test func `a thread carries its name and blocks the signals meant for the process`() throws {
        let (name, blocked) = (Awaited<String>("the name"), Awaited<[Bool]>("the mask"))
        let thread = try DedicatedThread(name: "named-thread") {
            let comm = (try? readSmallFile("/proc/thread-self/comm", limit: 64)) ?? []
            name.set(String(decoding: comm, as: UTF8.self))
            var mask = sigset_t()
            unsafe pthread_sigmask(SIG_BLOCK, nil, &mask)
            blocked.set([SIGTERM, SIGHUP, SIGPIPE, SIGSEGV].map { unsafe sigismember(&mask, $0) == 1 })
        }
        thread.join()
        #expect(try name.get() == "named-thread\n")
        #expect(try blocked.get() == [true, true, true, false])
    }

    @Test func `starting a thread leaves the starter's signal mask as it was`() throws {
        var winch = sigset_t()
        var before = sigset_t()
        unsafe sigemptyset(&winch)
        unsafe sigaddset(&winch, SIGWINCH)
        unsafe pthread_sigmask(SIG_UNBLOCK, &winch, &before)
        defer { unsafe pthread_sigmask(SIG_SETMASK, &before, nil) }
        try DedicatedThread(name: "brief") {}.join()
        var after = sigset_t()
        unsafe pthread_sigmask(SIG_BLOCK, nil, &after)
        #expect(unsafe sigismember(&after, SIGWINCH) == 0)
    }

    @Test func `joining waits for the end of the body, and a second time for nothing`() throws {
        let (release, ended) = (Latch("the release"), Latch("the end of the body"))
        let thread = try DedicatedThread(name: "brief") {
            try? release.wait()
            ended.open()
        }
        #expect(!ended.isOpen)
        release.open()
        thread.join()
        thread.join()
        #expect(ended.isOpen)
    }
}

struct MonitorTests {
    @Test func `a wait ends at its deadline with nothing`() {
        let monitor = Monitor(0)
        let start = SystemSurroundings().monotonic()
        #expect(monitor.wait(until: start + .milliseconds(20)) { $0 == 1 ? true : nil } == nil)
        #expect(SystemSurroundings().monotonic() - start >= .milliseconds(20))
    }

    @Test func `a change wakes the one who waits for it`() throws {
        let monitor = Monitor(0)
        let thread = try DedicatedThread(name: "changer") { monitor.change { $0 = 7 } }
        let deadline = SystemSurroundings().monotonic() + .seconds(10)
        #expect(monitor.wait(until: deadline) { $0 == 7 ? $0 : nil } == 7)
        thread.join()
    }
}
