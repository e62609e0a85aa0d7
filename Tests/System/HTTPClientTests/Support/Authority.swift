import Platform
import TestSupport

/// A certificate authority for one test, made with the openssl program.
struct Authority {
    let file: String
    private let folder: String
    private let key: String

    init(in folder: String, called name: String = "authority") throws {
        self.folder = folder
        file = "\(folder)/\(name).pem"
        key = "\(folder)/\(name).key"
        _ = try Tool.run(
            ["openssl", "req", "-x509"] + newKey + ["-keyout", key, "-out", file, "-days", "2", "-subj", "/CN=\(name)"])
    }

    /// A certificate good for `name` (`IP:…` or `DNS:…`). Fewer days than one have passed already.
    func certificate(_ file: String, for name: String, days: Int = 2) throws -> Certificate {
        let made = Certificate(file: "\(folder)/\(file).pem", key: "\(folder)/\(file).key")
        let request = "\(folder)/\(file).csr"
        _ = try Tool.run(
            ["openssl", "req"] + newKey
                + ["-keyout", made.key, "-out", request, "-subj", "/CN=test", "-addext", "subjectAltName=\(name)"])
        _ = try Tool.run([
            "openssl", "x509", "-req", "-in", request, "-CA", self.file, "-CAkey", key, "-copy_extensions", "copy",
            "-days", "\(days)", "-out", made.file,
        ])
        return made
    }
}

struct Certificate {
    let file: String
    let key: String
}

/// OpenSSL's test server: one page for whoever comes.
struct SecureServer: ~Copyable {
    let port: UInt16
    private let tool: Tool

    init(_ certificate: Certificate, options: [String] = []) throws {
        let tool = try Tool(
            [
                "openssl", "s_server", "-accept", "127.0.0.1:0", "-cert", certificate.file, "-key", certificate.key,
                "-www",
            ]
                + options)
        let text = try tool.read(until: "ACCEPT 127.0.0.1:")
        // The port follows in the same write.
        guard let port = text.split(separator: ":").last.flatMap({ UInt16($0.prefix { $0.isNumber }) }) else {
            throw TestSupportError("openssl s_server says \(text)")
        }
        self.port = port
        self.tool = tool
    }
}

private let newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
