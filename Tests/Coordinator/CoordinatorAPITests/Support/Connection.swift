import Glibc
import HTTPServer
import JSON
import Platform
import TestSupport
import Testing
import Wire

/// One request as a test writes it.
struct Ask {
    var method: String
    var target: String
    var headers: [(name: String, value: String)] = []
    /// Nil: none, and no length is announced.
    var body: [UInt8]?

    init(_ method: String, _ target: String, token: String? = nil, body: String? = nil) {
        self.method = method
        self.target = target
        self.body = body.map { Array($0.utf8) }
        if let token { bear(token) }
    }

    /// `values` fill the places of the route's path as they are; `query` begins with its question mark.
    init(
        _ route: Route, _ values: [String] = [], query: String = "", token: String? = nil,
        body: (any JSONWritable)? = nil
    ) {
        self.init(route.row.method.rawValue, route.target(values) + query, token: token)
        if let body { self.body = encodeJSON(body) }
    }

    mutating func bear(_ token: String) { headers.append(("Authorization", "Bearer \(token)")) }

    func with(_ name: String, _ value: String) -> Ask {
        var ask = self
        ask.headers.append((name, value))
        return ask
    }

    func head(host: String) -> String {
        var head = "\(method) \(target) HTTP/1.1\r\n"
        if !headers.contains(where: { $0.name == "Host" }) { head += "Host: \(host)\r\n" }
        for (name, value) in headers { head += "\(name): \(value)\r\n" }
        if let body { head += "Content-Length: \(body.count)\r\n" }
        return head + "\r\n"
    }
}

extension Route {
    func target(_ values: [String]) -> String {
        var rest = values[...]
        let parts = row.template.segments.map { segment in
            switch segment {
            case .literal(let text): text
            case .parameter: rest.popFirst() ?? "missing"
            }
        }
        return "/" + parts.joined(separator: "/")
    }
}

/// What came back.
struct Answer {
    let status: Int
    let headers: [(name: String, value: String)]
    let body: [UInt8]

    /// The value of the first field of that name, given in small letters.
    subscript(name: String) -> String? { headers.first { $0.name == name }?.value }
    var text: String { String(decoding: body, as: UTF8.self) }
    var error: ErrorReply? { try? decodeJSON(ErrorReply.self, from: body) }
    /// `200`, or the status and the code of what was refused.
    var verdict: String { status < 400 ? "\(status)" : "\(status) \(error?.code.rawValue ?? "without a code")" }

    /// The body as what was asked for; anything but success fails.
    func read<Reply: JSONReadable>(_ type: Reply.Type = Reply.self) throws -> Reply {
        guard status == 200 else { throw TestSupportError("answered \(verdict): \(text)") }
        return try decodeJSON(type, from: body)
    }
}

extension Answer {
    /// A bare array.
    func readList<Entry: JSONReadable>(_ type: Entry.Type = Entry.self) throws -> [Entry] {
        guard status == 200 else { throw TestSupportError("answered \(verdict): \(text)") }
        return try JSONDocument(body).root.array().map { try Entry(from: $0) }
    }
}

/// What every answer that says no has.
func expectRefusal(_ answer: Answer, _ status: Int, _ code: String, said: String? = nil) throws {
    #expect(answer.status == status, "\(answer.text)")
    #expect(answer["content-type"] == "application/json")
    let fields = try JSONDocument(answer.body).root.object()
    #expect(try fields["code"]?.string() == code)
    #expect(try fields["error_code"]?.string() == code)
    #expect(try fields["status"]?.string() == "error")
    #expect(try fields["success"]?.boolean() == false)
    #expect(fields["data"]?.isNull == true)
    #expect(try fields["request_id"]?.string().isEmpty == false)
    let sentence = try #require(try fields["error"]?.string())
    #expect(!sentence.isEmpty)
    if let said { #expect(sentence.contains(said)) }
}

/// A connection to the site that says exactly what it is told to.
final class Connection {
    private let descriptor: FileDescriptor
    private let site: Site
    private var received: [UInt8] = []

    init(to site: Site, from source: String? = nil) throws {
        self.site = site
        descriptor = try connect(toPort: site.port, from: source)
    }

    /// How long bytes may be on their way.
    private var patience = Duration.seconds(10)

    /// Has the kernel keep no more than this of what is not read. Once nothing was read for a while the sender's kernel tries again after
    /// ever longer pauses, up to as long as that was: a minute, as writers are awaited no longer.
    func keep(bytes: Int32) {
        patience = .seconds(70)
        var size = bytes
        unsafe setsockopt(
            descriptor.number, SOL_SOCKET, SO_RCVBUF, &size, socklen_t(MemoryLayout<Int32>.size))
    }

    func send(_ ask: Ask) throws { try send(bytes: Array(ask.head(host: site.host).utf8) + (ask.body ?? [])) }
    func send(bytes: [UInt8]) throws { try sendAll(bytes, to: descriptor.number) }

    func ask(_ ask: Ask) throws -> Answer {
        try send(ask)
        return try answer(hasBody: ask.method != "HEAD")
    }

    /// The next answer; throws when it does not come in time.
    func answer(hasBody: Bool = true) throws -> Answer {
        let lines = try head()
        var headers: [(name: String, value: String)] = []
        for line in lines.dropFirst() {
            let parts = line.split(separator: ":", maxSplits: 1)
            guard parts.count == 2 else { throw TestSupportError("not a header field: \(line)") }
            headers.append((parts[0].lowercased(), String(parts[1].drop { $0 == " " })))
        }
        let status = lines[0].split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
        let length = hasBody ? headers.first { $0.name == "content-length" }.flatMap { Int($0.value) } ?? 0 : 0
        let answer = Answer(status: status, headers: headers, body: try take(length))
        site.note(answer)
        return answer
    }

    /// The next chunk of an answer without end; nil at its proper end.
    func chunk() throws -> [UInt8]? {
        while received.firstRange(of: Array("\r\n".utf8)) == nil { try receive() }
        let end = received.firstIndex(of: 13) ?? 0
        guard let length = Int(String(decoding: try take(end + 2).dropLast(2), as: UTF8.self), radix: 16) else {
            throw TestSupportError("not a chunk's length")
        }
        let chunk = try take(length + 2).dropLast(2)
        return length == 0 ? nil : Array(chunk)
    }

    private func head() throws -> [String] {
        let end = Array("\r\n\r\n".utf8)
        while true {
            if let place = received.firstRange(of: end) {
                let text = String(decoding: received[..<place.lowerBound], as: UTF8.self)
                received.removeSubrange(..<place.upperBound)
                return text.split(separator: "\r\n").map(String.init)
            }
            try receive()
        }
    }

    private func take(_ count: Int) throws -> [UInt8] {
        while received.count < count { try receive() }
        defer { received.removeFirst(count) }
        return Array(received.prefix(count))
    }

    private func receive() throws {
        let some = try receiveSome(from: descriptor.number, within: patience)
        guard !some.isEmpty else { throw TestSupportError("the server closed after \(received.count) bytes") }
        received += some
    }
}
