import AgentCore
import AgentHost
import Glibc
import Platform
import Systemd
import Wire

/// The running agent: everything it is made of, on one loop thread.
final class Daemon {
    private let log: Log
    private let loop: Loop
    private let shell: AgentShell

    init(
        _ settings: Settings, _ readSettings: @escaping () -> SettingsOutcome, surroundings: any Surroundings, log: Log
    ) throws {
        Loop.block(signals: [SIGTERM, SIGINT, SIGHUP])
        self.log = log
        loop = try Loop()
        let options = AgentOptions(hostname: "", proposed: SlotSettingsChange(to: SlotSettings()))
        shell = AgentShell(AgentMachine(options, Memory()), surroundings: surroundings)
    }

    /// Runs until it is told to stop.
    func run() throws -> ExitStatus {
        shell.take(.started)
        _ = try loop.run()
        return .success
    }
}
