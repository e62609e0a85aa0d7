import Glibc
import JSON
import Platform
import TestSupport
import Testing
import Wire

/// The live stream of the real program, as curl shows it.
struct StreamTests {
    /// Follows it with curl until the test ends it.
    private func curl(_ coordinator: RunningCoordinator, _ query: String, headers: [String] = []) throws -> ChildProcess
    {
        let url = "http://127.0.0.1:\(coordinator.port)/api/events/stream\(query)"
        return try ChildProcess(
            "/usr/bin/curl", ["-sN", url] + headers.flatMap { ["-H", $0] }, environment: [:])
    }

    @Test func `curl shows each line as it comes, and at the stop why there is no more`() throws {
        try withTemporaryFolder { folder in
            let coordinator = try RunningCoordinator(in: folder)
            let client = try coordinator.makeClient()
            let bearer = "Authorization: Bearer \(try coordinator.adminToken)"
            let follower = try curl(coordinator, "", headers: [bearer])
            let own = try curl(coordinator, "?token=\(client.token.secret)")
            for stream in [follower, own] { try stream.waitForText("event: CONNECTED") }
            _ = try coordinator.enrol(.of("web-1", machine: 1), with: client.token)
            for stream in [follower, own] { try stream.waitForText("event: AGENT_STATUS_CHANGED") }
            let outcome = try coordinator.stop()
            #expect(outcome.status == 0)
            for stream in [follower, own] {
                let said = try stream.waitForEnd()
                #expect(said.status == 0, "curl saw the stream end as it should")
                #expect(said.output.contains("event: CLOSING\ndata: {\"data\":{\"reason\":\"the coordinator stops"))
            }
            #expect(!outcome.errors.contains(client.token.secret), "a token in an address is logged nowhere")
        }
    }

    @Test func `after a restart the stream goes on where it was`() throws {
        try withTemporaryFolder { folder in
            var coordinator = try RunningCoordinator(in: folder)
            let client = try coordinator.makeClient()
            _ = try coordinator.enrol(.of("web-1", machine: 1), with: client.token)
            let bearer = "Authorization: Bearer \(client.token.secret)"
            let first = try curl(coordinator, "", headers: [bearer])
            try first.waitForText("event: CONNECTED")
            _ = try coordinator.enrol(.of("web-2", machine: 2), with: client.token)
            try first.waitForText("i-00000000000000002")
            try coordinator.kill()
            let heard = try first.waitForEnd().output
            let last = try #require(heard.matches(of: /id: (?<id>\S+)/).last?.output.id)

            coordinator = try RunningCoordinator(in: folder)
            _ = try coordinator.enrol(.of("web-3", machine: 3), with: client.token)
            let again = try curl(coordinator, "", headers: [bearer, "Last-Event-ID: \(last)"])
            try again.waitForText("i-00000000000000003")
            _ = try coordinator.stop()
            let went = try again.waitForEnd().output
            #expect(went.matches(of: /event: AGENT_STATUS_CHANGED/).count == 1)
            #expect(!went.contains("i-00000000000000002"))
        }
    }
}
