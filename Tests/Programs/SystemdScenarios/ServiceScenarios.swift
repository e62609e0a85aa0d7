import Glibc
import Platform
import Systemd

/// A notify service: feeds its watchdog until /run/stuck exists, reloads on SIGHUP, and takes longer to stop than it
/// was given, which it asks for slice by slice.
func serve() throws {
    Loop.block(signals: [SIGTERM, SIGHUP])
    let notifier = try Notifier.takeFromEnvironment()
    let loop = try Loop()
    let watchdog = try Watchdog.takeIntervalFromEnvironment().map { interval in
        try Watchdog(loop: loop, notifier: notifier, interval: interval) {
            !exists("/run/stuck")
        } undelivered: {
            say("watchdog: \($0)")
        }
    }
    let reload = try loop.onSignal(SIGHUP) {
        notifier.reloading(at: loop.now)
        notifier.ready(status: "reloaded")
    }
    let slices = try StopSlices(loop: loop, notifier: notifier)
    let stop = try loop.onSignal(SIGTERM) {
        notifier.stopping(status: "stopping")
        slices.next()
    }
    try expect(notifier.ready(status: "serving\nWATCHDOG=trigger") == .delivered, "nobody listens")
    try expect(try loop.run() == 0, "the loop ended with another code")
    withExtendedLifetime((watchdog, reload, stop)) {}
}

/// Six times 100 ms of stopping, each asked for when it begins.
private final class StopSlices {
    private let loop: Loop
    private let notifier: Notifier
    private var timer: (any LoopTimer)?
    private var count = 0

    init(loop: Loop, notifier: Notifier) throws {
        self.loop = loop
        self.notifier = notifier
        timer = try loop.makeTimer { [unowned self] in next() }
    }

    func next() {
        count += 1
        if count > 6 { return loop.stop(0) }
        notifier.extendTimeout(by: .milliseconds(300))
        timer?.arm(at: loop.now + .milliseconds(100))
    }
}

/// Says what sockets it was given, and that its children will not believe them theirs.
func listen() throws {
    let passed = try ListenDescriptors.takeFromEnvironment()
    for name in passed.names.sorted() { say("\(name) \(passed[name].count)") }
    try expect(passed["nobody"].isEmpty, "a name that nobody gave has sockets")
    try expect(unsafe getenv("LISTEN_FDS") == nil && getenv("LISTEN_PID") == nil, "the environment still has them")
    for descriptor in passed.names.flatMap({ passed[$0] }) {
        try expect(fcntl(descriptor, F_GETFD) & FD_CLOEXEC != 0, "descriptor \(descriptor) would be inherited")
    }
}
