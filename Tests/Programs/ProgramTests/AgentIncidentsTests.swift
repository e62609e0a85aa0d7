import AgentCore
import AgentHost
import Glibc
import JSON
import Platform
import PretendMetadata
import TestSupport
import Testing
import Wire

/// `spot-agent incidents`, the built one.
@Suite(.serialized) struct AgentIncidentsTests {
    private static let time = Timestamp(rfc3339: "2026-11-20T20:00:00Z") ?? .earliest
    private static let token = "agent-token-of-web-1"

    /// A state folder as an agent leaves it, and a coordinator that answers these pages; without any nobody is there.
    private func incidents(
        _ arguments: [String] = [], pages: [String: String]? = nil, entries: [Entry]? = nil,
        through wrapper: [String] = []
    ) throws -> (outcome: ChildOutcome, shown: [String]) {
        try withTemporaryFolder { folder in
            unsafe mkdir("\(folder)/state", 0o700)
            let lines = try entries ?? Self.entries()
            try replaceFile("\(folder)/state/state.log", with: RecordFile.text(of: [lines.map(encodeJSON)]))
            let site = try pages.map(PretendPages.init)
            defer { site?.stop() }
            let command = wrapper + [try builtProgram("spot-agent"), "incidents"] + arguments
            let outcome = try ChildProcess(
                command[0], Array(command.dropFirst()),
                environment: [
                    "STATE_DIRECTORY": "\(folder)/state",
                    "SPOT_OPTIMIZER_SERVER_URL": site?.url ?? "http://127.0.0.1:1",
                    "SPOT_OPTIMIZER_CLIENT_TOKEN": "client-token-unused",
                ]
            ).waitForEnd(within: .seconds(20))
            #expect(!outcome.output.contains(Self.token) && !outcome.errors.contains(Self.token))
            return (outcome, site?.shown ?? [])
        }
    }

    private static func entries() throws -> [Entry] {
        var demoted = CommandResult(
            .fenced, message: "web.service is stopped\u{1B}[2J", instance: "i-0123456789abcdef0", attempt: 1, epoch: 4,
            finishedAt: time + .seconds(4))
        demoted.ledger = [
            LedgerStep(name: "drain", budgetMilliseconds: 5_000, tookMilliseconds: 1_042, outcome: .done),
            LedgerStep(name: "stop web.service", budgetMilliseconds: 3_000, tookMilliseconds: nil, outcome: .dropped),
        ]
        let open = Command(
            id: "cmd-2", instance: "i-0123456789abcdef0", order: .inspectInstance("i-89abcdef"), priority: 50,
            createdAt: time, expiresAt: time + .seconds(60), leaseSeconds: 10, attempt: 1, epoch: 4)
        return [
            .enrolled(
                Enrolment(
                    instance: "i-0123456789abcdef0", slot: "a-1", client: "c-1", token: try Token(token))),
            .commandEnded("cmd-1", demoted), .commandTaken(open, at: time + .seconds(9)),
        ]
    }

    private static func incident() -> Incident {
        var incident = Incident(
            id: "inc-1", slot: "a-1", instance: "i-0123456789abcdef0", kind: .interruption, state: .met,
            detectedAt: time,
            epoch: 4)
        incident.successor = "i-89abcdef"
        incident.verifiedAt = time + .milliseconds(6_042)
        return incident
    }

    @Test func `the agent's incidents are listed, asked for in its own name`() throws {
        let list = String(decoding: encodeJSON(IncidentList(incidents: [Self.incident()])), as: UTF8.self)
        let (outcome, shown) = try incidents(pages: ["/api/incidents": list])
        #expect(outcome.status == 0, "\(outcome.errors)")
        for word in ["INCIDENT", "inc-1", "interruption", "met", "2026-11-20T20:00:00Z", "i-89abcdef", "6.042 s"] {
            #expect(outcome.output.contains(word), "\(outcome.output)")
        }
        #expect(shown == ["Bearer \(Self.token)"])
        #expect(try incidents(["--json"], pages: ["/api/incidents": list]).outcome.output == list + "\n")
    }

    @Test func `one incident is the coordinator's own story, without what steers a terminal`() throws {
        let story = "+0.000  web-1  notice\n+6.042  web-2  proven\u{1B}[31m\n"
        let outcome = try incidents(["inc-1"], pages: ["/api/incidents/inc-1": story]).outcome
        #expect(outcome.status == 0 && outcome.output == "+0.000  web-1  notice\n+6.042  web-2  proven?[31m\n")
    }

    @Test func `an incident that is not there, or another's, is a failure with the coordinator's sentence`() throws {
        try withTemporaryFolder { folder in
            let coordinator = try RunningCoordinator(in: folder)
            let missing = try incidents(["inc-9"], server: coordinator.port)
            #expect(missing.status == 1 || missing.status == 69, "\(missing)")
            #expect(!missing.errors.isEmpty && missing.output.isEmpty)
        }
    }

    private func incidents(_ arguments: [String], server port: UInt16) throws -> ChildOutcome {
        try withTemporaryFolder { folder in
            unsafe mkdir("\(folder)/state", 0o700)
            try replaceFile(
                "\(folder)/state/state.log", with: RecordFile.text(of: [Self.entries().map(encodeJSON)]))
            return try ChildProcess(
                builtProgram("spot-agent"), ["incidents"] + arguments,
                environment: [
                    "STATE_DIRECTORY": "\(folder)/state", "SPOT_OPTIMIZER_SERVER_URL": "http://127.0.0.1:\(port)",
                    "SPOT_OPTIMIZER_CLIENT_TOKEN": "client-token-unused",
                ]
            ).waitForEnd(within: .seconds(20))
        }
    }

    @Test func `without a coordinator it says so, and tells what this machine remembers`() throws {
        let outcome = try incidents().outcome
        #expect(outcome.status == 69)
        #expect(outcome.errors.contains("127.0.0.1:1") && outcome.errors.contains("What this machine remembers"))
        #expect(
            outcome.output == """
                cmd-2 inspect_instance, under way since 2026-11-20T20:00:09Z

                cmd-1 fenced at 2026-11-20T20:00:04Z: web.service is stopped?[2J
                     drain             1.042 s  of 5.000 s  done
                     stop web.service  -        of 3.000 s  dropped

                """)
    }

    @Test func `a page of another program is no coordinator's answer`() throws {
        let outcome = try incidents(pages: ["*": "<html>hello</html>"]).outcome
        #expect(outcome.status == 1 && outcome.errors.contains("cannot be read"), "\(outcome.errors)")
    }

    @Test func `a machine that is not enrolled has none, and says so`() throws {
        let outcome = try incidents(entries: []).outcome
        #expect(outcome.status == 69 && outcome.errors.contains("not enrolled yet"), "\(outcome.errors)")
    }

    @Test func `a name that is none is a mistyped command line`() throws {
        #expect(try incidents(["no such"]).outcome.status == 64)
    }

    @Test(.enabled(if: geteuid() == 0, "needs root, to become another user"))
    func `whoever may not read the agent's token is told who may`() throws {
        let user = ["/usr/bin/setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
        let outcome = try incidents(through: user).outcome
        #expect(outcome.status == 77 && outcome.errors.contains("run this as root"), "\(outcome.errors)")
    }
}
