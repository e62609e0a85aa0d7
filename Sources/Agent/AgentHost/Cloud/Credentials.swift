import JSON

/// Who asks. Whatever prints it shows the public half only.
struct Credentials: Sendable, Equatable, CustomStringConvertible, CustomReflectable {
    let accessKey: String
    let secretKey: String
    let sessionToken: String?
    /// Nil: they are good until somebody withdraws them.
    let expiry: Timestamp?

    init(accessKey: String, secretKey: String, sessionToken: String?, expiry: Timestamp? = nil) {
        self.accessKey = accessKey
        self.secretKey = secretKey
        self.sessionToken = sessionToken
        self.expiry = expiry
    }

    var description: String { "credentials \(accessKey)" }
    var customMirror: Mirror { Mirror(self, children: ["accessKey": accessKey]) }

    /// Whether `text` would give one of the secrets away.
    func appear(in text: String) -> Bool {
        [secretKey, sessionToken].contains { $0.flatMap(text.start(of:)) != nil }
    }
}

extension Credentials: JSONReadable {
    /// As the metadata service tells a role's.
    init(from value: JSONValue) throws(JSONError) {
        let object = try value.object()
        let code = try object.optional("Code")?.string() ?? "Success"
        guard code == "Success" else {
            throw value.fail("expected credentials, found \(code.prefix(64)): look at the role's trust policy")
        }
        accessKey = try object.required("AccessKeyId").string()
        secretKey = try object.required("SecretAccessKey").string()
        sessionToken = try object.required("Token").string()
        expiry = try object.required("Expiration").timestamp()
        guard !accessKey.isEmpty, !secretKey.isEmpty else { throw value.fail("expected credentials, found empty ones") }
    }
}
