import Crypto
import Glibc
import Platform

/// What the coordinator proves itself and seals with. Whatever is not configured is made once and kept in a file of mode
/// 0600 beside the database.
struct Secrets {
    let adminToken: Digest
    let key: SymmetricKey
    /// It was made at this start: what another one sealed cannot be read.
    let isKeyNew: Bool
    /// Where the administrator's token is, when we made it.
    let adminTokenFile: String?

    init(_ settings: Settings, databasePath: String) throws {
        (adminToken, adminTokenFile) = try Self.adminToken(settings, databasePath: databasePath)
        (key, isKeyNew) = try Self.key(settings, databasePath + ".key")
    }

    /// Where the administrator's token is when it is not configured.
    static func adminTokenFile(databasePath: String) -> String { "\(folderName(of: databasePath))/admin-token" }

    /// As `init` finds it, for a reload.
    static func adminToken(_ settings: Settings, databasePath: String) throws -> (Digest, file: String?) {
        if let secret = settings[CoordinatorSettings.adminToken] {
            return (SHA256.hash(Array(secret.reveal().utf8)), nil)
        }
        let path = adminTokenFile(databasePath: databasePath)
        let (token, _) = try kept(at: path, remedy: "remove it, and another token is made") {
            "admin-" + base64URL(try randomBytes(24))
        }
        return (SHA256.hash(Array(token.reveal().utf8)), path)
    }

    private static func key(_ settings: Settings, _ path: String) throws -> (SymmetricKey, isNew: Bool) {
        if let secret = settings[CoordinatorSettings.storeKey] { return (try key(secret, "the configured key"), false) }
        let remedy = "put the right file back, or remove it, and another key is made"
        let (secret, isNew) = try kept(at: path, remedy: remedy) { hexadecimal(try randomBytes(32)) }
        return (try key(secret, path), isNew)
    }

    private static func key(_ secret: Secret, _ place: String) throws -> SymmetricKey {
        guard let bytes = bytes(hexadecimal: secret.reveal()), let key = SymmetricKey(bytes) else {
            throw Misconfiguration("\(place): expected 64 hexadecimal digits")
        }
        return key
    }

    /// `remedy` is what to do when what is there is no secret.
    private static func kept(
        at path: String, remedy: String, make: () throws -> String
    ) throws -> (Secret, isNew: Bool) {
        do throws(PlatformError) {
            return (try SecretFile(path).secret, false)
        } catch {
            switch error.code {
            case .notFound: break
            case .failed, .tooLarge: throw Misconfiguration("\(error); \(remedy)")
            case .denied, .full: throw error
            }
        }
        let made = try make()
        try replaceFile(path, with: Array("\(made)\n".utf8))
        return (Secret(made), true)
    }
}
