import JSON
import OldAgents
import Wire

// What the coordinator's answers say that is stored.
extension World {
    func noteAcknowledged(_ response: Response, to request: Request) {
        if let (machine, call) = oldCall(of: request) {
            let reply = OldReply(status: response.status, body: response.body).judged
            if let reply { checks.told(machine, call, reply) }
            return
        }
        guard response.status == 200, let route = request.route else { return }
        switch route {
        case .register:
            guard let reply: RegistrationReply = response.read(),
                let registration = try? decodeJSON(Registration.self, from: request.body)
            else { return }
            checks.acknowledged(.host(registration.instance), in: reply.slot)
        case .pricingReport: noteReport(PricingReport.self, "pricing", \.stamp, response, request)
        case .switchReport: noteReport(SwitchReport.self, "switch", \.stamp, response, request)
        case .terminationReport: noteReport(TerminationReport.self, "termination", \.stamp, response, request)
        case .cleanupReport: noteReport(CleanupReport.self, "cleanup", \.stamp, response, request)
        case .commandResult:
            guard let command = request.values.last as? CommandID, let reply: ReportReply = response.read(),
                let result = try? decodeJSON(CommandResult.self, from: request.body)
            else { return }
            acknowledged(.result(command, result, reply.outcome, request.said), request)
        case .terminationImminent, .rebalanceRecommendation:
            if let reply: NoticeReply = response.read() { acknowledged(.incident(reply.incident), request) }
        case .changeSettings:
            if let reply: Configuration = response.read() { acknowledged(.configuration(reply.version), request) }
        case .deleteSlot: acknowledged(.deletion, request)
        case .switchSlot, .promoteInstance:
            if let reply: QueuedCommand = response.read() { acknowledged(.command(reply.command), request) }
        default: break
        }
    }

    func oldCall(of request: Request) -> (Machine, OldCall)? {
        guard let call = request.call, let machine = request.sender.flatMap(machine) else { return nil }
        return (machine, call)
    }

    private func noteReport<Report: WireObject>(
        _ type: Report.Type, _ kind: StaticString, _ stamp: (Report) -> ReportStamp, _ response: Response,
        _ request: Request
    ) {
        guard let reply: ReportReply = response.read(), let report = try? decodeJSON(type, from: request.body) else {
            return
        }
        acknowledged(.report(stamp(report), kind: kind, reply.outcome, request.said), request)
    }

    private func acknowledged(_ fact: Acknowledged, _ request: Request) {
        if let slot = request.slot { checks.acknowledged(fact, in: slot) }
    }
}

extension Response {
    fileprivate func read<Body: WireObject>() -> Body? { try? decodeJSON(Body.self, from: body) }
}
