import Glibc
import Platform
import Systemd

/// Starts, watches, kills and stops `sleeper.service`, and sees `failing.service` fail.
func units() throws {
    let desk = try Desk()
    var events: [UnitEvent] = []
    let watch = try desk.bus.watchUnit("sleeper.service") { events.append($0) }
    try desk.wait(for: "the first state") { !events.isEmpty }
    try expect(try desk.start("sleeper.service") == .done, "the start was not done")
    let running = try desk.state("sleeper.service")
    try expect(running.isLoaded && running.active == .active && running.sub == "running", "not running: \(running)")
    try expect(running.mainProcess > 1 && running.invocation.count == 32, "no process or invocation: \(running)")
    try expect(events.contains(.state(running)), "the watch did not tell: \(events)")
    try desk.ask { desk.bus.killUnit("sleeper.service", .main, signal: SIGKILL, within: .seconds(5), $0) }
    try desk.wait(for: "the kill") {
        if case .state(let state)? = events.last { state.active == .failed } else { false }
    }
    let killed = try desk.state("sleeper.service")
    try expect(killed.result == "signal" && killed.mainExit == .killed(signal: SIGKILL), "not killed: \(killed)")
    try desk.ask { desk.bus.resetFailed("sleeper.service", within: .seconds(5), $0) }
    try expect(try desk.state("sleeper.service").active == .inactive, "not reset")
    try expect(try desk.start("sleeper.service") == .done, "the second start was not done")
    try expect(try desk.stop("sleeper.service") == .done, "the stop was not done")
    try expect(try desk.start("failing.service") == .failed, "a start that fails was not told")
    try expect(try desk.state("failing.service").mainExit == .exited(3), "its exit status was not told")
    watch.cancel()
    let told = events.count
    try expect(try desk.start("sleeper.service") == .done, "the third start was not done")
    try expect(events.count == told, "a cancelled watch was told")
    // A second start joins the job of the first: one job, two completions.
    var results: [JobResult] = []
    for _ in 0..<2 {
        desk.bus.stopUnit("sleeper.service", within: .seconds(5)) {
            if case .success(let job) = $0 { results.append(job) }
        }
    }
    try desk.wait(for: "both stops") { results.count == 2 }
    try expect(results == [.done, .done], "two stops: \(results)")
}

/// Which units are started before another, as its file and a drop-in have it; of one that nobody knows nothing.
func order() throws {
    let desk = try Desk()
    let before = try desk.ask { desk.bus.unitsBefore("ordered.service", within: .seconds(5), $0) }
    try expect(before?.isSuperset(of: ["sleeper.service", "slow.service"]) == true, "not both: \(before ?? [])")
    try expect(before?.contains("failing.service") == false, "one too many: \(before ?? [])")
    let nobody = try desk.ask { desk.bus.unitsBefore("nobody.service", within: .seconds(5), $0) }
    try expect(nobody == nil, "a unit that nobody knows has an order")
}

/// Each refusal has its code.
func refusals() throws {
    let desk = try Desk()
    let bus = desk.bus
    let sleeper = TransientService(
        name: "there.service", commands: [.init("/bin/sleep", ["60"])], runtimeMax: .seconds(20), stopGrace: .zero,
        syslogIdentifier: "there")
    try expect(try desk.code { bus.startUnit("nobody.service", within: .seconds(5), $0) } == .noSuchUnit, "start")
    try expect(try desk.code { bus.stopUnit("nobody.service", within: .seconds(5), $0) } == .noSuchUnit, "stop")
    try expect(try desk.code { bus.startUnit("a/b", within: .seconds(5), $0) } == .refused, "a name that is none")
    try expect(try desk.code { bus.startUnit("a\0.service", within: .seconds(5), $0) } == .malformed, "a zero")
    try expect(try desk.ask { bus.startTransientService(sleeper, within: .seconds(5), $0) } == .done, "first")
    try expect(try desk.code { bus.startTransientService(sleeper, within: .seconds(5), $0) } == .unitExists, "second")
    try expect(try desk.code { bus.runTransientService(sleeper, within: .seconds(5), $0) } == .unitExists, "run")
    try expect(try desk.stop("there.service") == .done, "stop it")
    try expect(try desk.code { bus.startUnit("slow.service", within: .milliseconds(100), $0) } == .timedOut, "slow")
    try expect(!(try desk.state("nobody.service").isLoaded), "a unit that nobody knows is loaded")
    var codes: [SystemdError.Code] = []
    for _ in 0..<300 {
        bus.managerState(within: .seconds(5)) { if case .failure(let error) = $0 { codes.append(error.code) } }
    }
    try desk.wait(for: "the excess") { codes.count == 300 - 96 }
    try expect(codes.allSatisfy { $0 == .busy }, "the excess was refused with \(codes)")
    // Another user may look but not touch.
    try expect(setuid(65534) == 0, "setuid")
    let stranger = try Desk()
    try expect(try stranger.ask { stranger.bus.managerState(within: .seconds(5), $0) } != .other, "look")
    let touched = try stranger.code { stranger.bus.startUnit("sleeper.service", within: .seconds(5), $0) }
    try expect(touched == .denied, "touch")
}

/// A hook that ignores SIGTERM, forks and leaves its session is gone when its budget is.
func hook() throws {
    let desk = try Desk()
    let script =
        "trap '' TERM; setsid sh -c 'trap \"\" TERM; echo $$ >/run/child; while :; do sleep 60; done' & "
        + "echo $$ >/run/parent; while :; do sleep 60; done"
    let hook = TransientService(
        name: "hook.service", commands: [.init("/bin/sh", ["-c", script])], runtimeMax: .milliseconds(500),
        stopGrace: .milliseconds(300), syslogIdentifier: "hook")
    let begin = desk.loop.now
    let end = try desk.ask { desk.bus.runTransientService(hook, within: .seconds(5), $0) }
    let took = desk.loop.now - begin
    say("hook ended after \(took): \(end)")
    try expect(end.active == .failed && end.result == "timeout" && !end.hasSucceeded, "not a time-out: \(end)")
    for path in ["/run/parent", "/run/child"] {
        guard let process = number(in: path) else { throw Broken("\(path) was not written") }
        // It was sent SIGKILL; that it is also gone, or only waits for PID 1 to take notice, is up to the kernel.
        try desk.wait(for: "the end of process \(process) of \(path)") { !isRunning(process) }
    }
    try expect(took >= .milliseconds(800) && took < .milliseconds(1500), "it took \(took)")
}

/// Not gone, and no zombie: see proc(5) for the state behind the name in parentheses.
private func isRunning(_ process: Int32) -> Bool {
    guard let status = try? readSmallFile("/proc/\(process)/stat", limit: 4096) else { return false }
    return !String(decoding: status, as: UTF8.self).contains(") Z ")
}

/// Runs that end in each way, told apart, and a name that can be used again.
func runs() throws {
    let desk = try Desk()
    func run(_ kind: TransientService.Kind, _ commands: [TransientService.Command]) throws -> UnitState {
        var service = TransientService(
            name: "run.service", kind: kind, commands: commands, runtimeMax: .milliseconds(400), stopGrace: .zero,
            syslogIdentifier: "run")
        service.environment = ["ROLE=old primary"]
        service.description = "a run"
        return try desk.ask { desk.bus.runTransientService(service, within: .seconds(5), $0) }
    }
    func shell(_ script: String) -> TransientService.Command { .init("/bin/sh", ["-c", script]) }

    for kind in [TransientService.Kind.exec, .oneshot] {
        let good = try run(kind, [shell("[ \"$ROLE\" = 'old primary' ]")])
        try expect(good.hasSucceeded && good.mainExit == .exited(0), "\(kind): \(good)")
        let bad = try run(kind, [shell("exit 9")])
        try expect(!bad.hasSucceeded && bad.result == "exit-code" && bad.mainExit == .exited(9), "\(kind): \(bad)")
        let long = try run(kind, [shell("sleep 60")])
        try expect(!long.hasSucceeded && long.result == "timeout", "\(kind): \(long)")
        let none = try run(kind, [.init("/no/such/program")])
        try expect(!none.hasSucceeded && none.mainExit == .exited(203), "\(kind): \(none)")
    }
    let several = try run(.oneshot, [.init("/bin/false", mayFail: true), shell("touch /run/second")])
    try expect(several.hasSucceeded && exists("/run/second"), "several: \(several)")
}
