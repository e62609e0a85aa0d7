import Crypto
import HTTPServer
import JSON
import Platform
import Wire

/// Browser sessions of administrators. The cookie says which session it is and until when, and proves that we said so; kept
/// is only which ones were closed before their end. A session also ends with the token that it was made from, and with the
/// key.
final class Sessions: Sendable {
    /// A working day.
    private static let life = Duration.seconds(12 * 3600)
    private static let name = "spot_session"

    private struct Session {
        let serial: Int
        /// In seconds since 1970.
        let end: Int64
    }

    private struct State {
        var opened = 0
        /// Those that were closed and would still be good: when each would have ended.
        var closed: [Int: Int64] = [:]
        /// Nobody's session is good that ends no later.
        var floor: Int64 = 0

        /// Makes room: without those that would be over, or else without the one that ends first. To be sure of that one, all
        /// that end no later are no good from now on.
        mutating func forget(at now: Int64) {
            closed = closed.filter { $0.value > now }
            guard closed.count >= Sessions.closedMax, let first = closed.min(by: { $0.value < $1.value }) else {
                return
            }
            floor = max(floor, first.value)
            closed = closed.filter { $0.value > floor }
        }
    }

    /// Each is closed by an administrator, so there are few; a loop that opens and closes them must not fill the memory.
    static let closedMax = 1_000

    private let key: [UInt8]
    private let state = Locked(State())

    init(key: SymmetricKey) { self.key = key.withBytes { $0 } }

    func open(for token: Digest, at now: Timestamp, isTLS: Bool) -> HeaderField? {
        let serial = state.withLock { state in
            state.opened += 1
            return state.opened
        }
        let session = Session(serial: serial, end: seconds(now + Self.life))
        let value = "\(session.end).\(serial).\(proof(session, token))"
        return field("\(Self.name)=\(value); Max-Age=\(Self.life.components.seconds)", isTLS)
    }

    /// Closes what the cookie opens; a copy of it opens nothing any more.
    func close(_ headers: HeaderFields, for token: Digest, at now: Timestamp, isTLS: Bool) -> HeaderField? {
        if let session = session(in: headers, for: token, at: now) {
            state.withLock { state in
                if state.closed.count >= Self.closedMax { state.forget(at: seconds(now)) }
                state.closed[session.serial] = session.end
            }
        }
        return field("\(Self.name)=; Max-Age=0", isTLS)
    }

    func isValid(in headers: HeaderFields, for token: Digest, at now: Timestamp) -> Bool {
        session(in: headers, for: token, at: now) != nil
    }

    /// The first that is good.
    private func session(in headers: HeaderFields, for token: Digest, at now: Timestamp) -> Session? {
        guard let cookies = headers[name: "Cookie"] else { return nil }
        for pair in cookies.split(separator: ";") {
            let parts = pair.drop { $0 == " " }.split(separator: "=", maxSplits: 1)
            guard parts.count == 2, parts[0] == Self.name else { continue }
            let pieces = parts[1].split(separator: ".", maxSplits: 2)
            guard pieces.count == 3, let end = Int64(pieces[0]), let serial = Int(pieces[1]) else { continue }
            let session = Session(serial: serial, end: end)
            guard end > seconds(now), state.withLock({ $0.closed[serial] == nil && end > $0.floor }) else { continue }
            if constantTimeEquals(Array(pieces[2].utf8), Array(proof(session, token).utf8)) { return session }
        }
        return nil
    }

    private func proof(_ session: Session, _ token: Digest) -> String {
        let said = Array("\(session.end).\(session.serial)".utf8)
        return base64URL(HMACSHA256.authenticate(said + token.bytes, key: key).bytes)
    }

    private func field(_ start: String, _ isTLS: Bool) -> HeaderField? {
        HeaderField("Set-Cookie", "\(start); Path=/; HttpOnly; SameSite=Strict\(isTLS ? "; Secure" : "")")
    }
}

private func seconds(_ time: Timestamp) -> Int64 { time.nanosecondsSinceEpoch / 1_000_000_000 }
