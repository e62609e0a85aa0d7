import Glibc
import Platform
import TestSupport

/// A client that sends exactly the bytes it is told to.
final class TestClient: Sendable {
    let descriptor: FileDescriptor

    init(port: UInt16?) throws { descriptor = try connect(toPort: try known(port)) }

    func send(_ text: String) throws { try sendAll(Array(text.utf8), to: descriptor.number) }

    func send(bytes: [UInt8]) throws { try sendAll(bytes, to: descriptor.number) }

    /// Gives up sending when the server has closed; for tests that want it to.
    func sendWhilePossible(_ text: String) { try? send(text) }

    /// The next answer. `hasBody` false: the answer to a HEAD.
    func response(hasBody: Bool = true, within limit: Duration = .seconds(10)) throws -> TestResponse {
        var reader = Reader(descriptor: descriptor.number, limit: limit)
        let head = try reader.line()
        let status = head.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
        var headers: [String: String] = [:]
        while true {
            let line = try reader.line()
            if line.isEmpty { break }
            guard let colon = line.firstIndex(of: ":") else { throw TestSupportError("not a header field: \(line)") }
            headers[line[..<colon].lowercased()] = String(line[line.index(after: colon)...].drop { $0 == " " })
        }
        var response = TestResponse(status: status, headers: headers, body: [])
        guard hasBody && status >= 200 && status != 204 else { return response }
        if headers["transfer-encoding"] == "chunked" {
            while let chunk = try reader.chunk() { response.body += chunk }
        } else if let length = headers["content-length"].flatMap({ Int($0) }) {
            response.body = try reader.bytes(length)
        } else {
            response.body = try receiveAll(from: descriptor.number, within: limit)
        }
        return response
    }

    /// The header of a stream's answer; the pieces stay to be read with `chunk`.
    func streamHead(within limit: Duration = .seconds(10)) throws -> Int {
        var reader = Reader(descriptor: descriptor.number, limit: limit)
        let head = try reader.line()
        while try !reader.line().isEmpty {}
        return head.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
    }

    /// The next chunk of a stream; nil at its proper end.
    func chunk(within limit: Duration = .seconds(10)) throws -> String? {
        var reader = Reader(descriptor: descriptor.number, limit: limit)
        return try reader.chunk().map { String(decoding: $0, as: UTF8.self) }
    }

    /// Whether the server closes without having said anything.
    func isClosedSilently() throws -> Bool { try receiveAll(from: descriptor.number).isEmpty }

    /// Throws when the server does not close in time. A reset is an end too.
    func awaitClose(within limit: Duration = .seconds(10)) throws {
        do {
            while try !receiveSome(from: descriptor.number, within: limit).isEmpty {}
        } catch let error as TestSupportError where error.description.contains("\(ECONNRESET)") {}
    }
}

struct TestResponse: Equatable {
    var status: Int
    var headers: [String: String]
    var body: [UInt8]
    var text: String { String(decoding: body, as: UTF8.self) }
}

/// Reads byte by byte: nothing of the next answer is taken with this one.
private struct Reader {
    let descriptor: Int32
    let limit: Duration

    mutating func line() throws -> String {
        var line: [UInt8] = []
        while line.last != UInt8(ascii: "\n") { line += try bytes(1) }
        return String(decoding: line.dropLast(2), as: UTF8.self)
    }

    mutating func bytes(_ count: Int) throws -> [UInt8] {
        var bytes: [UInt8] = []
        while bytes.count < count {
            let some = try receiveSome(from: descriptor, limit: count - bytes.count, within: limit)
            if some.isEmpty { throw TestSupportError("the server closed after \(bytes.count) of \(count) bytes") }
            bytes += some
        }
        return bytes
    }

    mutating func chunk() throws -> [UInt8]? {
        let line = try line()
        guard let length = Int(line, radix: 16) else { throw TestSupportError("not a chunk length: \(line)") }
        let chunk = try bytes(length)
        _ = try bytes(2)
        return length == 0 ? nil : chunk
    }
}

func known(_ port: UInt16?) throws -> UInt16 {
    guard let port else { throw TestSupportError("the listener has no port") }
    return port
}
