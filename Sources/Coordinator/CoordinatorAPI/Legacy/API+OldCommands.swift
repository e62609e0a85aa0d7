import CoordinatorHeart
import HTTPServer
import JSON
import Wire

// What old hosts are told to do, and what they say became of it.
extension API {
    /// Nothing but switches: any other type that names a target would be taken for one.
    func pendingCommands(_ old: OldVisit) {
        ask(.switches, old, as: old.speaker) { errand in
            let write: @Sendable (inout JSONArrayWriter) -> Void = { list in
                for command in errand.commands {
                    guard case .switch(let order) = command.order else { continue }
                    list.object { OldCommand(command: command, errand: errand).writeSwitch(order, &$0) }
                }
            }
            return .old {
                $0.array("commands", write)
                $0.array("pending_commands", write)
                $0.field("count", errand.commands.count)
            }
        }
    }

    func commandsPending(_ old: OldVisit) {
        ask(.everything, old, as: old.speaker) { errand in
            .old { reply in
                reply.array("commands") { list in
                    for command in errand.commands {
                        list.object { OldCommand(command: command, errand: errand).writeAction(&$0) }
                    }
                }
                reply.field("count", errand.commands.count)
            }
        }
    }

    /// Who cannot be told from another host of the slot is told nothing: a replaced one would do over what its successor did.
    func ask(
        _ question: Heart.Question, _ old: OldVisit, as line: Line?,
        _ respond: @escaping @Sendable (Heart.Errand) -> Response
    ) {
        // Who asks for the header alone does not see what would have been handed out.
        guard let line, old.visit.request.method != "HEAD" else { return old.visit.answer(respond(.nothing)) }
        if old.isSlowed(line, isNameless: true) { return }
        old.later({ heart.errand(for: line, about: question, answer: $0) }, respond)
    }

    // MARK: Results

    func executed(_ old: OldVisit) {
        guard let command = old.name(1, of: CommandKind.self) else { return }
        let isSuccess = old.body.flag("success") ?? (old.body.text("status") == "success")
        take(isSuccess, old.body.text("message", "error") ?? "no word", of: command, old)
    }

    func oldResult(_ path: OldPath, _ old: OldVisit) {
        guard let command: CommandID = old.body.name("request_id", "command_id") else {
            return old.visit.refuse(.notFound, "request_id or command_id: expected the name of a command of this agent")
        }
        switch path {
        case .actionResult: actionResult(of: command, old)
        case .instanceLaunched:
            guard let launched: InstanceID = old.body.name("instance_id") else { return refuseMachine(old) }
            take(true, "\(launched) runs", launched: launched, isSeenRunning: true, of: command, old)
        case .instanceTerminated: take(true, "terminated", of: command, old)
        // It is said after success and failure alike. After success the report of the switch has come before, and this adds
        // nothing to it.
        default: take(false, "it was taken up, and no switch was reported", of: command, old)
        }
    }

    private func actionResult(of command: CommandID, _ old: OldVisit) {
        let isSuccess = old.body.text("result") == "SUCCESS"
        let launched: InstanceID? = isSuccess ? old.body.name("cloud_instance_id") : nil
        let isSeenRunning = old.body.part("metadata").number("confirmation_time_seconds") != nil
        take(
            isSuccess, old.body.text("error_message") ?? (isSuccess ? "done" : "no reason given"), launched: launched,
            isSeenRunning: isSeenRunning, of: command, old)
    }

    private func take(
        _ isSuccess: Bool, _ message: String, launched: InstanceID? = nil, isSeenRunning: Bool = false,
        of command: CommandID, _ old: OldVisit
    ) {
        // The machine that it names is another one, and while it worked it may have said nothing for minutes.
        if old.isSlowed(old.speaker(named: nil), isNameless: true) { return }
        old.report {
            heart.take(
                isSuccess: isSuccess, message: message, launched: launched, isSeenRunning: isSeenRunning,
                of: command, in: old.slot, answer: $0)
        }
    }

    func refuseMachine(_ old: OldVisit) {
        old.visit.refuse(
            .validation, "instance_id: expected the id of a machine that is there (i-…), not a placeholder")
    }
}

extension Heart.Errand {
    static let nothing = Heart.Errand(commands: [], place: nil, image: nil)
}
