package import CoordinatorHeart
package import Crypto
package import HTTPServer
import JSON
import Platform
import Wire

/// Who may come in, and as whom. Tokens are looked up by their hash; what a caller may do follows from the route's row.
package final class Door: Sendable {
    /// What an operator decides about it; SIGHUP brings new ones.
    package struct Rules: Sendable {
        /// The SHA-256 of the administrator's token.
        package var adminToken: Digest
        /// Origins whose pages may call; `*` stands for all, for reading.
        package var origins: [String]
        /// From here the dashboard needs no token, unless a proxy's header says that the caller is elsewhere.
        package var trustedNetworks: [Network]

        package init(adminToken: Digest, origins: [String] = [], trustedNetworks: [Network] = []) {
            self.adminToken = adminToken
            self.origins = origins
            self.trustedNetworks = trustedNetworks
        }
    }

    /// Who a request comes from.
    enum Guest: Sendable {
        case anyone
        case client(ClientID)
        case host(Line)
        case admin
    }

    enum Admission {
        case admitted(Guest)
        /// A credential was wrong: guessing is to cost the guesser time.
        case denied(ErrorReply, status: Int)
        case refused(ErrorReply, status: Int)
        /// This host asks too often.
        case slowed
    }

    private let heart: Heart
    private let sessions: Sessions
    private let rules: Locked<Rules>

    package init(heart: Heart, rules: Rules, key: SymmetricKey) {
        self.heart = heart
        self.rules = Locked(rules)
        sessions = Sessions(key: key)
    }

    package func change(to rules: Rules) { self.rules.withLock { $0 = rules } }

    func admit(_ request: Request, to route: Route, values: [String], at now: Duration) -> Admission {
        let caller = route.row.caller
        if case .anyone = caller { return .admitted(.anyone) }
        let rules = rules.withLock { $0 }
        let credential = Credential(request.headers)
        switch credential {
        case .token(let token):
            let hash = SHA256.hash(token)
            if hash == rules.adminToken { return admitAdmin(to: caller) }
            if let line = heart.line(forToken: hash.bytes) { return admit(line, to: caller, values: values, at: now) }
            if let tenant = heart.tenant(forToken: hash.bytes) { return admit(tenant, to: caller) }
            return .denied(ErrorReply(.invalidToken, "this token is not, or no longer, known"), status: 401)
        case .malformed:
            return .denied(
                ErrorReply(.invalidAuthFormat, "Authorization: expected Bearer and one token"), status: 401)
        case .none:
            if isAdminWithoutToken(request, rules) { return admitAdmin(to: caller) }
            return .refused(
                ErrorReply(.unauthorized, "a token is needed: send it as Authorization: Bearer …"), status: 401)
        }
    }

    private func admitAdmin(to caller: Caller) -> Admission {
        switch caller {
        case .admin, .agentOrAdmin: .admitted(.admin)
        case .anyone: .admitted(.anyone)
        case .client: .forbidden("this call is for a client's own token, which tells whose it is")
        case .agent: .forbidden("this call is for an agent's own token")
        }
    }

    private func admit(_ line: Line, to caller: Caller, values: [String], at now: Duration) -> Admission {
        switch caller {
        case .agent, .agentOrAdmin:
            guard values.first == line.slot.text else { return .forbidden("this token belongs to another agent") }
            return line.admits(at: now) ? .admitted(.host(line)) : .slowed
        case .client: return .forbidden("this is an agent's token; to register, send the client's token")
        case .admin: return .forbidden("this call is for administrators")
        case .anyone: return .admitted(.anyone)
        }
    }

    private func admit(_ tenant: (client: ClientID, isActive: Bool), to caller: Caller) -> Admission {
        guard tenant.isActive else {
            return .refused(ErrorReply(.inactiveClient, "this client is switched off"), status: 403)
        }
        switch caller {
        case .client: return .admitted(.client(tenant.client))
        case .agent, .agentOrAdmin:
            return .forbidden("this is a client's token, which only enrols: register, and use the agent's own token")
        case .admin: return .forbidden("this call is for administrators")
        case .anyone: return .admitted(.anyone)
        }
    }

    // MARK: Administrators without a token in the header

    private func isAdminWithoutToken(_ request: Request, _ rules: Rules) -> Bool {
        if sessions.isValid(in: request.headers, for: rules.adminToken, at: heart.wall) { return true }
        return isTrusted(request, rules)
    }

    /// A forwarding header says that the address is a proxy's, and whose it really is anybody can write.
    private func isTrusted(_ request: Request, _ rules: Rules) -> Bool {
        guard rules.trustedNetworks.contains(where: { $0.contains(request.peer) }) else { return false }
        return !request.headers.hasForwarding
    }

    /// The cookie for a browser that has shown the administrator's token.
    func sessionCookie(isTLS: Bool) -> HeaderField? {
        sessions.cookie(for: rules.withLock { $0.adminToken }, at: heart.wall, isTLS: isTLS)
    }

    func endedCookie(isTLS: Bool) -> HeaderField? { sessions.endedCookie(isTLS: isTLS) }

    // MARK: Pages of other origins

    /// The origin to which the answer may be shown; nil for none, or for a caller that is no page.
    func allowedOrigin(_ request: Request) -> String? {
        guard let origin = request.headers[name: "Origin"] else { return nil }
        let origins = rules.withLock { $0.origins }
        return origins.contains(origin) ? origin : origins.contains("*") ? "*" : nil
    }

    /// Whether a page may change something here. One of another origin needs to be named; `*` does not name it.
    func mayWrite(_ request: Request) -> Bool {
        guard let origin = request.headers[name: "Origin"], request.method != "GET", request.method != "HEAD" else {
            return true
        }
        let own = request.headers[name: "Host"].map { "\(request.isTLS ? "https" : "http")://\($0)" }
        if origin == own || rules.withLock({ $0.origins.contains(origin) }) { return true }
        // A token in the header is not the browser's to send by itself.
        if case .token = Credential(request.headers) { return rules.withLock { $0.origins.contains("*") } }
        return false
    }
}

extension Door.Admission {
    static func forbidden(_ sentence: String) -> Self { .refused(ErrorReply(.forbidden, sentence), status: 403) }
}

/// What a request shows in its `Authorization`.
private enum Credential {
    case none
    case malformed
    case token([UInt8])

    init(_ headers: HeaderFields) {
        let read = headers.withValue(of: "Authorization") { value -> Credential in
            let scheme: StaticString = "bearer "
            let length = scheme.utf8CodeUnitCount
            // As long as the longest token that there is, and some blanks.
            guard value.count > length, value.count < 300, value.begins(with: scheme) else { return .malformed }
            var token: [UInt8] = []
            token.reserveCapacity(value.count - length)
            for place in length..<value.count where !(token.isEmpty && value[place] == 0x20) {
                token.append(value[place])
            }
            return token.isEmpty ? .malformed : .token(token)
        }
        self = read ?? .none
    }
}

extension Span<UInt8> {
    /// In whatever case; `prefix` is lower-case.
    fileprivate func begins(with prefix: StaticString) -> Bool {
        guard count >= prefix.utf8CodeUnitCount else { return false }
        var place = 0
        for byte in prefix.description.utf8 {
            guard self[place] | 0x20 == byte | 0x20 else { return false }
            place += 1
        }
        return true
    }
}

extension HeaderFields {
    fileprivate var hasForwarding: Bool {
        self[name: "X-Forwarded-For"] != nil || self[name: "Forwarded"] != nil || self[name: "X-Real-IP"] != nil
            || self[name: "Via"] != nil
    }
}
