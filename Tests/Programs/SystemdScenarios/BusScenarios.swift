import Glibc
import Platform
import Systemd

private func run(_ words: String...) throws {
    let status = try status(of: words)
    try expect(status == 0, "\(words) ended with \(status)")
}

private func status(of words: [String]) throws -> Int32 {
    var child: pid_t = 0
    var arguments = unsafe words.map { unsafe strdup($0) } + [nil]
    defer { unsafe arguments.forEach { unsafe free($0) } }
    try expect(unsafe posix_spawn(&child, words[0], nil, nil, &arguments, nil) == 0, "spawn \(words)")
    var status: Int32 = 0
    let ended = unsafe waitpid(child, &status, 0)
    try expect(ended == child, "wait for \(words)")
    return status
}

private func busProcess() throws -> Int32 {
    guard let process = number(in: "/run/bus.pid") else { throw Broken("/run/bus.pid has no number") }
    return process
}

/// A bus that has stopped reading delays nothing: a timer goes on, each request ends by its deadline, dropping the bus
/// and stopping the loop do not wait, and afterwards all is well again.
func frozen() throws {
    let desk = try Desk(), process = try busProcess()
    try expect(try desk.start("sleeper.service") == .done, "sleeper did not start")
    kill(process, SIGSTOP)
    defer { kill(process, SIGCONT) }
    let ticker = try Ticker(desk.loop)
    let begin = desk.loop.now
    var ends: [(SystemdError.Code, Duration)] = []
    for index in 0..<80 {
        desk.bus.stopUnit("sleeper.service", within: .milliseconds(300 + index)) {
            if case .failure(let error) = $0 { ends.append((error.code, desk.loop.now - begin)) }
        }
    }
    try desk.wait(for: "the deadlines") { ends.count == 80 }
    try expect(ends.allSatisfy { $0.0 == .timedOut || $0.0 == .busy }, "\(ends)")
    let latest = ends.indices.map { ends[$0].1 - .milliseconds(300 + $0) }.max() ?? .zero
    say("80 requests of a frozen bus: latest end \(latest) after its deadline; worst tick \(ticker.worst) late")
    try expect(latest < .milliseconds(50), "a deadline was \(latest) late")
    try expect(ticker.count > 20 && ticker.worst < .milliseconds(50), "\(ticker.count) ticks, worst \(ticker.worst)")

    // One that begins on a frozen bus: the kernel accepts, nobody answers.
    let late = try Desk()
    let code = try late.code { late.bus.managerState(within: .milliseconds(200), $0) }
    try expect(code == .timedOut, "on a new connection: \(String(describing: code))")
    let before = late.loop.now
    late.bus.close()
    _ = try late.loop.turn(timeout: .zero)
    try expect(late.loop.now - before < .milliseconds(50), "closing took \(late.loop.now - before)")

    // A loop that stops over requests that the bus has not read.
    let last = try Desk()
    last.bus.managerState(within: .seconds(5)) { _ in }
    last.loop.stop(0)
    let stopped = bootTime()
    try expect(try last.loop.run() == 0, "the loop ended with another code")
    try expect(bootTime() - stopped < .milliseconds(50), "stopping took \(bootTime() - stopped)")
    kill(process, SIGCONT)
    _ = try desk.ask { desk.bus.managerState(within: .seconds(10), $0) }
}

private final class Ticker {
    private(set) var count = 0
    private(set) var worst = Duration.zero
    private var due: Duration
    private let loop: Loop
    private var timer: (any LoopTimer)?

    init(_ loop: Loop) throws {
        self.loop = loop
        due = loop.now + .milliseconds(10)
        timer = try loop.makeTimer { [unowned self] in tick() }
        timer?.arm(at: due)
    }

    private func tick() {
        count += 1
        worst = max(worst, loop.now - due)
        due = loop.now + .milliseconds(10)
        timer?.arm(at: due)
    }
}

/// When the bus, or the manager, goes away: everything under way fails once, the watch ends, the owner is told, and
/// connects again.
func lost() throws {
    let desk = try Desk(address: "unix:path=/run/proxy.sock")
    try lose(desk) { try run("/bin/systemctl", "kill", "-s", "KILL", "proxy.service") }
    try lose(desk) { try run("/bin/systemctl", "daemon-reexec") }
}

private func lose(_ desk: Desk, _ end: () throws -> Void) throws {
    var events: [UnitEvent] = [], failures: [SystemdError.Code] = []
    let watch = try desk.bus.watchUnit("sleeper.service") { events.append($0) }
    try desk.wait(for: "the first state") { !events.isEmpty }
    desk.bus.startUnit("slow.service", within: .seconds(15)) {
        if case .failure(let error) = $0 { failures.append(error.code) }
    }
    let told = desk.losses.count
    _ = try desk.ask { desk.bus.managerState(within: .seconds(5), $0) }
    try end()
    try desk.wait(for: "the loss") { desk.losses.count > told }
    try expect(desk.losses.last?.code == .disconnected && !desk.bus.isConnected, "\(desk.losses)")
    try expect(failures == [.disconnected], "the request under way ended with \(failures)")
    guard case .ended(let error)? = events.last, error.code == .disconnected else {
        throw Broken("the watch did not end: \(events)")
    }
    let code = try desk.code { desk.bus.managerState(within: .seconds(5), $0) }
    try expect(code == .disconnected, "without a connection: \(String(describing: code))")
    // The manager may come back to the bus a little after we do; the owner tries again, as a program would.
    try desk.wait(for: "the bus and the manager") {
        if !desk.bus.isConnected { try? desk.bus.connect() }
        return (try? desk.ask { desk.bus.managerState(within: .seconds(5), $0) }) != nil
    }
    watch.cancel()
}

/// A signal that only looks like the manager's changes nothing: any user may send one.
func forged() throws {
    let desk = try Desk()
    var events: [UnitEvent] = [], isDown: [Bool] = []
    desk.bus.onPrepareForShutdown = { isDown.append($0) }
    let watch = try desk.bus.watchUnit("sleeper.service") { events.append($0) }
    try desk.wait(for: "the first state") { events.count == 1 }
    guard let manager = word(in: "/run/manager") else { throw Broken("the manager's name on the bus is not known") }
    // To every connection there can be: unique names count up.
    for number in 0..<40 {
        let send = ["/bin/busctl", "--destination=:1.\(number)", "emit"]
        let unit = "/org/freedesktop/systemd1/unit/sleeper_2eservice", properties = "org.freedesktop.DBus.Properties"
        let state = ["sa{sv}as", "org.freedesktop.systemd1.Unit", "1", "ActiveState", "s", "failed", "0"]
        _ = try status(of: send + [unit, properties, "PropertiesChanged"] + state)
        let left = ["sss", "org.freedesktop.systemd1", manager, ""]
        _ = try status(of: send + ["/org/freedesktop/DBus", "org.freedesktop.DBus", "NameOwnerChanged"] + left)
        let down = ["org.freedesktop.login1.Manager", "PrepareForShutdown", "b", "true"]
        _ = try status(of: send + ["/org/freedesktop/login1"] + down)
    }
    try desk.wait(for: "logind's own answer") { !isDown.isEmpty }
    try expect(isDown.allSatisfy { !$0 }, "a forged shutdown was believed: \(isDown)")
    for case .state(let state) in events {
        try expect(state.active == .inactive, "a forged state was believed: \(state)")
    }
    try expect(desk.losses.isEmpty, "a forged departure was believed: \(desk.losses)")
    watch.cancel()
}

/// A bus on which there is no service manager is as good as none, and is said to be.
func strange() throws {
    let desk = try Desk(address: "unix:path=/run/strange.sock")
    try desk.wait(for: "the loss") { !desk.losses.isEmpty }
    try expect(desk.losses.map(\.code) == [.unavailable] && !desk.bus.isConnected, "\(desk.losses)")
}

func machine() throws {
    let desk = try Desk()
    let state = try desk.ask { desk.bus.managerState(within: .seconds(5), $0) }
    try expect([.running, .starting, .degraded].contains(state), "the manager is \(state)")
    try expect(try !desk.ask { desk.bus.isPreparingForShutdown(within: .seconds(5), $0) }, "a shutdown is prepared")
}
