import Platform
import Systemd

/// The program `spot-agent`.
@main struct Agent {
    static func main() {
        StandardStream.ensureAllOpen()
        let program = AgentSettings.program
        let start = ProgramStart.ofThisProcess()
        let invocation = program.invocation(of: start)
        let readSettings = { program.readSettings(invocation, start, standardFile: AgentSettings.standardFile) }
        switch invocation.subcommand {
        case "check-config": program.checkSettings(readSettings())
        default: run(readSettings, start).exit()
        }
    }

    private static func run(_ readSettings: @escaping () -> SettingsOutcome, _ start: ProgramStart) -> ExitStatus {
        let surroundings = SystemSurroundings()
        let sink = LogDestination.automatic.open(
            identifier: "spot-agent", prefix: "SPOT_", environment: start.environment, surroundings: surroundings)
        let outcome = readSettings()
        let threshold = outcome.settings?[AgentSettings.logLevel] ?? .info
        let log = Log(to: sink, threshold: threshold.level)
        log.tell(outcome)
        guard let settings = outcome.settings else { return .configuration }
        do {
            return try Daemon(settings, readSettings, surroundings: surroundings, log: log).run()
        } catch {
            log.error("cannot run", id: .cannotRun, [.reason("\(error)")])
            return .failure
        }
    }
}

extension Log {
    /// What reading the settings came to, at the start and at a reload.
    func tell(_ outcome: SettingsOutcome) {
        for text in outcome.notices { notice("configuration notice", [.reason(text)]) }
        for problem in outcome.problems { error("configuration problem", id: .misconfigured, [.reason(problem)]) }
    }
}

// The kinds of entries worth finding: `journalctl MESSAGE_ID=…`.
extension MessageID {
    static let running = MessageID("5b6a0f5e7d3c4c0e8f4f1d6a2e9c3b01")
    static let stopped = MessageID("5b6a0f5e7d3c4c0e8f4f1d6a2e9c3b02")
    static let cannotRun = MessageID("5b6a0f5e7d3c4c0e8f4f1d6a2e9c3b03")
    static let misconfigured = MessageID("5b6a0f5e7d3c4c0e8f4f1d6a2e9c3b04")
    static let inContact = MessageID("5b6a0f5e7d3c4c0e8f4f1d6a2e9c3b05")
    static let outOfContact = MessageID("5b6a0f5e7d3c4c0e8f4f1d6a2e9c3b06")
}

extension LogField {
    static func reason(_ sentence: String) -> LogField { field("SPOT_REASON", sentence) }
    static func server(_ url: String) -> LogField { field("SPOT_SERVER", url) }
    static func clockOffset(_ offset: Duration) -> LogField {
        field("SPOT_CLOCK_OFFSET_MS", Int64(offset / .milliseconds(1)))
    }
}
