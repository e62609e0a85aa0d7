import CoordinatorHeart
import Crypto
import HTTPServer
import JSON
import Platform
import Wire

// What hosts ask and report, each with its own token.
extension API {
    func validateClient(_ visit: Visit) {
        guard case .client(let client) = visit.guest else { return visit.refuse(.forbidden, Self.notForThisToken) }
        visit.later({ heart.client(client, answer: $0) }) {
            .json(ValidatedClient(client: client, name: $0.name, email: $0.email))
        }
    }

    func register(_ visit: Visit) {
        guard case .client(let client) = visit.guest else { return visit.refuse(.forbidden, Self.notForThisToken) }
        if isOldRegistration(visit) { return registerOldHost(visit, of: client) }
        guard let registration = visit.body(Registration.self) else { return }
        do throws(CryptoError) {
            let (token, hash) = try vault.newToken("agent")
            visit.later {
                heart.register(registration, of: client, token: token, hash: hash, answer: $0)
            }
        } catch { visit.refuse(.unavailable, "no token could be made: \(error)") }
    }

    private static let notForThisToken = "this call needs a client's token"

    func serveHost(_ visit: Visit) {
        guard case .host(let line) = visit.guest else { return visit.refuse(.forbidden, "this call is for an agent") }
        if visit.route == .heartbeat { return heartbeat(visit, line) }
        // What is told of machines counts to the last: one that nobody knows is never ended.
        let isAboutMachines = visit.route == .commandResult || visit.route == .terminationReport
        if line.isOver && !isAboutMachines { return refuseEnded(visit, line) }
        switch visit.route {
        case .configuration: configuration(visit, line)
        case .commandResult: commandResult(visit, line)
        case .terminationImminent, .rebalanceRecommendation: notice(visit, line)
        case .pricingReport:
            report(visit, line, of: PricingReport.self, \.stamp) { heart.take($0, on: line, answer: $1) }
        case .switchReport:
            report(visit, line, of: SwitchReport.self, \.stamp) { heart.take($0, on: line, answer: $1) }
        case .terminationReport:
            report(visit, line, of: TerminationReport.self, \.stamp) { heart.take($0, on: line, answer: $1) }
        case .cleanupReport:
            report(visit, line, of: CleanupReport.self, \.stamp) { heart.take($0, on: line, answer: $1) }
        case .instancesToTerminate: visit.later { heart.terminationList(of: line.slot, answer: $0) }
        case .launchReplica: launchReplica(visit, line)
        default: replicaStatus(visit, line)
        }
    }

    func refuseEnded(_ visit: Visit, _ line: Line) { visit.refuse(.notFound, "agent \(line.slot) was deleted") }

    /// A token is bound to one machine, and a report speaks for the machine that sends it.
    private func speaks(_ instance: InstanceID, on line: Line, _ visit: Visit) -> Bool {
        if instance == line.instance { return true }
        visit.refuse(.forbidden, "this token belongs to \(line.instance), not to \(instance): register this machine")
        return false
    }

    private func report<Body: WireObject>(
        _ visit: Visit, _ line: Line, of type: Body.Type, _ stamp: (Body) -> ReportStamp,
        _ take: (Body, @escaping @Sendable (Outcome<ReportReply>) -> Void) -> Void
    ) {
        guard let report = visit.body(type), speaks(stamp(report).instance, on: line, visit) else { return }
        visit.later { take(report, $0) }
    }

    private func commandResult(_ visit: Visit, _ line: Line) {
        guard let command = visit.value(1, of: CommandKind.self), let result = visit.body(CommandResult.self),
            speaks(result.instance, on: line, visit)
        else { return }
        visit.later { heart.take(result, of: command, on: line, answer: $0) }
    }

    private func notice(_ visit: Visit, _ line: Line) {
        guard let notice = visit.body(Notice.self), speaks(notice.instance, on: line, visit) else { return }
        // One that may mean the end and one that does are not answered alike.
        guard notice.route == visit.route else {
            return visit.refuse(.validation, "signal: this one is sent to \(notice.route.row.template.description)")
        }
        visit.later { heart.take(notice, on: line, answer: $0) }
    }

    private func launchReplica(_ visit: Visit, _ line: Line) {
        guard let replica = visit.value(1, of: ReplicaKind.self), let launch = visit.body(ReplicaLaunch.self) else {
            return
        }
        visit.later { heart.take(launch, for: replica, of: line.slot, answer: $0) }
    }

    private func replicaStatus(_ visit: Visit, _ line: Line) {
        guard let replica = visit.value(1, of: ReplicaKind.self), let progress = visit.body(ReplicaProgress.self)
        else { return }
        visit.later { heart.take(progress, of: replica, of: line.slot, answer: $0) }
    }

    /// 304 from memory while the host has the newest; the store is asked only for what is new.
    private func configuration(_ visit: Visit, _ line: Line) {
        let current = line.configVersion
        let isKnown = visit.request.headers.all("If-None-Match").contains { current.isNamed(inTags: $0) }
        if isKnown, let etag = HeaderField("ETag", current.etag) {
            return visit.answer(Response(status: 304, headers: [etag]))
        }
        visit.later({ heart.configuration(of: line.slot, answer: $0) }) { configuration in
            let etag = HeaderField("ETag", configuration.version.etag)
            return .json(configuration, headers: etag.map { [$0] } ?? [])
        }
    }
}
