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
        let isService = invocation.subcommand == "serve"
        let reader =
            isService
            ? start
            : start.withCredential(
                "admin-token", of: "spot-coordinator.service", unless: ["ADMIN_TOKEN", "ADMIN_TOKEN_FILE"])
        let outcome = program.readSettings(invocation, reader, standardFile: CoordinatorSettings.standardFile)
        switch invocation.subcommand {
        case "check-config":
            program.checkSettings(outcome, and: CoordinatorSettings.contradictions(in: outcome)).exit()
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
        do {
            // Before the first thread.
            let inheritance = try Inheritance()
            let contradictions = CoordinatorSettings.contradictions(in: outcome, socket: inheritance.socket)
            for problem in contradictions { log.error("configuration problem", id: .misconfigured, [.reason(problem)]) }
            guard let settings = outcome.settings, contradictions.isEmpty else { return .configuration }
            let service = try Service(
                settings, inheritance, environment: start.environment, surroundings: surroundings, log: log,
                readAgain: { program.readSettings(invocation, start, standardFile: CoordinatorSettings.standardFile) })
            return try service.run()
        } catch {
            log.error("cannot serve", id: .cannotServe, [.reason(sentence(about: error, outcome, start.environment))])
            return ExitStatus(for: error)
        }
    }

    private static func sentence(
        about error: any Error, _ outcome: SettingsOutcome, _ environment: [String: String]
    ) -> String {
        switch error {
        case let error as StoreError:
            error.sentence(about: outcome.settings.map { Service.databasePath($0, environment) } ?? "")
        case let error as HTTPServerError where error.code == .tls:
            // The library says neither which file nor what is wrong with it.
            "\(error): look at TLS_CERT_FILE and TLS_KEY_FILE"
        default: "\(error)"
        }
    }
}

extension StoreError {
    /// The sentence for a person who wants the coordinator to start: which file, what is wrong with it, what to do.
    fileprivate func sentence(about database: String) -> String {
        let place = description.contains(database) ? "" : "open database \(database): "
        let advice: String? =
            switch code {
            case .damaged: "restore a backup: spot-coordinator restore FILE"
            case .foreign: "name another file in DATABASE_URL, or restore a backup: spot-coordinator restore FILE"
            case .inaccessible: "it and its folder must belong to the user of the coordinator"
            case .busy, .duplicate, .badCursor, .cursorGone, .full, .tooNew, .failed: nil
            }
        return place + ([description] + [advice].compactMap { $0 }).joined(separator: "; ")
    }
}

extension ExitStatus {
    /// What tells a service manager, or a script, whether trying again can help.
    init(for error: any Error) {
        self =
            switch error {
            case is Misconfiguration: .configuration
            case is EmptiedDatabase: .badData
            case let error as StoreError: ExitStatus(for: error.code)
            case let error as PlatformError where error.code == .denied: .noPermission
            case let error as HTTPServerError where error.code == .addressInUse: .unavailable
            case let error as HTTPServerError where error.code == .tls || error.code == .address: .configuration
            default: .failure
            }
    }

    private init(for code: StoreError.Code) {
        self =
            switch code {
            case .inaccessible: .noPermission
            case .busy: .unavailable
            case .damaged, .tooNew, .foreign: .badData
            case .duplicate, .badCursor, .cursorGone, .full, .failed: .failure
            }
    }
}

/// A database of which only the key is left.
struct EmptiedDatabase: Error, CustomStringConvertible {
    let path: String
    var description: String {
        "open database \(path): it is empty, and the key beside it says that it was not: it was cut off; restore a backup: "
            + "spot-coordinator restore FILE; or, to begin anew, remove \(Secrets.keyFile(databasePath: path))"
    }
}

/// Settings that are right one by one and not together, or that the machine does not bear out.
struct Misconfiguration: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}
