import CoordinatorCore
import CoordinatorStore
import JSON
import Platform
package import Wire

// Tenants and their tokens.
extension Heart {
    /// `token` is new; `sealed` is how it is kept for an administrator who wants to see it.
    package func createClient(
        _ creation: ClientCreation, token: Token, hash: [UInt8], seal: @escaping @Sendable (ClientID) throws -> [UInt8],
        answer: @escaping @Sendable (Outcome<CreatedClient>) -> Void
    ) {
        submit(
            ClientWork(answer) { transaction, batch in
                var turn = batch.turn()
                let id: ClientID = turn.makeID()
                let record = ClientRecord(
                    id: id, name: creation.name, email: creation.email, tokenHash: hash,
                    sealedToken: try seal(id), isActive: true, createdAt: batch.now)
                guard try isNew(record, transaction) else {
                    return .refused(
                        ErrorReply(.conflict, "a client named \(creation.name), or with its e-mail, is there already"))
                }
                turn.client = id
                turn.note(.clientCreated, "client \(creation.name) was created")
                try batch.log(turn.events, transaction)
                return .done(CreatedClient(id: id, name: creation.name, token: token))
            } after: { [self] created in
                admit(created.id, under: hash)
            })
    }

    package func replaceToken(
        of client: ClientID, token: Token, hash: [UInt8], sealed: [UInt8],
        answer: @escaping @Sendable (Outcome<ClientToken>) -> Void
    ) {
        submit(
            ClientWork(answer) { transaction, batch in
                guard let record = try transaction.client(client) else { return .refused(.noClient(client)) }
                try transaction.replaceToken(of: client, hash: hash, sealed: sealed)
                var turn = batch.turn(client: client)
                turn.note(.tokenRegenerated, "the token of client \(record.name) was replaced")
                try batch.log(turn.events, transaction)
                return .done(ClientToken(token: token, clientName: record.name))
            } after: { [self] _ in
                admit(client, under: hash)
            })
    }

    package func deleteClient(_ client: ClientID, answer: @escaping @Sendable (Outcome<Nothing>) -> Void) {
        submit(
            ClientWork(answer) { transaction, batch in
                guard let record = try transaction.client(client), try transaction.deleteClient(client) else {
                    return .refused(.noClient(client))
                }
                var turn = batch.turn()
                turn.note(.clientDeleted, "client \(record.name) was deleted with all that belonged to it")
                try batch.log(turn.events, transaction)
                return .done(Nothing())
            } after: { [switchboard] _ in
                switchboard.unseatAll(of: client)
                switchboard.dismiss(client)
            })
    }

    /// Somebody guesses. Best effort: where it cannot be stored, `observeCommits` has said so.
    package func noteWrongCredentials(from peer: String) {
        submit(
            ClientWork({ (_: Outcome<Nothing>) in }) { transaction, batch in
                var turn = batch.turn()
                turn.note(.authFailed, "\(peer) sends wrong tokens again and again; its refusals are delayed now")
                try batch.log(turn.events, transaction)
                return .done(Nothing())
            })
    }

    private func admit(_ client: ClientID, under hash: [UInt8]) {
        guard let key = TokenHash(hash) else { preconditionFailure("a token's hash has 32 bytes") }
        switchboard.admit(Switchboard.Tenant(id: client, isActive: true), under: key)
    }

    /// The record with the sealed token in it.
    package func client(
        _ id: ClientID,
        answer: @escaping @Sendable (Outcome<(name: String, email: String?, sealedToken: [UInt8])>) -> Void
    ) {
        submit(
            ClientWork(answer) { transaction, _ in
                guard let record = try transaction.client(id) else { return .refused(.noClient(id)) }
                return .done((record.name, record.email, record.sealedToken))
            })
    }
}

/// Inserts the client; false when its name or e-mail is taken. A function of its own: in the closure that it is called from the
/// compiler (6.3.1) does not survive a typed catch.
private func isNew(_ record: ClientRecord, _ transaction: borrowing StoreTransaction) throws(StoreError) -> Bool {
    do throws(StoreError) {
        try transaction.insert(record)
        return true
    } catch {
        guard error.code == .duplicate else { throw error }
        return false
    }
}

extension ErrorReply {
    static func noClient(_ client: ClientID) -> ErrorReply {
        ErrorReply(.notFound, "no such client: \(client) (clients go by their id)")
    }
}
