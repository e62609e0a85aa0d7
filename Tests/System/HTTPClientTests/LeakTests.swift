import HTTPClient
import Platform
import TestSupport
import Testing

/// What two thousand requests leave behind.
@Suite struct LeakTests {
    @Test func `after two thousand requests of all kinds no descriptor and no thread is left`() throws {
        try LoopbackServer.run({ peer in
            while let request = try peer.receive() {
                if request.line.contains("/slow") { return try peer.waitForClose() }
                try peer.send(reply(headers: request.line.contains("/close") ? ["Connection: close"] : []))
                if request.line.contains("/close") { return }
            }
        }) { server in
            let port = server.port
            let left = try onOwnThread("test-leak", .descriptors) {
                let threads = try threadCount(named: "test-leak")
                let descriptors = try ownDescriptors()
                do {
                    let client = try Client(on: .systemd)
                    for round in 0..<100 { try runRound(round, client, "http://127.0.0.1:\(port)") }
                }
                return (try ownDescriptors().count - descriptors.count, try threadCount(named: "test-leak") - threads)
            }
            #expect(left == (0, 0))
        }
    }
}

/// Twenty requests: kept alive, closed, too large, refused, overdue and cancelled ones.
private func runRound(_ round: Int, _ client: Client, _ server: String) throws {
    var ended = 0
    for number in 0..<18 {
        let request =
            switch number {
            case 0..<12: get(server + "/")
            case 12..<14: get(server + "/close")
            case 14: get(server + "/", responseLimit: 1)
            case 15: get("http://127.0.0.1:1/")
            case 16: get(server + "/slow", deadline: .milliseconds(5))
            default: get("https" + server.dropFirst(4), deadline: .milliseconds(5))
            }
        client.transport.send(request) { _ in ended += 1 }
    }
    let calls = (0..<2).map { _ in client.transport.send(get(server + "/slow")) { _ in ended += 100 } }
    _ = client.run { ended == 18 }
    for call in calls { call.cancel() }
    #expect(ended == 18, "round \(round)")
    if round.isMultiple(of: 10) { try client.transport.closeConnections() }
}
