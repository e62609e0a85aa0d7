import CoordinatorHeart
import HTTPServer
import JSON
import TestSupport
import Wire

/// One event of a stream, as it came.
struct Heard: Equatable {
    var id: String?
    var name = ""
    var data = ""

    /// What happened.
    func text(_ field: String) throws -> String? {
        try JSONDocument(Array(data.utf8)).root.object()["data"]?.object()[field]?.string()
    }
}

/// A listener of a test, which reads one event after the other.
final class EventStream {
    let answer: Answer
    private let connection: Connection
    private var text = ""

    /// Opens it. One that is refused throws.
    init(
        _ site: Site, _ path: String = "/api/events/stream", token: String? = Site.adminToken, after id: String? = nil,
        keeping bytes: Int32? = nil
    ) throws {
        // What was answered is told a moment later, and belongs to what was before.
        site.heart.settle(within: .seconds(10))
        connection = try Connection(to: site)
        if let bytes { connection.keep(bytes: bytes) }
        var ask = Ask("GET", path, token: token)
        if let id { ask = ask.with("Last-Event-ID", id) }
        answer = try connection.ask(ask)
        guard answer.status == 200 else { throw TestSupportError("refused: \(answer.verdict) \(answer.text)") }
    }

    /// The next event, whatever it is; nil at the end.
    func next() throws -> Heard? {
        while true {
            if let end = text.firstRange(of: "\n\n") {
                let block = text[..<end.lowerBound]
                text = String(text[end.upperBound...])
                return Heard(block)
            }
            guard let chunk = try connection.chunk() else { return nil }
            text += String(decoding: chunk, as: UTF8.self)
        }
    }

    /// As many as that, which all have to be lines of the log.
    func lines(_ count: Int) throws -> [Heard] {
        try (0..<count).map { _ in
            guard let heard = try next(), try heard.text("event_type") != nil else {
                throw TestSupportError("no line of the log came")
            }
            return heard
        }
    }
}

extension Heard {
    fileprivate init(_ block: Substring) {
        for line in block.split(separator: "\n") {
            let parts = line.split(separator: ":", maxSplits: 1)
            let value = parts.count > 1 ? String(parts[1].drop { $0 == " " }) : ""
            switch parts.first {
            case "id": id = value
            case "event": name = value
            case "data": data = value
            default: break
            }
        }
    }
}
