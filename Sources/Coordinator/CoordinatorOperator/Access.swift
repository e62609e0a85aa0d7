import Platform
import Wire

/// Where the coordinator is, and what it lets us in by.
struct Access: Sendable {
    /// Without a slash at the end.
    let server: String
    let token: Token
    /// Where the token comes from, for the sentence that says that it is refused.
    let tokenOrigin: String
    let caFile: String?

    /// `notice` is told what is no reason to stop.
    init(
        _ invocation: Invocation, _ local: LocalCoordinator, notice: (String) -> Void
    ) throws(OperatorError) {
        server = try Self.server(invocation, local)
        (token, tokenOrigin) = try Self.token(invocation, local, notice)
        caFile = invocation.options[Option.caFile.name]
    }

    private static func server(_ invocation: Invocation, _ local: LocalCoordinator) throws(OperatorError) -> String {
        if let given = invocation.options[Option.server.name] {
            guard given.hasPrefix("http://") || given.hasPrefix("https://") else {
                throw OperatorError(
                    .usage, "--server \(quoted(given)): expected a URL that begins with http:// or https://")
            }
            guard given.hasPrefix("https://") || isLoopback(given) || invocation.has(Option.allowPlaintext.name) else {
                throw OperatorError(
                    .usage,
                    "--server \(quoted(given)): the administrator's token would cross the network readable: give an https:// "
                        + "URL, or run it on the coordinator's machine, or say --allow-plaintext")
            }
            return String(given.reversed().drop { $0 == "/" }.reversed())
        }
        if let url = local.url { return url }
        guard local.problems.isEmpty else {
            throw OperatorError(
                .misconfigured,
                "the settings, which say where the coordinator is, cannot be read: \(local.problems.joined(separator: "; ")): "
                    + "run it with sudo, or give --server URL and --token-file PATH")
        }
        throw OperatorError(
            .misconfigured,
            "PORT=0 lets the kernel choose the port, so nobody knows where the coordinator is: give --server URL")
    }

    /// Whether the URL names this machine beyond doubt; what is written in an unusual way does not.
    private static func isLoopback(_ url: String) -> Bool {
        let authority = url.dropFirst("http://".count).prefix { $0 != "/" }
        let port = authority.reversed().prefix { $0.isNumber }.count
        let host =
            port < authority.count && authority.dropLast(port).last == ":" ? authority.dropLast(port + 1) : authority
        let numbers = host.split(separator: ".", omittingEmptySubsequences: false).map { UInt8($0) }
        return host == "localhost" || host == "[::1]"
            || (numbers.count == 4 && numbers[0] == 127 && !numbers.contains(nil))
    }

    private static func token(
        _ invocation: Invocation, _ local: LocalCoordinator, _ notice: (String) -> Void
    ) throws(OperatorError) -> (Token, String) {
        if let path = invocation.options[Option.tokenFile.name] {
            do throws(PlatformError) { return (try read(path, notice), path) } catch {
                throw OperatorError(.noAccess, "\(error)\(error.code == .denied ? "; \(remedy)" : "")")
            }
        }
        if let secret = local.adminToken {
            let origin = "the setting ADMIN_TOKEN"
            guard let token = try? Token(secret.reveal()) else {
                throw OperatorError(.noAccess, "\(origin): expected printable ASCII characters without a blank")
            }
            return (token, origin)
        }
        return try found(in: local, notice)
    }

    private static func found(
        in local: LocalCoordinator, _ notice: (String) -> Void
    ) throws(OperatorError) -> (Token, String) {
        var looked: [String] = local.problems
        var isDenied = false
        for path in local.tokenPlaces {
            do throws(PlatformError) { return (try read(path, notice), path) } catch {
                // A place that may not be looked at may be that of another coordinator than the one that is meant.
                isDenied = isDenied || error.code == .denied
                looked.append(error.description)
            }
        }
        throw OperatorError(
            .noAccess,
            "no administrator's token: ADMIN_TOKEN and ADMIN_TOKEN_FILE are not set; "
                + looked.joined(separator: "; ")
                + ": \(isDenied ? remedy : "give --token-file PATH, or run it where the coordinator keeps its state")")
    }

    private static let remedy = "run it with sudo, or as the coordinator's user, or give --token-file PATH"

    private static func read(_ path: String, _ notice: (String) -> Void) throws(PlatformError) -> Token {
        let file = try SecretFile(path)
        if file.isReadableByEveryone {
            notice("\(path) holds the administrator's token and everybody may read it: chmod 600")
        }
        guard let token = try? Token(file.secret.reveal()) else {
            throw PlatformError(.failed, "read secret \(path): expected printable ASCII characters without a blank")
        }
        return token
    }
}
