import JSON

/// The metadata services, version 2 only: each instance has one, at an address of its own.
extension World {
    mutating func readMetadata(_ question: Question, at now: Moment) -> Fate {
        guard let index = instance(asking: question) else { return nobody(question) }
        let fate = faults.meet(.metadata(instances[index].id), at: now.time)
        let reply = { (world: inout World) in world.metadata(question, of: index, at: now) }
        switch fate {
        case nil: return .reply(reply(&self))
        case .slow(let delay): return .reply(reply(&self), after: delay)
        case .throttle: return .reply(Reply(503, "Service Unavailable\n"))
        // Of all that goes wrong at once, a code is one of the calls.
        case .error(let code): return .reply(Reply(Fault.status(code) ?? 500, "fault\n"))
        case .hang: return .hang
        case .drop: return .drop
        }
    }

    /// Whom the `Host` field names; else, as behind 169.254.169.254, which is the same for all, who asks.
    private func instance(asking question: Question) -> Int? {
        let host = String(question.host.prefix { $0 != ":" })
        let isUp = { (instance: Instance) in instance.state.isUp }
        return instances.firstIndex { isUp($0) && $0.metadata.description == host }
            ?? instances.firstIndex { isUp($0) && $0.address == host }
            ?? instances.firstIndex { isUp($0) && $0.address == question.peer }
    }

    /// The machine that had the address is gone, and its service with it.
    private func nobody(_ question: Question) -> Fate {
        let host = String(question.host.prefix { $0 != ":" })
        if let address = IPv4(host), rules.network.contains(address) { return .drop }
        let reason = "spot-sandbox (not AWS): no instance has the address \(host); spot-sandbox instances lists them\n"
        return .reply(Reply(404, reason))
    }

    private mutating func metadata(_ question: Question, of index: Int, at now: Moment) -> Reply {
        let parts = question.path.split(separator: "/").map(String.init)
        guard let version = parts.first, version == "latest" || isDate(version) else { return .absent }
        if Array(parts.dropFirst()) == ["api", "token"] { return makeToken(question, of: index, at: now) }
        guard question.method == "GET" || question.method == "HEAD" else { return Reply(405, "Method Not Allowed\n") }
        let token = question.headers["x-aws-ec2-metadata-token"]
        guard let token, instances[index].tokens.open(token, now: now.time) else {
            return Reply(401, "Unauthorized\n")
        }
        renewCredentials(of: index, at: now)
        let path = parts.dropFirst().joined(separator: "/")
        if let value = document(path, of: instances[index], at: now) { return Reply(200, value) }
        let tree = values(of: instances[index], at: now)
        if path.hasPrefix("meta-data/"), let value = tree[String(path.dropFirst(10))] { return Reply(200, value) }
        return listing(of: path, in: tree)
    }

    private func isDate(_ text: String) -> Bool {
        text.count == 10 && text.hasPrefix("20") && text.allSatisfy { $0.isNumber || $0 == "-" }
    }

    private mutating func makeToken(_ question: Question, of index: Int, at now: Moment) -> Reply {
        guard question.method == "PUT" else { return Reply(405, "Method Not Allowed\n") }
        // What went through a proxy could be anybody's.
        guard question.headers["x-forwarded-for"] == nil else { return Reply(403, "Forbidden\n") }
        let field = "x-aws-ec2-metadata-token-ttl-seconds"
        guard let seconds = question.headers[field].flatMap({ Int($0) }),
            (1...SessionTokens.secondsMax).contains(seconds)
        else { return Reply(400, "Bad Request\n") }
        let token = chance.secret()
        instances[index].tokens.add(token, seconds: seconds, now: now.time)
        var reply = Reply(200, token)
        reply.headers = [Reply.Header("X-Aws-Ec2-Metadata-Token-Ttl-Seconds", "\(seconds)")]
        return reply
    }

    /// What stands below a folder; a line for each, folders with a slash.
    private func listing(of path: String, in tree: [String: String]) -> Reply {
        let folders = [
            "": ["dynamic", "meta-data", "user-data"], "dynamic": ["instance-identity/"],
            "dynamic/instance-identity": ["document"],
        ]
        if let lines = folders[path] { return Reply(200, lines.joined(separator: "\n")) }
        guard path == "meta-data" || path.hasPrefix("meta-data/") else { return .absent }
        let prefix = path == "meta-data" ? "" : path.dropFirst(10) + "/"
        let names = tree.keys.filter { $0.hasPrefix(prefix) }.map { key in
            let rest = key.dropFirst(prefix.count)
            let name = rest.prefix { $0 != "/" }
            return name.count == rest.count ? String(name) : "\(name)/"
        }
        return names.isEmpty ? .absent : Reply(200, Set(names).sorted().joined(separator: "\n"))
    }
}

extension Reply {
    static let absent = Reply(404, "Not Found\n")
    static func json(_ body: [UInt8], _ status: Int = 200) -> Reply { Reply(status, body, type: "application/json") }
}
