import BenchmarkSupport
import Platform

/// One listener to the live stream, which notes what it was told when.
final class Listening {
    /// Each name and when it came last.
    var heard: [String: Duration] = [:]
    private(set) var heartbeats = 0
    private var connection: Connection?
    private var rest: [UInt8] = []
    private let swarm: Swarm

    init(_ swarm: Swarm, to port: UInt16, number: Int, token: String) throws {
        self.swarm = swarm
        let connection = try Connection(swarm, to: port, number: number) {
            throw BenchmarkError("the coordinator ended a live stream")
        }
        self.connection = connection
        let request = "GET /api/events/stream HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer \(token)\r\n\r\n"
        try connection.stream(Array(request.utf8)) { [unowned self] in take($0) }
    }

    func close() { connection?.close() }

    /// The lines that name an event; a piece may end in the middle of one.
    private func take(_ bytes: ArraySlice<UInt8>) {
        rest += bytes
        while let end = rest.firstIndex(of: 0x0A) {
            let line = rest[..<end]
            if line.starts(with: "event: ".utf8) {
                let name = String(decoding: line.dropFirst(7), as: UTF8.self)
                heard[name] = swarm.now
                if name == "HEARTBEAT" { heartbeats += 1 }
            }
            rest.removeSubrange(...end)
        }
    }
}
