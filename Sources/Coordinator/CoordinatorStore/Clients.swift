package import JSON
import SQLite
package import Wire

/// A tenant as the store keeps it.
package struct ClientRecord: Equatable, Sendable {
    package let id: ClientID
    package var name: String
    package var email: String?
    /// By which its token is found: SHA-256, 32 bytes.
    package var tokenHash: [UInt8]
    /// The token under the installation's key, for the administrator who asks for it.
    package var sealedToken: [UInt8]
    package var isActive: Bool
    package var createdAt: Timestamp

    package init(
        id: ClientID, name: String, email: String?, tokenHash: [UInt8], sealedToken: [UInt8], isActive: Bool = true,
        createdAt: Timestamp
    ) {
        self.id = id
        self.name = name
        self.email = email
        self.tokenHash = tokenHash
        self.sealedToken = sealedToken
        self.isActive = isActive
        self.createdAt = createdAt
    }

    /// id, name, e-mail, hash, sealed token, active, created
    init(_ row: borrowing Row) throws {
        self.init(
            id: try row.value(0), name: try row.value(1), email: try row.value(2), tokenHash: try row.value(3),
            sealedToken: try row.value(4), isActive: try row.value(5), createdAt: try row.value(6))
    }
}

extension StoreTransaction {
    /// Throws `.duplicate` when the name, the e-mail or the token is another client's.
    package borrowing func insert(_ client: ClientRecord) throws(StoreError) {
        try attempt("add client \(client.name)") { transaction in
            _ = try transaction.execute(
                """
                INSERT INTO client (id, name, email, token_hash, sealed_token, is_active, created_at)
                VALUES (?, ?, ?, ?, ?, ?, ?)
                """, client.id, client.name, client.email, client.tokenHash, client.sealedToken, client.isActive,
                client.createdAt)
        }
    }

    package borrowing func client(_ id: ClientID) throws(StoreError) -> ClientRecord? {
        try attempt("look up client \(id)") { transaction in
            try transaction.first(
                """
                SELECT id, name, email, token_hash, sealed_token, is_active, created_at FROM client WHERE id = ?
                """, id
            ) { row in try reading("client", row) { try ClientRecord($0) } }
        }
    }

    /// Returns whether there is such a client.
    @discardableResult
    package borrowing func replaceToken(
        of id: ClientID, hash: [UInt8], sealed: [UInt8]
    ) throws(StoreError) -> Bool {
        try attempt("replace the token of client \(id)") { transaction in
            try transaction.execute(
                "UPDATE client SET token_hash = ?, sealed_token = ? WHERE id = ?", hash, sealed, id) > 0
        }
    }

    /// Deletes the client and everything of it for good. Its lines of the log stay for their time, but name it no more.
    /// Returns whether there was such a client.
    package borrowing func deleteClient(_ id: ClientID) throws(StoreError) -> Bool {
        try attempt("delete client \(id)") { transaction in
            try transaction.execute("DELETE FROM notification_cursor WHERE ?1 IN (reader, client_id)", id)
            return try transaction.execute("DELETE FROM client WHERE id = ?", id) > 0
        }
    }
}
