import Glibc
package import JSON
import Platform

/// An answer, as it came.
package struct PlainReply: Sendable {
    package let status: Int
    /// The status line and the header fields.
    package let head: String
    package let body: [UInt8]

    package var text: String { String(decoding: body, as: UTF8.self) }
    package func decode<Value: JSONReadable>(_ type: Value.Type) throws -> Value { try decodeJSON(type, from: body) }
}

/// One kept-alive connection, to this machine where nothing else is said, that speaks HTTP/1.1 as any program might, one request
/// at a time: for tests that look at a server from outside. It throws when the connection ends; a status is never an error.
package final class PlainClient {
    private let descriptor: FileDescriptor
    private let host: String
    var number: Int32 { descriptor.number }

    /// `host` is an address in figures.
    package init(port: UInt16, host: String = "127.0.0.1") throws {
        self.host = host
        descriptor = try connect(toPort: port, of: host)
    }

    package func ask(
        _ method: String, _ path: String, token: String? = nil, body: (any JSONWritable)? = nil,
        headers: [String] = [], within limit: Duration = .seconds(10)
    ) throws -> PlainReply {
        try send(method, path, token: token, body: body, headers: headers)
        return try receive(within: limit)
    }

    /// Only asks, as a heartbeat that is parked does.
    package func send(
        _ method: String, _ path: String, token: String? = nil, body: (any JSONWritable)? = nil, headers: [String] = []
    ) throws {
        let content = body.map { encodeJSON($0) } ?? []
        var head = ["\(method) \(path) HTTP/1.1", "Host: \(host)"] + headers
        if let token { head.append("Authorization: Bearer \(token)") }
        if body != nil || method != "GET" { head.append("Content-Length: \(content.count)") }
        try sendAll(Array((head + ["", ""]).joined(separator: "\r\n").utf8) + content, to: descriptor.number)
    }

    package func receive(within limit: Duration = .seconds(10)) throws -> PlainReply {
        var bytes: [UInt8] = []
        func more() throws {
            let some = try receiveSome(from: descriptor.number, within: limit)
            guard !some.isEmpty else { throw TestSupportError("the connection ended after \(bytes.count) bytes") }
            bytes += some
        }
        var end = bytes.endOfHead
        while end == nil {
            try more()
            end = bytes.endOfHead
        }
        let start = end ?? 0
        let head = String(decoding: bytes[..<start], as: UTF8.self)
        let length = head.firstMatch(of: /(?i)\r\ncontent-length: *(\d+)/).flatMap { Int($0.output.1) } ?? 0
        while bytes.count < start + length { try more() }
        guard bytes.count == start + length,
            let status = head.split(separator: " ").dropFirst().first.flatMap({ Int($0) })
        else { throw TestSupportError("this is no answer to one request: \(String(decoding: bytes, as: UTF8.self))") }
        return PlainReply(status: status, head: head, body: Array(bytes[start...]))
    }
}

extension [UInt8] {
    /// Behind the empty line.
    var endOfHead: Int? {
        guard count >= 4 else { return nil }
        return (0...(count - 4)).first {
            self[$0] == 13 && self[$0 + 1] == 10 && self[$0 + 2] == 13 && self[$0 + 3] == 10
        }
        .map { $0 + 4 }
    }
}
