import AgentCore
import AgentHost
import Glibc
import Platform
import Systemd
import TestSupport
import Testing

/// One look whether the workload serves: over HTTP, and by a connection.
struct ProbeTests {
    /// `serve` has its turn with each of the loop's.
    private func outcome(
        of probe: Probe, within time: Duration = .seconds(5), _ serve: () throws -> Void = {}
    ) throws -> Result<Acted, ActFault> {
        let loop = try Loop()
        let acting = Acting(loop: loop, line: nil, hooks: [:], surroundings: SystemSurroundings()) { _, _ in }
        var outcomes: [Result<Acted, ActFault>] = []
        acting.act(ActID(0), .probe(probe), within: time) { outcomes.append($0) }
        let deadline = loop.now + time + .seconds(2)
        while outcomes.isEmpty, loop.now < deadline {
            _ = try loop.turn(timeout: .milliseconds(10))
            try serve()
        }
        try #require(outcomes.count == 1)
        return outcomes[0]
    }

    private func why(_ outcome: Result<Acted, ActFault>) -> String {
        if case .success(.servesNot(let why)) = outcome { why } else { "\(outcome)" }
    }

    @Test(arguments: [
        (200, "", true), (204, "", true), (299, "", true), (302, "Location: /elsewhere\r\n", false), (404, "", false),
        (503, "", false),
    ])
    func `a page proves it by its own status, and what it leads to proves nothing`(
        status: Int, header: String, serves: Bool
    ) throws {
        let listener = try LoopbackListener()
        var connection: Int32?
        let outcome = try outcome(of: .url("http://127.0.0.1:\(listener.port)/health?deep=1")) {
            guard connection == nil, let accepted = try? listener.accept(within: .milliseconds(1)) else { return }
            connection = accepted.release()
            let answer = "HTTP/1.1 \(status) X\r\n\(header)Content-Length: 0\r\n\r\n"
            try sendAll(Array(answer.utf8), to: connection ?? -1)
        }
        close(try #require(connection))
        #expect((outcome == .success(.serves)) == serves, "\(outcome)")
        if !serves { #expect(why(outcome).hasSuffix("answered with \(status)")) }
    }

    @Test func `nobody there, and somebody who says nothing, is told as what it is`() throws {
        let port = try unusedLoopbackPort()
        #expect(try why(outcome(of: .url("http://127.0.0.1:\(port)"))).contains("connect"))
        let silent = try LoopbackListener()
        let begin = SystemSurroundings().monotonic()
        let said = try why(outcome(of: .url("http://127.0.0.1:\(silent.port)"), within: .milliseconds(300)))
        #expect(said.contains("no"), "\(said)")
        #expect(SystemSurroundings().monotonic() - begin < .seconds(1))
    }

    @Test func `a connection proves it, a refusal does not, and a name of this machine needs no name server`() throws {
        let listener = try LoopbackListener()
        #expect(try outcome(of: .port(host: "127.0.0.1", Int(listener.port))) == .success(.serves))
        #expect(try outcome(of: .port(host: "localhost", Int(listener.port))) == .success(.serves))
        let port = try unusedLoopbackPort()
        let refused = try why(outcome(of: .port(host: "localhost", Int(port))))
        #expect(refused.contains("connect to 127.0.0.1:\(port): connection refused"), "\(refused)")
        #expect(try why(outcome(of: .port(host: "web.example", 80))).contains("not an address and a port in figures"))
    }
}
