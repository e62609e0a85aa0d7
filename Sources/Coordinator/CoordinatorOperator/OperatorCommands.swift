package import Platform

/// The sub-commands that ask a running coordinator, for the program's command line.
package enum OperatorCommands {
    package static let subcommands: [Subcommand] = Verb.allCases.map(\.subcommand)

    /// Does what `invocation` asks for; everything that is to be said about it has been said when this returns.
    package static func run(
        _ invocation: Invocation, local: LocalCoordinator, surroundings: any Surroundings,
        output: StandardStream = .output, errors: StandardStream = .error
    ) -> ExitStatus {
        guard let verb = Verb(rawValue: invocation.subcommand) else {
            preconditionFailure("\(invocation.subcommand) is none of the sub-commands that this module declares")
        }
        func tell(_ sentence: String) { errors.write("spot-coordinator: \(sentence)\n") }
        do {
            let access = try Access(invocation, local, notice: tell)
            let desk = Desk(
                invocation: invocation, conversation: try Conversation(access), surroundings: surroundings,
                output: output, tell: tell)
            try verb.run(at: desk)
            return .success
        } catch let error as OperatorError {
            tell(error.description)
            return error.exitStatus
        } catch {
            // Standard output is closed; nothing can be said there, and nobody listens.
            return .failure
        }
    }
}

/// What a sub-command is called, on the command line.
enum Verb: String, CaseIterable {
    case createClient = "client create"
    case listClients = "client list"
    case deleteClient = "client delete"
    case clientToken = "client token"
    case agents
    case agent
    case readiness
    case settings
    case enable
    case disable
    case instances
    case commands
    case incidents
    case promote
    case `switch`
    case events

    func run(at desk: Desk) throws {
        switch self {
        case .createClient: try desk.createClient()
        case .listClients: try desk.listClients()
        case .deleteClient: try desk.deleteClient()
        case .clientToken: try desk.clientToken()
        case .agents: try desk.agents()
        case .agent: try desk.agent()
        case .readiness: try desk.readiness()
        case .settings: try desk.settings()
        case .enable: try desk.enable(true)
        case .disable: try desk.enable(false)
        case .instances: try desk.instances()
        case .commands: try desk.commands()
        case .incidents: try desk.incidents()
        case .promote: try desk.promote()
        case .switch: try desk.switchSlot()
        case .events: try desk.events()
        }
    }
}
