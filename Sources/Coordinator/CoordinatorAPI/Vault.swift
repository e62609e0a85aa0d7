package import Crypto
import Wire

/// Makes tokens, and keeps clients' tokens readable for an administrator and for nobody else: sealed with a key that lies
/// beside the database, each bound to its client.
package struct Vault: Sendable {
    /// So many bytes that nobody can guess.
    package typealias Chance = @Sendable (Int) throws(CryptoError) -> [UInt8]

    private let key: SymmetricKey
    private let chance: Chance

    /// Another `chance` is for where everything has to come again, and nothing is secret.
    package init(key: SymmetricKey, chance: @escaping Chance = randomBytes) {
        self.key = key
        self.chance = chance
    }

    /// A token as the original made them: a word and 32 letters and digits, here with 190 bits of chance.
    func newToken(_ prefix: String) throws(CryptoError) -> (token: Token, hash: [UInt8]) {
        let text = prefix + "-" + base64URL(try chance(24))
        guard let token = try? Token(text) else { preconditionFailure("a made token is a token") }
        return (token, SHA256.hash(Array(text.utf8)).bytes)
    }

    func seal(_ token: Token, of client: ClientID) throws(CryptoError) -> [UInt8] {
        try AESGCM.seal(Array(token.secret.utf8), key: key, context: Array(client.text.utf8))
    }

    /// Nil when it was sealed with another key: the database was restored without its own.
    func open(_ sealed: [UInt8], of client: ClientID) -> Token? {
        guard let bytes = AESGCM.open(sealed, key: key, context: Array(client.text.utf8)) else { return nil }
        return try? Token(String(decoding: bytes, as: UTF8.self))
    }
}
