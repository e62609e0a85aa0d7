import AgentCore
import AgentHost
import HTTPServer
import JSON
import Platform
import TestSupport
import Testing
import Wire

/// What goes over the wire for each question, and what is made of whatever comes back.
struct UplinkTests {
    private static let slot: SlotID = "a-1"

    /// A coordinator that answers as it is told, and an uplink to it.
    private final class Scene {
        let loop = PollLoop()
        private let taken = Monitor<[Request]>([])
        var seen: [Request] { taken.wait(until: .zero) { $0 } ?? [] }
        private let listener: Listener
        let uplink: Uplink
        private var count: UInt64 = 0

        init(prefix: String = "", _ answer: @escaping @Sendable (Request) -> Response?) throws {
            var options = ListenerOptions(
                address: .address("127.0.0.1", port: 0), surroundings: SystemSurroundings())
            options.workers = 1
            listener = try Listener(options) { [taken] request, exchange in
                taken.change { $0.append(request) }
                if let response = answer(request) {
                    exchange.answer(response)
                } else {
                    exchange.park(for: .seconds(30)) { Response(status: 503) }
                }
            }
            uplink = try Uplink(
                loop: loop, server: "http://127.0.0.1:\(listener.port ?? 0)\(prefix)", caFile: nil,
                clientToken: try Token("client-token-1"))
        }

        deinit { listener.stop(within: .zero) }

        func ask(_ question: Question, within time: Duration = .seconds(5)) throws -> Result<Answer, AskFailure> {
            var answer: Result<Answer, AskFailure>?
            count += 1
            uplink.ask(ExchangeID(count), question, within: time) { answer = $0 }
            _ = loop.run(until: { answer != nil })
            return try #require(answer)
        }
    }

    private static func questions() throws -> [(Question, String, String)] {
        let token = try Token("agent-token-1")
        let machine: InstanceID = "i-0123456789abcdef0"
        let stamp = ReportStamp(report: "r-1", instance: machine)
        let registration = Registration(logicalAgent: "web", instance: machine, region: "us-east-1", hostname: "h")
        let heartbeat = Heartbeat(status: .online, instance: machine)
        let notice = Notice(instance: machine, signal: .rebalance, detectedAt: .earliest)
        let result = CommandResult(
            .done, message: "it is done", instance: machine, attempt: 1, epoch: 1, finishedAt: .earliest)
        let cleaned = CleanupReport(
            stamp: stamp, timestamp: .earliest, snapshots: CleanupReport.Pass(), images: CleanupReport.Pass())
        return [
            (.register(registration), "POST", "/api/agents/register"),
            (.service, "GET", "/"), (.time, "GET", "/time"), (.client, "GET", "/api/client/validate"),
            (.heartbeat(heartbeat, wait: 3, of: slot, token), "POST", "/api/agents/a-1/heartbeat?wait=3"),
            (.heartbeat(heartbeat, wait: 0, of: slot, token), "POST", "/api/agents/a-1/heartbeat"),
            (.configuration(have: 7, of: slot, token), "GET", "/api/agents/a-1/config"),
            (.notice(notice, of: slot, token), "POST", "/api/agents/a-1/rebalance-recommendation"),
            (
                .report(Report("r-1", .result(result, of: "c-1")), of: slot, token), "POST",
                "/api/agents/a-1/commands/c-1/executed"
            ),
            (.report(Report("r-1", .cleaned(cleaned)), of: slot, token), "POST", "/api/agents/a-1/cleanup-report"),
            (
                .report(
                    Report("r-1", .replicaLaunched(ReplicaLaunch(instance: machine, status: .syncing), for: "p-1")),
                    of: slot, token), "PUT", "/api/agents/a-1/replicas/p-1"
            ),
        ]
    }

    @Test func `each question goes to its place, with the token that it needs and no other`() throws {
        for (question, method, target) in try Self.questions() {
            let scene = try Scene(prefix: "/behind/a/proxy") { _ in Response(status: 200, body: Array("{}".utf8)) }
            _ = try scene.ask(question)
            let request = try #require(scene.seen.first)
            #expect(request.method == method)
            #expect(request.target == "/behind/a/proxy" + target)
            let token: String? =
                switch question {
                case .register, .client: "Bearer client-token-1"
                // Whoever answers there may not be ours.
                case .service, .time: nil
                default: "Bearer agent-token-1"
                }
            #expect(request.headers[name: "Authorization"] == token)
            #expect(request.headers[name: "Spot-Protocol"] == "1")
            let isConfiguration = if case .configuration = question { true } else { false }
            #expect((request.headers[name: "If-None-Match"] == "\"7\"") == isConfiguration)
        }
    }

    @Test(arguments: [
        (200, "<html>not ours</html>", "rubbish"), (200, "", "rubbish"), (200, "{}", "rubbish"),
        (302, "", "rubbish"), (502, "<html>", "rubbish"), (401, "", "rubbish"),
        (401, #"{"error": "no", "code": "INVALID_TOKEN"}"#, "401 INVALID_TOKEN no"),
        (503, #"{"error": "later", "code": "UNAVAILABLE"}"#, "503 UNAVAILABLE later after 2.0 seconds"),
    ])
    func `whatever comes back is an answer or a failure that says what it was`(
        status: Int, body: String, meaning: String
    ) throws {
        let scene = try Scene { _ in
            var response = Response(status: status, body: Array(body.utf8))
            if status == 503 { response.headers = [HeaderField(constant: "Retry-After", "2")] }
            return response
        }
        let heartbeat = Heartbeat(status: .online, instance: "i-0123456789abcdef0")
        switch try scene.ask(.heartbeat(heartbeat, wait: 0, of: Self.slot, try Token("t"))) {
        case .failure(.rubbish): #expect(meaning == "rubbish")
        case .failure(.refused(let status, let code, let sentence, let wait)):
            #expect(meaning == "\(status) \(code.rawValue) \(sentence)" + (wait.map { " after \($0)" } ?? ""))
        case let other: #expect(Bool(false), "\(other)")
        }
    }

    @Test func `an unchanged configuration is none`() throws {
        let scene = try Scene { _ in Response(status: 304) }
        #expect(
            try scene.ask(.configuration(have: 7, of: Self.slot, try Token("t"))) == .success(.configurationUnchanged))
    }

    @Test func `a coordinator that does not answer costs the deadline, and is told as such`() throws {
        let scene = try Scene { _ in nil }
        let question = Question.configuration(have: nil, of: Self.slot, try Token("t"))
        guard case .failure(.unreachable(let reason)) = try scene.ask(question, within: .milliseconds(200)) else {
            return #expect(Bool(false), "no failure")
        }
        #expect(reason.contains("no complete answer"))
        #expect(!reason.contains("Bearer"))
    }

    @Test func `what was abandoned is never answered`() throws {
        let scene = try Scene { _ in nil }
        var isAnswered = false
        let question = Question.configuration(have: nil, of: Self.slot, try Token("t"))
        scene.uplink.ask(ExchangeID(77), question, within: .milliseconds(100)) { _ in isAnswered = true }
        _ = scene.loop.run(until: { scene.seen.count == 1 })
        scene.uplink.abandon(ExchangeID(77))
        #expect(!scene.loop.run(within: .milliseconds(300), until: { isAnswered }))
    }
}
