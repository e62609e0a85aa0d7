import CoordinatorAPI
import HTTPServer
import JSON
import Platform
import TestSupport
import Testing
import Wire

/// What an answer is reduced to.
private enum Verdict: Character, CaseIterable {
    /// Let in, and it did what it is for.
    case done = "+"
    /// 401: something is missing, is written wrongly, is known to nobody.
    case unauthorized = "u"
    case invalidFormat = "f"
    case invalidToken = "t"
    /// 403: good, but not for this.
    case forbidden = "-"

    var text: String {
        switch self {
        case .done: "2xx"
        case .unauthorized: "401 UNAUTHORIZED"
        case .invalidFormat: "401 INVALID_AUTH_FORMAT"
        case .invalidToken: "401 INVALID_TOKEN"
        case .forbidden: "403 FORBIDDEN"
        }
    }
}

private let anyone = "+++ ++++ +++++ ++ ++++ +++"
private let client = "uft ++tt ---t- -u -uuu -uu"
private let agent = "uft --tt +--t- -u -uuu -uu"
private let agentOrAdmin = "uft --tt +--t- +u +uuu +uu"
private let clientOrAdmin = "uft ++tt ---t- +u +uuu +uu"
/// The same, where a token in the query is one.
private let listener = "uft ++tt ---t- ++ +uuu +uu"
/// The same, of the client in the path.
private let ownListener = "uft +-tt ---t- ++ +uuu +uu"
private let ownOrAdmin = "uft +-tt ---t- +u +uuu +uu"
private let admin = "uft --tt ---t- +u +uuu +uu"
/// A session is for the token alone, not for another session or a place.
private let adminToken = "uft --tt ---t- +u uuuu uuu"

/// Who may call what. The columns are those of `Credential`, in groups: no good token, clients', agents', the
/// administrator's, cookies, networks.
private let table: [(route: Route, verdicts: String)] = [
    (.service, anyone), (.health, anyone), (.apiHealth, anyone), (.ping, anyone), (.time, anyone), (.metrics, anyone),

    (.validateClient, client), (.register, client),

    (.heartbeat, agent), (.configuration, agent), (.commandResult, agent), (.pricingReport, agent),
    (.switchReport, agent), (.terminationReport, agent), (.cleanupReport, agent), (.terminationImminent, agent),
    (.rebalanceRecommendation, agent), (.instancesToTerminate, agent), (.launchReplica, agent),
    (.replicaStatus, agent),

    (.emergencyStatus, agentOrAdmin), (.replicas, agentOrAdmin), (.createReplica, agentOrAdmin),
    (.agent, agentOrAdmin), (.incidents, agentOrAdmin), (.incident, agentOrAdmin),
    (.readiness, agentOrAdmin),

    (.promoteReplica, admin), (.deleteReplica, admin), (.agents, admin),
    (.fleetReadiness, admin),
    (.instances, admin), (.commands, admin), (.events, admin), (.closeSession, admin), (.clients, admin),
    (.createClient, admin), (.deleteClient, admin), (.regenerateToken, admin), (.showToken, admin),
    (.toggleEnabled, admin), (.changeSettings, admin), (.deleteSlot, admin), (.forceSwitch, admin),
    (.switchSlot, admin), (.promoteInstance, admin),

    (.eventStream, listener), (.clientEventStream, ownListener), (.streamStats, admin),
    (.notifications, clientOrAdmin), (.markAllRead, clientOrAdmin), (.markRead, ownOrAdmin),

    (.openSession, adminToken),
]

struct WalkTests {
    @Test func `the table has one line for each route, and one column for each credential`() {
        #expect(table.map(\.route.rawValue).sorted() == Route.allCases.map(\.rawValue).sorted())
        for line in table { #expect(verdicts(line.verdicts).count == Credential.allCases.count, "\(line.route)") }
    }

    @Test(arguments: Route.allCases)
    func `a route lets in whom the table says, and nobody else`(route: Route) throws {
        let line = try #require(table.first { $0.route == route })
        try withCoordinator { site in
            let stage = try Stage(site)
            var scene: Scene?
            for (credential, expected) in zip(Credential.allCases, verdicts(line.verdicts)) {
                // Nobody is held up for the wrong credentials of the walk before.
                site.surroundings.advance(by: .seconds(61))
                let current = try scene ?? Scene(site, stage.client, route)
                let answer = try stage.ask(route, current, showing: credential)
                // Who was refused has changed nothing: the next finds it as it was.
                scene = answer.status < 300 ? nil : current
                let verdict = (200..<300).contains(answer.status) ? "2xx" : answer.verdict
                #expect(verdict == expected.text, "\(credential): \(answer.text)")
                #expect((answer["www-authenticate"] == "Bearer") == (answer.status == 401), "\(credential)")
            }
        }
    }

    private func verdicts(_ line: String) -> [Verdict] { line.compactMap { Verdict(rawValue: $0) } }
}
