import Crypto
import Platform

/// What the coordinator proves itself and seals with. Whatever is not configured is made once and kept in a file of mode
/// 0600 beside the database.
struct Secrets {
    let adminToken: AdminToken
    let key: SymmetricKey
    /// It was made at this start: what another one sealed cannot be read.
    let isKeyNew: Bool
    /// No reason to stand still.
    let notices: [String]

    /// Where the key is when it is not configured.
    static func keyFile(databasePath: String) -> String { databasePath + ".key" }

    /// Reports what is wrong with both together.
    init(_ settings: Settings, databasePath: String) throws {
        var problems: [String] = []
        func attempt<Value>(_ body: () throws -> Value) throws -> Value? {
            do { return try body() } catch let error as Misconfiguration {
                problems.append(error.description)
                return nil
            }
        }
        let token = try attempt { try AdminToken(settings, databasePath: databasePath) }
        let key = try attempt { try Self.key(settings, Self.keyFile(databasePath: databasePath)) }
        guard let token, let (key, isNew, notice) = key else {
            throw Misconfiguration(problems.joined(separator: "; "))
        }
        (adminToken, self.key, isKeyNew) = (token, key, isNew)
        notices = [token.notice, notice].compactMap(\.self)
    }

    private static func key(
        _ settings: Settings, _ path: String
    ) throws -> (SymmetricKey, isNew: Bool, notice: String?) {
        if let secret = settings[CoordinatorSettings.storeKey] {
            return (try key(secret, "the configured key"), false, nil)
        }
        let remedy = "put the right file back, or remove it, and another key is made"
        let kept = try KeptSecret(at: path, remedy: remedy) { hexadecimal(try randomBytes(32)) }
        return (try key(kept.secret, path), kept.isNew, kept.notice)
    }

    private static func key(_ secret: Secret, _ place: String) throws -> SymmetricKey {
        guard let bytes = bytes(hexadecimal: secret.reveal()), let key = SymmetricKey(bytes) else {
            throw Misconfiguration("\(place): expected 64 hexadecimal digits")
        }
        return key
    }
}

/// The administrator's token.
struct AdminToken {
    let digest: Digest
    /// Where it is, when it is not configured.
    let file: String?
    let notice: String?

    /// As a start or a reload finds it.
    init(_ settings: Settings, databasePath: String) throws {
        if let secret = settings[CoordinatorSettings.adminToken] {
            (digest, file, notice) = (Self.digest(of: secret), nil, nil)
            return
        }
        let path = "\(folderName(of: databasePath))/admin-token"
        let remedy = "remove it, and another token is made"
        let kept = try KeptSecret(at: path, remedy: remedy) { "admin-" + base64URL(try randomBytes(24)) }
        guard CoordinatorSettings.isAdminToken(kept.secret.reveal()) else {
            throw Misconfiguration("\(path): expected \(CoordinatorSettings.adminTokenExpectation); \(remedy)")
        }
        (digest, file, notice) = (Self.digest(of: kept.secret), path, kept.notice)
    }

    private static func digest(of secret: Secret) -> Digest { SHA256.hash(Array(secret.reveal().utf8)) }
}

/// A secret in a file that is made when it is not there.
private struct KeptSecret {
    let secret: Secret
    let isNew: Bool
    /// Everybody may read the file.
    let notice: String?

    /// `remedy` is what to do when what is there is no secret.
    init(at path: String, remedy: String, make: () throws -> String) throws {
        do throws(PlatformError) {
            let file = try SecretFile(path)
            (secret, isNew) = (file.secret, false)
            notice = file.isReadableByEveryone ? "everybody may read \(path): chmod 600" : nil
            return
        } catch {
            switch error.code {
            case .notFound: break
            case .failed, .tooLarge, .addressInUse: throw Misconfiguration("\(error); \(remedy)")
            case .denied, .full: throw error
            }
        }
        let made = try make()
        try replaceFile(path, with: Array("\(made)\n".utf8))
        (secret, isNew, notice) = (Secret(made), true, nil)
    }
}
