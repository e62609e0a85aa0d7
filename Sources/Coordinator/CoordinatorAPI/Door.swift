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

    let heart: Heart
    private let sessions: Sessions
    private let lockedRules: Locked<Rules>

    /// `sessionKey` is of this start alone: which sessions were closed is not known to the next.
    package init(heart: Heart, rules: Rules, sessionKey: SymmetricKey) {
        self.heart = heart
        lockedRules = Locked(rules)
        sessions = Sessions(key: sessionKey)
    }

    package func change(to rules: Rules) { lockedRules.withLock { $0 = rules } }

    var rules: Rules { lockedRules.withLock { $0 } }

    func admit(_ request: Request, to route: Route, values: [String], at now: Duration) -> Admission {
        let caller = route.caller
        if case .anyone = caller { return .admitted(.anyone) }
        let isShownInQuery = request.parameter("token") != nil
        guard !isShownInQuery || route.takesTokenInQuery else { return .refused(.tokenInAddress, status: 401) }
        switch isShownInQuery ? Credential(request) : Credential(request.headers) {
        case .token(let token):
            switch holder(of: token) {
            case .admin: return admitAdmin(to: caller)
            case .host(let line): return admit(line, to: route, values: values, at: now)
            case .tenant(let client, let isActive):
                guard isActive else {
                    return .refused(ErrorReply(.inactiveClient, "this client is switched off"), status: 403)
                }
                return admitOldHost(of: client, to: route, values: values) ?? admit(client, to: caller)
            case nil: return .denied(.unknownToken, status: 401)
            }
        case .malformed:
            return .denied(
                ErrorReply(.invalidAuthFormat, "Authorization: expected Bearer and one token, once"), status: 401)
        case .none: return admitWithoutToken(request, to: caller)
        }
    }

    /// Whether whoever was let in would still be.
    func stillAdmits(_ visit: Visit, at now: Duration) -> Bool {
        let admission = admit(visit.request, to: visit.route, values: visit.values, at: now)
        return switch (admission, visit.guest) {
        case (.admitted(.admin), .admin): true
        case (.admitted(.client(let client)), .client(let guest)): client == guest
        default: false
        }
    }

    /// Whether the request shows a token, and nobody has it.
    func isStranger(_ headers: HeaderFields) -> Bool {
        if case .token(let token) = Credential(headers) { holder(of: token) == nil } else { false }
    }

    /// Whether the request shows a token, and somebody has it.
    func knows(_ headers: HeaderFields) -> Bool {
        if case .token(let token) = Credential(headers) { holder(of: token) != nil } else { false }
    }

    /// Whether the request shows a client's token.
    func isTenants(_ headers: HeaderFields) -> Bool {
        guard case .token(let token) = Credential(headers), case .tenant = holder(of: token) else { return false }
        return true
    }

    private enum Holder {
        case admin
        case host(Line)
        case tenant(ClientID, isActive: Bool)
    }

    /// Hosts first: it is nearly always one of them.
    private func holder(of hash: Digest) -> Holder? {
        if let line = heart.line(forToken: hash.words) { return .host(line) }
        if hash == rules.adminToken { return .admin }
        return heart.tenant(forToken: hash.words).map { .tenant($0.client, isActive: $0.isActive) }
    }

    private func admitAdmin(to caller: Caller) -> Admission {
        switch caller {
        case .admin, .agentOrAdmin, .clientOrAdmin: .admitted(.admin)
        case .anyone: .admitted(.anyone)
        case .client: .forbidden("this call is for a client's own token, which tells whose it is")
        case .agent: .forbidden("this call is for an agent's own token")
        }
    }

    private func admit(_ line: Line, to route: Route, values: [String], at now: Duration) -> Admission {
        switch route.caller {
        case .agent, .agentOrAdmin:
            // Whose incident it is only the record tells: the handler looks.
            let isAboutIncidents = route == .incidents || route == .incident
            guard isAboutIncidents || values.first == line.slot.text else {
                return .forbidden("this token belongs to another agent")
            }
            let isNotice = route == .terminationImminent || route == .rebalanceRecommendation
            return line.admits(aNotice: isNotice, at: now) ? .admitted(.host(line)) : .slowed
        case .client: return .forbidden("this is an agent's token; to register, send the client's token")
        case .clientOrAdmin: return .forbidden("this call is for administrators and clients; this is an agent's token")
        case .admin: return .forbidden("this call is for administrators")
        case .anyone: return .admitted(.anyone)
        }
    }

    private func admit(_ client: ClientID, to caller: Caller) -> Admission {
        switch caller {
        case .client, .clientOrAdmin: return .admitted(.client(client))
        case .agent, .agentOrAdmin:
            return .forbidden("this is a client's token, which only enrols: register, and use the agent's own token")
        case .admin: return .forbidden("this call is for administrators")
        case .anyone: return .admitted(.anyone)
        }
    }

    // MARK: Administrators without a token in the header

    private func admitWithoutToken(_ request: Request, to caller: Caller) -> Admission {
        let rules = rules
        if sessions.isValid(in: request.headers, for: rules.adminToken, at: heart.wall) {
            return admitAdmin(to: caller)
        }
        guard isTrusted(request, rules) else {
            return .refused(
                ErrorReply(.unauthorized, "a token is needed: send it as Authorization: Bearer …"), status: 401)
        }
        guard rules.knowsName(request.headers) else {
            return .refused(
                ErrorReply(
                    .unauthorized,
                    "without a token call the coordinator by its address, or by a name that is in CORS_ORIGINS"),
                status: 401)
        }
        return admitAdmin(to: caller)
    }

    /// A forwarding header says that the address is a proxy's, and whose it really is anybody can write.
    private func isTrusted(_ request: Request, _ rules: Rules) -> Bool {
        guard rules.trustedNetworks.contains(where: { $0.contains(request.peer) }) else { return false }
        return !request.headers.hasForwarding
    }

    /// The cookie for a browser that has shown the administrator's token.
    func openSession(isTLS: Bool) -> HeaderField? {
        sessions.open(for: rules.adminToken, at: heart.wall, isTLS: isTLS)
    }

    /// The cookie that takes the place of the one in `headers`, which opens nothing any more.
    func closeSession(_ headers: HeaderFields, isTLS: Bool) -> HeaderField? {
        sessions.close(headers, for: rules.adminToken, at: heart.wall, isTLS: isTLS)
    }
}

extension ErrorReply {
    static let tokenInAddress = ErrorReply(
        .unauthorized, "a token in an address is taken for the live stream alone: send it as Authorization: Bearer …")
    static let unknownToken = ErrorReply(.invalidToken, "this token is not, or no longer, known")
}

extension Door.Admission {
    static func forbidden(_ sentence: String) -> Self { .refused(ErrorReply(.forbidden, sentence), status: 403) }
}

extension HeaderFields {
    /// How proxies and the networks of others say for whom they speak, or that they are there: beginnings of names.
    private static let forwarding: [StaticString] = [
        "X-Forwarded", "Forwarded", "Via", "X-Original-", "X-Real-IP", "X-Client-IP", "X-Cluster-Client-IP",
        "True-Client-IP", "CF-Connecting-IP", "Fastly-Client-IP",
    ]

    fileprivate var hasForwarding: Bool { Self.forwarding.contains { hasName(beginningWith: $0) } }
}
