import CoordinatorOperator
import CoordinatorStore
import HTTPServer
import Platform
import Systemd

/// The program `spot-coordinator`.
@main struct Coordinator {
    static func main() {
        StandardStream.ensureAllOpen()
        let program = CoordinatorSettings.program
        let start = ProgramStart.ofThisProcess()
        let invocation = program.invocation(of: start)
        let outcome = program.readSettings(invocation, start, standardFile: CoordinatorSettings.standardFile)
        switch invocation.subcommand {
        case "check-config": program.checkSettings(outcome)
        case "serve": serve(program, invocation, outcome, start).exit()
        case "backup", "restore": FileCommands.run(invocation, outcome, start.environment).exit()
        default:
            OperatorCommands.run(
                invocation, local: localCoordinator(outcome, start.environment), surroundings: SystemSurroundings()
            ).exit()
        }
    }

    /// What the settings of this machine tell of a coordinator that runs here.
    private static func localCoordinator(
        _ outcome: SettingsOutcome, _ environment: [String: String]
    ) -> LocalCoordinator {
        guard let settings = outcome.settings else {
            return LocalCoordinator(problems: outcome.problems, environment: environment)
        }
        return LocalCoordinator(
            host: settings[CoordinatorSettings.host], port: settings[CoordinatorSettings.port],
            isTLS: settings[CoordinatorSettings.certificate] != nil,
            adminToken: settings[CoordinatorSettings.adminToken],
            databasePath: settings[CoordinatorSettings.database], environment: environment)
    }

    private static func serve(
        _ program: ProgramDescription, _ invocation: Invocation, _ outcome: SettingsOutcome, _ start: ProgramStart
    ) -> ExitStatus {
        let surroundings = SystemSurroundings()
        let sink = LogDestination.automatic.open(
            identifier: "spot-coordinator", prefix: "SPOT_", environment: start.environment, surroundings: surroundings)
        let threshold = outcome.settings?[CoordinatorSettings.logLevel] ?? .info
        let log = Log(to: sink, threshold: threshold.level)
        for notice in outcome.notices { log.notice("configuration notice", [.reason(notice)]) }
        for problem in outcome.problems { log.error("configuration problem", id: .misconfigured, [.reason(problem)]) }
        guard let settings = outcome.settings else { return .configuration }
        do {
            let service = try Service(
                settings, environment: start.environment, surroundings: surroundings, log: log,
                readAgain: { program.readSettings(invocation, start, standardFile: CoordinatorSettings.standardFile) })
            return try service.run()
        } catch {
            log.error("cannot serve", id: .cannotServe, [.reason("\(error)")])
            return exitStatus(for: error)
        }
    }

    private static func exitStatus(for error: any Error) -> ExitStatus {
        switch error {
        case is Misconfiguration: .configuration
        case let error as StoreError where error.code == .inaccessible: .noPermission
        case let error as StoreError where error.code == .busy: .unavailable
        case let error as HTTPServerError where error.code == .addressInUse: .unavailable
        case let error as HTTPServerError where error.code == .tls || error.code == .address: .configuration
        default: .failure
        }
    }
}

/// Settings that are right one by one and not together, or that the machine does not bear out.
struct Misconfiguration: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}
