import Crypto
import HTTPServer
import JSON
import Wire

/// Browser sessions of administrators. Nothing is kept: the cookie says until when it is good and proves that we said so,
/// and it ends with the token that it was made from.
struct Sessions: Sendable {
    /// A working day.
    private static let life = Duration.seconds(12 * 3600)
    private static let name = "spot_session"
    private let key: [UInt8]

    init(key: SymmetricKey) {
        self.key = key.withBytes { HMACSHA256.authenticate(Array("browser session".utf8), key: $0).bytes }
    }

    func cookie(for token: Digest, at now: Timestamp, isTLS: Bool) -> HeaderField? {
        let end = (now + Self.life).nanosecondsSinceEpoch / 1_000_000_000
        let value = "\(end).\(proof(end, token))"
        return field("\(Self.name)=\(value); Max-Age=\(Self.life.components.seconds)", isTLS)
    }

    func endedCookie(isTLS: Bool) -> HeaderField? { field("\(Self.name)=; Max-Age=0", isTLS) }

    func isValid(in headers: HeaderFields, for token: Digest, at now: Timestamp) -> Bool {
        guard let cookies = headers[name: "Cookie"] else { return false }
        for pair in cookies.split(separator: ";") {
            let parts = pair.drop { $0 == " " }.split(separator: "=", maxSplits: 1)
            guard parts.count == 2, parts[0] == Self.name else { continue }
            let halves = parts[1].split(separator: ".", maxSplits: 1)
            guard halves.count == 2, let end = Int64(halves[0]) else { continue }
            guard end > now.nanosecondsSinceEpoch / 1_000_000_000 else { continue }
            if constantTimeEquals(Array(halves[1].utf8), Array(proof(end, token).utf8)) { return true }
        }
        return false
    }

    private func proof(_ end: Int64, _ token: Digest) -> String {
        base64URL(HMACSHA256.authenticate(Array("\(end)".utf8) + token.bytes, key: key).bytes)
    }

    private func field(_ start: String, _ isTLS: Bool) -> HeaderField? {
        HeaderField("Set-Cookie", "\(start); Path=/; HttpOnly; SameSite=Strict\(isTLS ? "; Secure" : "")")
    }
}
