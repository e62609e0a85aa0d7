import CLinux
import Glibc
import Platform
import TestSupport
import Testing

@testable import Systemd

/// What handlers noted, in the order they ran.
private final class Notes<Note> {
    var all: [Note] = []
    func callAsFunction(_ note: Note) { all.append(note) }
}

struct `Loop descriptors` {
    @Test func `a handler is called with what its descriptor is ready for`() throws {
        let loop = try Loop(), pipe = try Pipe(), notes = Notes<Readiness>()
        let reading = try loop.watch(descriptor: pipe.readEnd, for: .readable) { readiness in
            notes(readiness)
            pipe.drain()
        }
        try loop.turnUntilIdle()
        #expect(notes.all.isEmpty)
        pipe.put()
        try loop.turnUntilIdle()
        #expect(notes.all == [.readable])
        reading.cancel()
        let writing = try loop.watch(descriptor: pipe.writeEnd, for: .writable) { notes($0) }
        _ = try loop.turn(timeout: .zero)
        #expect(notes.all.last == .writable)
        writing.cancel()
    }

    @Test func `a hang-up is told though nothing was asked for`() throws {
        let loop = try Loop(), notes = Notes<Readiness>()
        var pipe = try Pipe()
        let watch = try loop.watch(descriptor: pipe.readEnd, for: []) { notes($0) }
        pipe.hangUp()
        _ = try loop.turn(timeout: .seconds(5))
        #expect(notes.all == [.failed])
        watch.cancel()
    }

    @Test func `a watch follows a changed interest`() throws {
        let loop = try Loop(), pipe = try Pipe(), notes = Notes<Readiness>()
        let watch = try loop.watch(descriptor: pipe.readEnd, for: []) { readiness in
            notes(readiness)
            pipe.drain()
        }
        pipe.put()
        try loop.turnUntilIdle()
        #expect(notes.all.isEmpty)
        try watch.change(to: .readable)
        try loop.turnUntilIdle()
        #expect(notes.all == [.readable])
    }

    @Test func `a dropped watch is not called`() throws {
        let loop = try Loop(), pipe = try Pipe(), notes = Notes<Readiness>()
        var watch: (any DescriptorWatch)? = try loop.watch(descriptor: pipe.readEnd, for: .readable) { notes($0) }
        #expect(watch != nil)
        pipe.put()
        watch = nil
        try loop.turnUntilIdle()
        #expect(notes.all.isEmpty)
    }

    @Test func `a refused watch says which descriptor and why`() throws {
        let loop = try Loop(), pipe = try Pipe()
        let watch = try loop.watch(descriptor: pipe.readEnd, for: .readable) { _ in }
        let twice = EventLoopError("watch descriptor \(pipe.readEnd): file exists (errno 17)")
        #expect(throws: twice) { try loop.watch(descriptor: pipe.readEnd, for: .readable) { _ in } }
        watch.cancel()
        #expect(throws: EventLoopError("watch descriptor -1: bad file descriptor (errno 9)")) {
            try loop.watch(descriptor: -1, for: .readable) { _ in }
        }
    }

    @Test func `500 watches are each called once for one byte`() throws {
        let loop = try Loop(), notes = Notes<Int32>()
        var watches: [any DescriptorWatch] = [], wanted: [Int32] = []
        for _ in 0..<500 {
            let descriptor = eventfd(1, Int32(EFD_CLOEXEC | EFD_NONBLOCK))
            try #require(descriptor >= 0)
            wanted.append(descriptor)
            watches.append(
                try loop.watch(descriptor: descriptor, for: .readable) { _ in
                    var count: UInt64 = 0
                    unsafe read(descriptor, &count, 8)
                    notes(descriptor)
                })
        }
        try loop.turnUntilIdle()
        #expect(notes.all.sorted() == wanted.sorted())
        watches.forEach { $0.cancel() }
        wanted.forEach { close($0) }
    }

    @Test func `handlers may cancel and drop themselves and each other`() throws {
        let loop = try Loop(), first = try Pipe(), second = try Pipe(), notes = Notes<String>()
        var watches: [any DescriptorWatch] = []
        for (name, descriptor) in [("first", first.readEnd), ("second", second.readEnd)] {
            watches.append(
                try loop.watch(descriptor: descriptor, for: .readable) { _ in
                    notes(name)
                    watches.forEach { $0.cancel() }
                    watches = []
                })
        }
        first.put()
        second.put()
        try loop.turnUntilIdle()
        #expect(notes.all.count == 1)
    }

    @Test func `a cancelled watch lets go of what its handler held`() throws {
        let loop = try Loop(), pipe = try Pipe()
        weak var held: Notes<Int>?
        let watch: any DescriptorWatch
        do {
            let notes = Notes<Int>()
            held = notes
            watch = try loop.watch(descriptor: pipe.readEnd, for: .readable) { _ in notes(1) }
        }
        #expect(held != nil)
        watch.cancel()
        #expect(held == nil)
    }
}

struct `Loop timers` {
    @Test func `timers fire in the order of their times and never early`() throws {
        let loop = try Loop(), notes = Notes<Int>()
        let start = loop.now
        var timers: [any LoopTimer] = []
        for milliseconds in [30, 10, 20, 0, 15] {
            let time = start + .milliseconds(milliseconds)
            let timer = try loop.makeTimer {
                notes(milliseconds)
                #expect(loop.now >= time)
            }
            timer.arm(at: time)
            timers.append(timer)
        }
        try loop.turn { notes.all.count == 5 }
        #expect(notes.all == [0, 10, 15, 20, 30])
    }

    @Test func `a timer fires once each time it is armed, and a later time replaces the earlier`() throws {
        let loop = try Loop(), notes = Notes<Duration>()
        let timer = try loop.makeTimer { notes(loop.now) }
        try loop.turnUntilIdle()
        #expect(notes.all.isEmpty)
        let time = loop.now + .milliseconds(20)
        timer.arm(at: .zero)
        timer.arm(at: time)
        try loop.turn { notes.all.count == 1 }
        #expect(notes.all[0] >= time)
        try loop.turnUntilIdle()
        #expect(notes.all.count == 1)
        timer.arm(at: .seconds(-5))
        try loop.turnUntilIdle()
        #expect(notes.all.count == 2)
    }

    @Test func `a disarmed or dropped timer does not fire`() throws {
        let loop = try Loop(), notes = Notes<Int>()
        let disarmed = try loop.makeTimer { notes(1) }
        var dropped: (any LoopTimer)? = try loop.makeTimer { notes(2) }
        disarmed.arm(at: .zero)
        dropped?.arm(at: .zero)
        disarmed.disarm()
        dropped = nil
        try loop.turnUntilIdle()
        #expect(notes.all.isEmpty)
    }

    @Test func `a timer may arm itself again, and drop itself, in its handler`() throws {
        let loop = try Loop(), notes = Notes<Int>()
        var timer: (any LoopTimer)?
        timer = try loop.makeTimer {
            notes(notes.all.count)
            if notes.all.count < 3 { timer?.arm(at: loop.now) } else { timer = nil }
        }
        timer?.arm(at: loop.now)
        try loop.turnUntilIdle()
        #expect(notes.all == [0, 1, 2])
        #expect(timer == nil)
    }

    @Test func `a timer under a flood of 200 ready descriptors waits for one round of them at most`() throws {
        let loop = try Loop(), pipes = try (0..<200).map { _ in try SharedPipe() }
        var served = 0, servedBefore = 0, lateness = Duration.seconds(9)
        let watches = try pipes.map { pipe in
            pipe.ends.put()
            return try loop.watch(descriptor: pipe.ends.readEnd, for: .readable) { _ in served += 1 }
        }
        for _ in 0..<400 { _ = try loop.turn(timeout: .zero) }
        let time = loop.now + .milliseconds(5)
        let timer = try loop.makeTimer { lateness = loop.now - time }
        timer.arm(at: time)
        while loop.now < time {
            servedBefore = served
            _ = try loop.turn(timeout: .zero)
        }
        try loop.turn { lateness < .seconds(9) }
        #expect(served - servedBefore <= 202)
        #expect(lateness < .milliseconds(50))
        watches.forEach { $0.cancel() }
    }

    @Test func `a timer that is always due does not starve a descriptor`() throws {
        let loop = try Loop(), pipe = try Pipe()
        var fired = 0, wasRead = false
        var timer: (any LoopTimer)?
        timer = try loop.makeTimer {
            fired += 1
            timer?.arm(at: .zero)
        }
        timer?.arm(at: .zero)
        let watch = try loop.watch(descriptor: pipe.readEnd, for: .readable) { _ in wasRead = true }
        pipe.put()
        for _ in 0..<4 { _ = try loop.turn(timeout: .zero) }
        #expect(wasRead)
        #expect(fired > 0)
        watch.cancel()
        timer = nil
    }
}

private final class SharedPipe {
    let ends: Pipe
    init() throws { ends = try Pipe() }
}

struct `Loop signals and children` {
    @Test func `a signal reaches its handler on the loop`() throws {
        try withBlocked([SIGUSR1]) {
            let loop = try Loop(), notes = Notes<Int>()
            let watch = try loop.onSignal(SIGUSR1) { notes(1) }
            raise(SIGUSR1)
            #expect(notes.all.isEmpty)
            try loop.turnUntilIdle()
            #expect(notes.all == [1])
            watch.cancel()
        }
    }

    @Test func `a signal that is not blocked is refused`() throws {
        let loop = try Loop()
        _ = withBlocked([]) {
            #expect(throws: EventLoopError("watch signal \(SIGUSR2): not blocked, or watched already")) {
                try loop.onSignal(SIGUSR2) {}
            }
        }
    }

    @Test(arguments: [
        ("exit 0", ChildExit.exited(0)), ("exit 7", .exited(7)), ("kill -9 $$", .killed(signal: 9)),
    ])
    func `the end of a child says how it ended`(script: String, wanted: ChildExit) throws {
        try withBlocked([SIGCHLD]) {
            let loop = try Loop(), notes = Notes<ChildExit>()
            let child = try spawn(["/bin/sh", "-c", script])
            let watch = try loop.onExit(of: child) { notes($0) }
            try loop.turn { !notes.all.isEmpty }
            #expect(notes.all == [wanted])
            watch.cancel()
            let left = waitpid(child, nil, WNOHANG)
            #expect(left == -1, "the loop reaps the child")
        }
    }

    @Test func `what is not our child is refused`() throws {
        try withBlocked([SIGCHLD]) {
            let loop = try Loop()
            #expect(throws: EventLoopError.self) { try loop.onExit(of: 0x7FFF_FFFF) { _ in } }
        }
    }
}

struct `Loop run` {
    @Test func `run serves until stop and returns its code`() throws {
        let loop = try Loop()
        let timer = try loop.makeTimer { loop.stop(3) }
        timer.arm(at: loop.now)
        #expect(try loop.run() == 3)
        timer.arm(at: .zero)
        #expect(throws: EventLoopError.self) { try loop.run() }
    }

    @Test func `a turn without work returns after its timeout`() throws {
        let loop = try Loop()
        let start = loop.now
        #expect(try !loop.turn(timeout: .milliseconds(5)))
        #expect(try !loop.turn(timeout: .zero))
        #expect(loop.now - start >= .milliseconds(5))
    }

    @Test(arguments: [
        (Duration.seconds(-1), UInt64(0)), (.zero, 0), (.nanoseconds(1), 1), (.microseconds(1500), 1500),
        (.seconds(Int64.max), .max),
    ])
    func `a duration becomes whole microseconds, rounded up`(duration: Duration, wanted: UInt64) {
        #expect(duration.microsecondsUp == wanted)
    }
}
