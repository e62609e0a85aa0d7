import CoordinatorHeart
import HTTPServer
import JSON
import Platform
import Wire

// The call that comes most often. Nearly always it brings nothing new, and then it is answered, or parked, from memory.
extension API {
    func heartbeat(_ visit: Visit, _ line: Line) {
        let receivedAt = heart.wall
        let wait: Int
        do throws(WireError) { wait = try Heartbeat.wait(fromQuery: visit.request.parameter("wait")) } catch {
            return visit.refuse(.validation, "\(error)")
        }
        if let version = heart.hear(
            again: visit.request.body, on: line, wait: .seconds(wait), at: visit.arrivedAt)
        {
            if wait == 0 { return answerAtOnce(visit, line, receivedAt) }
            return park(visit, line, nil, version, receivedAt, wait: wait)
        }
        if line.isOver { return refuseEnded(visit, line) }
        guard let (heartbeat, document) = visit.read(Heartbeat.self) else { return }
        guard heartbeat.instance == line.instance else {
            return visit.refuse(
                .forbidden,
                "this token belongs to \(line.instance), not to \(heartbeat.instance): register this machine")
        }
        let version = heartbeat.configVersion ?? line.configVersion
        switch heart.hear(heartbeat, on: line, wait: .seconds(wait)) {
        case .quiet:
            heart.remember(HeartbeatEcho(of: heartbeat, in: document, text: visit.request.body), on: line)
            if wait == 0 { return answerAtOnce(visit, line, receivedAt) }
            park(visit, line, nil, version, receivedAt, wait: wait)
        case .news: park(visit, line, heartbeat, version, receivedAt, wait: wait)
        }
    }

    /// The answer leaves with the time at which the question came, some microseconds ago: looking at the clocks again would
    /// cost more than it tells.
    private func answerAtOnce(_ visit: Visit, _ line: Line, _ receivedAt: Timestamp) {
        visit.answer(.json(text: line.replyText(receivedAt: receivedAt, at: visit.arrivedAt, wall: receivedAt)))
    }

    private func reply(_ line: Line, _ receivedAt: Timestamp) -> HeartbeatReply {
        line.reply(receivedAt: receivedAt, at: surroundings.monotonic(), wall: heart.wall)
    }

    /// Up to a quarter less. Hosts that park in one moment, as after a restart of ours, would else be answered and come back
    /// in one moment for ever, and a command would stand in line behind all of them.
    private func spread(_ wait: Duration) -> Duration { wait - wait / 4 * Double(surroundings.random() >> 11) / 0x1p53 }

    /// `news` is the heartbeat when it is to be decided. `version` is of the configuration that its host has.
    private func park(
        _ visit: Visit, _ line: Line, _ news: Heartbeat?, _ version: ConfigVersion, _ receivedAt: Timestamp, wait: Int
    ) {
        // Not the visit: it holds the whole request, and thousands of these are parked.
        let (exchange, origin) = (visit.exchange, visit.origin)
        let call = ParkedCall(receivedAt: receivedAt, configVersion: version) {
            exchange.answer(Response.json($0).shown(to: origin))
        }
        // Without a wait the store still gets a moment to decide; a heartbeat is answered in any case.
        let patience = wait == 0 ? Visit.patience : spread(.seconds(wait))
        let isParked = exchange.park(for: patience) { [self] in
            line.forget(call)
            let text = line.replyText(receivedAt: receivedAt, at: surroundings.monotonic(), wall: heart.wall)
            return Response.json(text: text).shown(to: origin)
        }
        guard isParked else { return }
        let end: @Sendable (ParkedCall) -> Void = { [self] in $0.answer(reply(line, $0.receivedAt)) }
        if news == nil && line.park(call, wasQuiet: true, end: end) { return }
        // There is something for the host after all.
        guard let heartbeat = news ?? visit.body(Heartbeat.self) else { return }
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
