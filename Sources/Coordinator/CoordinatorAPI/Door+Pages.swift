import HTTPServer

// What pages in a browser may see and change here. The browser says whose page it is, and holds it to the answer.
extension Door {
    /// The origin to which an answer may be shown; nil for none, or for a caller that is no page.
    func allowedOrigin(_ headers: HeaderFields) -> String? {
        guard let origin = headers[name: "Origin"] else { return nil }
        let origins = rules.origins
        return origins.contains(origin) ? origin : origins.contains("*") ? "*" : nil
    }

    /// What is left of an allowed origin where only an administrator may see the answer. `*` shows it to a page that brought a
    /// token itself, not to whatever page somebody opens where the network or a cookie is proof enough.
    func narrowed(_ origin: String?, of request: Request, as guest: Guest) -> String? {
        guard origin == "*", case .admin = guest else { return origin }
        if case .token = Credential(request) { return origin } else { return nil }
    }

    /// Whether a page may change something here: one of our own origin, or one that is named. `*` names nobody.
    func mayWrite(_ request: Request) -> Bool {
        guard let origin = request.headers[name: "Origin"], request.method != "GET", request.method != "HEAD" else {
            return true
        }
        return isOwn(origin, request) || rules.origins.contains(origin)
    }

    /// A proxy that adds TLS speaks plain HTTP with us, and the browser HTTPS with it.
    private func isOwn(_ origin: String, _ request: Request) -> Bool {
        guard let host = request.headers[name: "Host"] else { return false }
        return origin == "https://\(host)" || (!request.isTLS && origin == "http://\(host)")
    }
}

extension Door.Rules {
    /// Whether the caller named us by an address or by a name that an operator knows. Any other name may be a stranger's,
    /// who has it lead to us now so that the browser takes the stranger's page for ours (DNS rebinding).
    func knowsName(_ headers: HeaderFields) -> Bool {
        guard let host = headers[name: "Host"].map(hostName) else { return false }
        if host == "localhost" || PeerAddress(host) != nil { return true }
        return origins.contains { origin in
            guard let scheme = origin.firstRange(of: "://") else { return false }
            return hostName(String(origin[scheme.upperBound...])) == host
        }
    }
}

/// Without the port, and without the brackets of an IPv6 address.
private func hostName(_ authority: String) -> String {
    if authority.hasPrefix("[") { return String(authority.dropFirst().prefix { $0 != "]" }) }
    return String(authority.prefix { $0 != ":" }).lowercased()
}
