import CoordinatorHeart
import JSON
import Wire

// What hosts ask and report, each with its own token.
extension Door {
    func serveHost(_ exchange: Exchange, _ line: Line) {
        let route = exchange.request.route
        if route == .heartbeat { return heartbeat(exchange, line) }
        // What is told of machines counts to the last: one that nobody knows is never ended.
        let isAboutMachines = route == .commandResult || route == .terminationReport
        if line.isOver && !isAboutMachines { return refuseEnded(exchange, line) }
        switch route {
        case .configuration: configuration(exchange, line)
        case .commandResult: commandResult(exchange, line)
        case .terminationImminent, .rebalanceRecommendation: notice(exchange, line)
        case .pricingReport:
            report(exchange, line, "pricing", of: PricingReport.self, \.stamp) { heart.take($0, on: line, answer: $1) }
        case .switchReport:
            report(exchange, line, "switch", of: SwitchReport.self, \.stamp) { heart.take($0, on: line, answer: $1) }
        case .terminationReport:
            report(exchange, line, "termination", of: TerminationReport.self, \.stamp) {
                heart.take($0, on: line, answer: $1)
            }
        case .cleanupReport:
            report(exchange, line, "cleanup", of: CleanupReport.self, \.stamp) { heart.take($0, on: line, answer: $1) }
        case .launchReplica:
            guard let replica = exchange.value(1, of: ReplicaKind.self), let launch = exchange.body(ReplicaLaunch.self)
            else { return }
            exchange.later { heart.take(launch, for: replica, of: line.slot, answer: $0) }
        case .replicaStatus:
            guard let replica = exchange.value(1, of: ReplicaKind.self),
                let progress = exchange.body(ReplicaProgress.self)
            else { return }
            exchange.later { heart.take(progress, of: replica, of: line.slot, answer: $0) }
        default: preconditionFailure("no simulated host asks for \(route)")
        }
    }

    private func refuseEnded(_ exchange: Exchange, _ line: Line) {
        exchange.refuse(.notFound, "agent \(line.slot) was deleted")
    }

    private func speaks(_ instance: InstanceID, on line: Line, _ exchange: Exchange) -> Bool {
        if instance == line.instance { return true }
        exchange.refuse(.forbidden, "this token belongs to \(line.instance), not to \(instance): register this machine")
        return false
    }

    private func report<Body: WireObject & Sendable>(
        _ exchange: Exchange, _ line: Line, _ kind: StaticString, of type: Body.Type, _ stamp: (Body) -> ReportStamp,
        _ take: (Body, @escaping @Sendable (Outcome<ReportReply>) -> Void) -> Void
    ) {
        guard let report = exchange.body(type) else { return }
        let stamp = stamp(report)
        guard speaks(stamp.instance, on: line, exchange) else { return }
        if world.mutations.are(.acknowledgedBeforeCommit) {
            world.acknowledged(.report(stamp, kind: kind, .duplicate, exchange.request.said), in: line.slot)
            exchange.answer(.json(ReportReply(.accepted)))
        }
        exchange.later({ take(report, $0) }) { [world] outcome in
            guard case .done(let reply) = outcome else { return }
            world.acknowledged(.report(stamp, kind: kind, reply.outcome, exchange.request.said), in: line.slot)
        }
    }

    private func commandResult(_ exchange: Exchange, _ line: Line) {
        guard let command = exchange.value(1, of: CommandKind.self), let result = exchange.body(CommandResult.self),
            speaks(result.instance, on: line, exchange)
        else { return }
        exchange.later({ heart.take(result, of: command, on: line, answer: $0) }) { [world] outcome in
            guard case .done(let reply) = outcome else { return }
            world.acknowledged(.result(command, result, reply.outcome, exchange.request.said), in: line.slot)
        }
    }

    private func notice(_ exchange: Exchange, _ line: Line) {
        guard let notice = exchange.body(Notice.self), speaks(notice.instance, on: line, exchange) else { return }
        guard notice.route == exchange.request.route else {
            return exchange.refuse(.validation, "signal: this one is sent elsewhere")
        }
        exchange.later({ heart.take(notice, on: line, answer: $0) }) { [world] outcome in
            if case .done(let reply) = outcome { world.acknowledged(.incident(reply.incident), in: line.slot) }
        }
    }

    /// 304 from memory while the host has the newest.
    private func configuration(_ exchange: Exchange, _ line: Line) {
        let isKnown = exchange.request.ifNoneMatch.map { line.configVersion.isNamed(inTags: $0) } ?? false
        if isKnown || world.mutations.are(.configurationStale) {
            exchange.answer(Response(status: 304))
            return
        }
        exchange.later { heart.configuration(of: line.slot, answer: $0) }
    }

    // MARK: Heartbeats

    private func heartbeat(_ exchange: Exchange, _ line: Line) {
        let receivedAt = heart.wall
        let wait = (try? Heartbeat.wait(fromQuery: exchange.request.query["wait"])) ?? 0
        if let version = heart.hear(
            again: exchange.request.body, on: line, wait: .seconds(wait), at: coordinator.clock.monotonic())
        {
            if wait == 0 { return answerAtOnce(exchange, line, receivedAt) }
            return park(exchange, line, nil, version, receivedAt, wait: wait)
        }
        if line.isOver { return refuseEnded(exchange, line) }
        guard let heartbeat = exchange.body(Heartbeat.self), speaks(heartbeat.instance, on: line, exchange) else {
            return
        }
        let version = heartbeat.configVersion ?? line.configVersion
        switch heart.hear(heartbeat, on: line, wait: .seconds(wait)) {
        case .quiet:
            remember(heartbeat, exchange, line)
            if wait == 0 { return answerAtOnce(exchange, line, receivedAt) }
            park(exchange, line, nil, version, receivedAt, wait: wait)
        case .news: park(exchange, line, heartbeat, version, receivedAt, wait: wait)
        }
    }

    private func remember(_ heartbeat: Heartbeat, _ exchange: Exchange, _ line: Line) {
        guard let document = try? JSONDocument(exchange.request.body) else { return }
        heart.remember(HeartbeatEcho(of: heartbeat, in: document, text: exchange.request.body), on: line)
    }

    private func answerAtOnce(_ exchange: Exchange, _ line: Line, _ receivedAt: Timestamp) {
        exchange.answer(
            .json(line.reply(receivedAt: receivedAt, at: coordinator.clock.monotonic(), wall: receivedAt)))
    }

    private func reply(_ line: Line, _ receivedAt: Timestamp) -> HeartbeatReply {
        line.reply(receivedAt: receivedAt, at: coordinator.clock.monotonic(), wall: heart.wall)
    }

    private func park(
        _ exchange: Exchange, _ line: Line, _ news: Heartbeat?, _ version: ConfigVersion, _ receivedAt: Timestamp,
        wait: Int
    ) {
        let call = ParkedCall(receivedAt: receivedAt, configVersion: version) { exchange.answer(.json($0)) }
        let patience = Duration.seconds(wait) - Duration.seconds(wait) / 4 * world.chance.fraction()
        exchange.park(for: wait == 0 ? Self.patience : patience) { [self] in
            line.forget(call)
            return .json(reply(line, receivedAt))
        }
        // The heart keeps it as long as the call is parked, and a door that is gone answers nobody.
        let end: @Sendable (ParkedCall) -> Void = { [weak self, weak line] call in
            if let self, let line { call.answer(reply(line, call.receivedAt)) }
        }
        if news == nil && line.park(call, wasQuiet: true, end: end) { return }
        guard let heartbeat = news ?? exchange.body(Heartbeat.self) else { return }
        heart.decide(heartbeat, on: line) { [self] outcome in
            var reply = reply(line, receivedAt)
            if case .done(let orders) = outcome {
                if orders.commands.isEmpty && wait > 0 && line.park(call, wasQuiet: false, end: end) { return }
                reply.commands = orders.commands
                reply.commandsPending = orders.waiting
            }
            call.answer(reply)
        }
    }
}
