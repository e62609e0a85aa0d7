import HTTPServer
import JSON
import Wire

// Every answer that says no is made here, so that all have the one shape of `ErrorReply`.
extension Response {
    static func json(_ body: some JSONWritable, status: Int = 200, headers: [HeaderField] = []) -> Response {
        Response(status: status, headers: [.json] + headers, body: encodeJSON(body))
    }

    static func notFound(_ path: String) -> Response {
        .json(ErrorReply(.notFound, "no such path: \(path)"), status: 404)
    }

    static func methodNotAllowed(_ method: String, _ path: String, allowed: [String]) -> Response {
        let list = allowed.joined(separator: ", ")
        let reply = ErrorReply(.methodNotAllowed, "\(path) takes \(list), not \(method)")
        return .json(reply, status: 405, headers: HeaderField("Allow", list).map { [$0] } ?? [])
    }
}
