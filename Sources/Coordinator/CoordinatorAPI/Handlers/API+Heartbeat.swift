import CoordinatorHeart
import HTTPServer
import JSON
import Platform
import Wire

// The call that comes most often. Nearly always it brings nothing new, and then it is answered, or parked, from memory.
extension API {
    func heartbeat(_ visit: Visit, _ line: Line) {
        let receivedAt = surroundings.wall()
        let wait: Int
        do throws(WireError) { wait = try Heartbeat.wait(fromQuery: visit.request.parameter("wait")) } catch {
            return visit.refuse(.validation, "\(error)")
        }
        guard let heartbeat = visit.body(Heartbeat.self) else { return }
        guard heartbeat.instance == line.instance else {
            return visit.refuse(
                .forbidden,
                "this token belongs to \(line.instance), not to \(heartbeat.instance): register this machine")
        }
        let hearing = heart.hear(heartbeat, on: line, wait: .seconds(wait))
        if case .quiet = hearing, wait == 0 { return visit.answer(reply(line, receivedAt)) }
        park(visit, line, heartbeat, receivedAt, wait: wait, isQuiet: hearing == .quiet)
    }

    private func reply(_ line: Line, _ receivedAt: Timestamp) -> HeartbeatReply {
        line.reply(receivedAt: receivedAt, at: surroundings.monotonic(), wall: surroundings.wall())
    }

    private func park(
        _ visit: Visit, _ line: Line, _ heartbeat: Heartbeat, _ receivedAt: Timestamp, wait: Int, isQuiet: Bool
    ) {
        // Not the visit: it holds the whole request, and thousands of these are parked.
        let (exchange, origin) = (visit.exchange, visit.origin)
        let call = ParkedCall(receivedAt: receivedAt, configVersion: heartbeat.configVersion ?? line.configVersion) {
            exchange.answer(Response.json($0).shown(to: origin))
        }
        // Without a wait the store still gets a moment to decide; a heartbeat is answered in any case.
        let patience = wait == 0 ? Visit.patience : Duration.seconds(wait)
        let isParked = exchange.park(for: patience) { [self] in
            line.forget(call)
            return Response.json(reply(line, receivedAt)).shown(to: origin)
        }
        guard isParked else { return }
        let end: @Sendable (ParkedCall) -> Void = { [self] in $0.answer(reply(line, $0.receivedAt)) }
        if isQuiet && line.park(call, wasQuiet: true, end: end) { return }
        heart.decide(heartbeat, on: line) { [self] outcome in
            var reply = reply(line, receivedAt)
            // Otherwise the disk is slow or the record is gone: the host still hears from us, and tries again.
            if case .done(let orders) = outcome {
                if orders.commands.isEmpty && wait > 0 && line.park(call, wasQuiet: false, end: end) { return }
                reply.commands = orders.commands
                reply.commandsPending = orders.waiting
            }
            call.answer(reply)
        }
    }
}
