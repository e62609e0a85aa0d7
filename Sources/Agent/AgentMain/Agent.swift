import Glibc
import Platform
import Systemd

/// The program `spot-agent`.
@main struct Agent {
    static func main() {
        StandardStream.ensureAllOpen()
        let program = AgentSettings.program
        let start = ProgramStart.ofThisProcess()
        let invocation = program.invocation(of: start)
        let tokens = ["SPOT_OPTIMIZER_CLIENT_TOKEN", "CLIENT_TOKEN"].flatMap { [$0, "\($0)_FILE"] }
        let asService = start.withCredential("client-token", of: "spot-agent.service", unless: tokens)
        switch invocation.subcommand {
        case "check-config": program.checkSettings(AgentSettings.read(invocation, asService)).exit()
        case "check": CheckCommand.run(invocation, asService, program).exit()
        case "drill": DrillCommand.run(invocation, start, program).exit()
        case "incidents": IncidentsCommand.run(invocation, start, program).exit()
        case "status": StatusCommand.run(invocation, start.environment, now: SystemSurroundings().wall()).exit()
        default:
            // libcurl brings GnuTLS along for protocols that the agent never speaks. Made ready all the same, before `main`,
            // it keeps 0.8 MB for good, unless this is set by then.
            ProgramStart.ensure("GNUTLS_NO_IMPLICIT_INIT")
            run(invocation, start).exit()
        }
    }

    private static func run(_ invocation: Invocation, _ start: ProgramStart) -> ExitStatus {
        let readSettings = { AgentSettings.read(invocation, start) }
        let surroundings = SystemSurroundings()
        let sink = LogDestination.automatic.open(
            identifier: "spot-agent", prefix: "SPOT_", environment: start.environment, surroundings: surroundings)
        let outcome = readSettings()
        let threshold = outcome.settings?[AgentSettings.logLevel] ?? .info
        let log = Log(to: sink, threshold: threshold.level)
        log.tell(outcome)
        guard let settings = outcome.settings else {
            waitForMending(outcome.problems, start)
            return .configuration
        }
        do {
            return try Daemon(
                settings, readSettings, environment: start.environment, surroundings: surroundings, log: log
            ).run()
        } catch {
            log.error("cannot run", id: .cannotRun, [.reason("\(error)")])
            return .failure
        }
    }
}

extension Agent {
    /// In seconds.
    private static let mendingPause: UInt32 = 5

    /// The manager starts us again at once, as often as it takes. It shows what is wrong, and not so often that nothing else
    /// is in the journal.
    private static func waitForMending(_ problems: [String], _ start: ProgramStart) {
        guard let manager = start.environment["NOTIFY_SOCKET"], !manager.isEmpty else { return }
        _ = try? Notifier(address: manager).status(problems.joined(separator: "; "))
        sleep(mendingPause)
    }
}

extension Log {
    /// What reading the settings came to, at the start and at a reload.
    func tell(_ outcome: SettingsOutcome) {
        for text in outcome.notices { notice("configuration notice", [.reason(text)]) }
        for problem in outcome.problems { error("configuration problem", id: .misconfigured, [.reason(problem)]) }
    }
}
