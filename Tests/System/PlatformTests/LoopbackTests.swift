import Platform
import TestSupport
import Testing

struct LoopbackTests {
    @Test func `bytes go both ways over a loopback connection`() throws {
        let listener = try LoopbackListener()
        let client = try connect(toPort: listener.port)
        let server = try listener.accept()
        try sendAll(Array("question".utf8), to: client.number)
        #expect(try receiveSome(from: server.number) == Array("question".utf8))
        try sendAll([UInt8](repeating: 1, count: 1_000), to: server.number)
        _ = consume server
        #expect(try receiveAll(from: client.number).count == 1_000)
    }

    @Test func `waiting for what does not come has an end`() throws {
        let listener = try LoopbackListener()
        #expect(throws: TestSupportError.self) {
            let connection = try listener.accept(within: .milliseconds(10))
            _ = connection.number
        }
    }
}
