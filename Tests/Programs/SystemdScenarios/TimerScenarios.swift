import Glibc
import Systemd

private func fence(in time: Duration) -> TransientTimer {
    let stop = TransientService(
        name: "fence.service", kind: .oneshot,
        commands: [
            .init("/bin/sh", ["-c", "cat /proc/uptime >/run/fenced"]),
            .init("/bin/systemctl", ["stop", "sleeper.service"], mayFail: true),
        ],
        runtimeMax: .seconds(10), stopGrace: .zero, syslogIdentifier: "fence")
    return TransientTimer(service: stop, elapsesAt: bootTime() + time)
}

/// Arms the fence over the running `sleeper.service`, says when it is due, and dies on the spot.
func arm() throws {
    let desk = try Desk()
    try expect(try desk.start("sleeper.service") == .done, "sleeper did not start")
    let timer = fence(in: .milliseconds(700))
    try expect(try desk.ask { desk.bus.startTransientTimer(timer, within: .seconds(5), $0) } == .done, "not armed")
    say("due \(timer.elapsesAt / .milliseconds(1))")
    kill(getpid(), SIGKILL)
}

/// Arms, disarms, arms again under the same name, and arms a moment that has passed.
func rearm() throws {
    let desk = try Desk()
    func start(_ timer: TransientTimer) throws -> JobResult {
        try desk.ask { desk.bus.startTransientTimer(timer, within: .seconds(5), $0) }
    }
    try expect(try start(fence(in: .seconds(600))) == .done, "not armed")
    let again = fence(in: .seconds(600))
    try expect(
        try desk.code { desk.bus.startTransientTimer(again, within: .seconds(5), $0) } == .unitExists, "armed twice")
    try expect(try desk.stop("fence.timer") == .done, "not disarmed")
    try expect(!exists("/run/fenced"), "it fired though it was disarmed")
    var unloaded = false
    let watch = try desk.bus.watchUnit("fence.timer") { if $0 == .unloaded { unloaded = true } }
    try expect(try start(fence(in: .seconds(-600))) == .done, "a moment that has passed was not armed")
    try desk.wait(for: "the timer's end and the fence") { unloaded && exists("/run/fenced") }
    watch.cancel()
}
