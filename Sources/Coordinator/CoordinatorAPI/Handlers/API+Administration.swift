import CoordinatorHeart
import Crypto
import HTTPServer
import JSON
import Wire

// Tenants and their tokens, and browser sessions.
extension API {
    func serveClient(_ visit: Visit) {
        if visit.route == .createClient { return createClient(visit) }
        guard let client = visit.value(0, of: ClientKind.self) else { return }
        switch visit.route {
        case .deleteClient: visit.later { heart.deleteClient(client, answer: $0) }
        case .regenerateToken: regenerateToken(visit, of: client)
        default: showToken(visit, of: client)
        }
    }

    private func createClient(_ visit: Visit) {
        guard var creation = visit.body(ClientCreation.self) else { return }
        creation.name = creation.name.trimmed
        guard !creation.name.isEmpty else { return visit.refuse(.validation, "name: expected some text") }
        for (field, text) in [("name", creation.name), ("email", creation.email ?? "")] where text.hasControl {
            return visit.refuse(.validation, "\(field): expected no control character")
        }
        do throws(CryptoError) {
            let (token, hash) = try vault.newToken("token")
            let vault = vault
            visit.later({
                heart.createClient(
                    creation, token: token, hash: hash, seal: { try vault.seal(token, of: $0) }, answer: $0)
            }) { .json($0, headers: [.notStored]) }
        } catch { visit.refuse(.unavailable, "no token could be made: \(error)") }
    }

    private func regenerateToken(_ visit: Visit, of client: ClientID) {
        do throws(CryptoError) {
            let (token, hash) = try vault.newToken("token")
            let sealed = try vault.seal(token, of: client)
            visit.later({
                heart.replaceToken(of: client, token: token, hash: hash, sealed: sealed, answer: $0)
            }) { .json($0, headers: [.notStored]) }
        } catch { visit.refuse(.unavailable, "no token could be made: \(error)") }
    }

    private func showToken(_ visit: Visit, of client: ClientID) {
        visit.later({ heart.client(client, answer: $0) }) { [vault] record in
            guard let token = vault.open(record.sealedToken, of: client) else {
                return .refusal(
                    ErrorReply(
                        .conflict,
                        "the token was sealed with another key (a backup holds none): regenerate it, agents keep theirs"
                    ),
                    to: visit.requestID)
            }
            return .json(ClientToken(token: token, clientName: record.name), headers: [.notStored])
        }
    }

    // MARK: Browsers

    func serveSession(_ visit: Visit) {
        let isTLS = visit.request.isTLS
        // A session outlasts a network, and would outlast itself: so it is only given for the token.
        if visit.route == .openSession, !door.knows(visit.request.headers) {
            return visit.refuse(.unauthorized, "a session is opened with the administrator's token")
        }
        let cookie =
            visit.route == .openSession
            ? door.openSession(isTLS: isTLS) : door.closeSession(visit.request.headers, isTLS: isTLS)
        visit.answer(.json(Nothing(), headers: cookie.map { [$0] } ?? []))
    }
}

extension String {
    /// A line break or the like, which nobody can type where a name is shown or asked for.
    fileprivate var hasControl: Bool { unicodeScalars.contains { $0.properties.generalCategory == .control } }

    fileprivate var trimmed: String {
        let isBlank = { (scalar: Unicode.Scalar) in scalar.properties.isWhitespace }
        var scalars = Substring(self).unicodeScalars
        while let first = scalars.first, isBlank(first) { scalars.removeFirst() }
        while let last = scalars.last, isBlank(last) { scalars.removeLast() }
        return String(scalars)
    }
}
