import Crypto
import HTTPServer
import JSON
import SandboxCore

/// Who signed a request with Signature Version 4, computed anew.
struct Signature {
    private let scope: [String]
    private let signedNames: [String]
    private let text: String

    /// Nil for a header that is none of that kind.
    private init?(_ authorization: String) {
        let prefix = "AWS4-HMAC-SHA256 "
        guard authorization.hasPrefix(prefix) else { return nil }
        var parts: [Substring: String] = [:]
        for part in authorization.dropFirst(prefix.count).split(whereSeparator: { $0 == "," || $0 == " " }) {
            let pair = part.split(separator: "=", maxSplits: 1)
            if pair.count == 2 { parts[pair[0]] = String(pair[1]) }
        }
        scope = (parts["Credential"] ?? "").split(separator: "/").map(String.init)
        signedNames = (parts["SignedHeaders"] ?? "").split(separator: ";").map(String.init)
        text = parts["Signature"] ?? ""
        guard scope.count == 5, !signedNames.isEmpty, !text.isEmpty else { return nil }
    }

    static func signer(of request: Request, in world: World, at wall: Timestamp) -> Question.Signer {
        guard let header = request.headers[name: "Authorization"] else { return .nobody }
        guard let signature = Signature(header), let date = request.headers[name: "X-Amz-Date"] else {
            return .wrongSignature
        }
        guard let key = world.key(of: signature.scope[0]), key.token == request.headers[name: "X-Amz-Security-Token"]
        else { return .unknownKey }
        guard let time = time(date), abs((wall - time).components.seconds) <= 300 else { return .tooOld }
        let right = signature.compute(request, date, key.secret)
        let isRight = constantTimeEquals(Array(right.utf8), Array(signature.text.utf8))
        return isRight ? .known(accessKey: signature.scope[0]) : .wrongSignature
    }

    /// Of `20261120T130500Z`.
    private static func time(_ date: String) -> Timestamp? {
        let text = Array(date)
        guard text.count == 16 else { return nil }
        func part(_ range: Range<Int>) -> String { String(text[range]) }
        let day = "\(part(0..<4))-\(part(4..<6))-\(part(6..<8))"
        return Timestamp(rfc3339: "\(day)T\(part(9..<11)):\(part(11..<13)):\(part(13..<15))Z")
    }

    private func compute(_ request: Request, _ date: String, _ secret: String) -> String {
        let fields = signedNames.map { name in
            let values = request.headers.all.filter { $0.name.lowercased() == name }.map(\.value)
            return "\(name):\(values.map(Self.trimmed).joined(separator: ","))\n"
        }
        let query = request.target.split(separator: "?", maxSplits: 1).dropFirst().first ?? ""
        let canonical = [
            request.method, request.path, query.split(separator: "&").sorted().joined(separator: "&"),
            fields.joined(), signedNames.joined(separator: ";"), "\(SHA256.hash(request.body))",
        ].joined(separator: "\n")
        let place = scope.dropFirst().joined(separator: "/")
        let toSign = "AWS4-HMAC-SHA256\n\(date)\n\(place)\n\(SHA256.hash(Array(canonical.utf8)))"
        var key = Array("AWS4\(secret)".utf8)
        for part in scope.dropFirst() { key = HMACSHA256.authenticate(Array(part.utf8), key: key).bytes }
        return "\(HMACSHA256.authenticate(Array(toSign.utf8), key: key))"
    }

    /// Blanks around it are dropped, and several in it count as one.
    private static func trimmed(_ value: String) -> String { value.split(separator: " ").joined(separator: " ") }
}
