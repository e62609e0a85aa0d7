import Crypto
import Glibc
import Platform

/// What the coordinator proves itself and seals with. Whatever is not configured is made once and kept in a file of mode
/// 0600 beside the database.
struct Secrets {
    let adminToken: Digest
    let key: SymmetricKey
    /// Where the administrator's token is, when we made it.
    let adminTokenFile: String?

    init(_ settings: Settings, databasePath: String) throws {
        (adminToken, adminTokenFile) = try Self.adminToken(settings, databasePath: databasePath)
        key = try Self.key(settings, databasePath + ".key")
    }

    /// Where the administrator's token is when it is not configured.
    static func adminTokenFile(databasePath: String) -> String { "\(folderName(of: databasePath))/admin-token" }

    /// As `init` finds it, for a reload.
    static func adminToken(_ settings: Settings, databasePath: String) throws -> (Digest, file: String?) {
        if let secret = settings[CoordinatorSettings.adminToken] {
            return (SHA256.hash(Array(secret.reveal().utf8)), nil)
        }
        let path = adminTokenFile(databasePath: databasePath)
        let token = try kept(at: path) { "admin-" + base64URL(try randomBytes(24)) }
        return (SHA256.hash(Array(token.reveal().utf8)), path)
    }

    private static func key(_ settings: Settings, _ path: String) throws -> SymmetricKey {
        let secret = try settings[CoordinatorSettings.storeKey] ?? kept(at: path) { hexadecimal(try randomBytes(32)) }
        guard let bytes = bytes(hexadecimal: secret.reveal()), let key = SymmetricKey(bytes) else {
            throw Misconfiguration("\(path): expected 64 hexadecimal digits")
        }
        return key
    }

    private static func kept(at path: String, make: () throws -> String) throws -> Secret {
        do throws(PlatformError) {
            return try SecretFile(path).secret
        } catch { guard error.code == .notFound else { throw error } }
        let made = try make()
        try replaceFile(path, with: Array("\(made)\n".utf8))
        return Secret(made)
    }
}
