import AgentCore
import Wire

/// What a host is told the coordinator has, it has: each report, and each announcement of its end.
final class WhatIsSentIsStored: Checker {
    override var promise: String { "What a host is told is stored is stored" }

    private var reports: Set<Said> = []
    private var incidents: Set<IncidentID> = []

    override func acknowledged(_ fact: Acknowledged, in slot: SlotID) {
        switch fact {
        case .report(_, _, _, let said), .result(_, _, _, let said): if let said { reports.insert(said) }
        case .incident(let incident): incidents.insert(incident)
        case .host, .command, .configuration, .deletion: break
        }
    }

    override func answered(_ machine: Machine, _ answer: Result<Answer, AskFailure>, to question: Question) {
        switch (question, answer) {
        case (.report(let report, _, _), .success(.reported)):
            switch report.content {
            // These are about a replica, and answered by its state.
            case .replicaLaunched, .replicaProgressed: break
            default:
                if !reports.contains(Said(report)) {
                    broken("\(machine.id.short) is told that its report \(report.id) is stored, and it is not")
                }
            }
        case (.notice, .success(.noticed(let reply))):
            if !incidents.contains(reply.incident) {
                broken("\(machine.id.short) is told of incident \(reply.incident), and there is none")
            }
        default: break
        }
    }
}
