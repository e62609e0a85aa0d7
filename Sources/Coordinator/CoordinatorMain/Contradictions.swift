import Crypto
import HTTPServer
import Platform

extension CoordinatorSettings {
    /// What no setting shows alone: settings that contradict each other, and certificates that cannot be served with. Also
    /// beside settings that are wrong themselves, so that everything is told at once. `socket` is systemd's, in place of HOST.
    static func contradictions(in outcome: SettingsOutcome, socket: Int32? = nil) -> [String] {
        guard let certificate = outcome[certificate], let key = outcome[key] else { return [] }
        switch (certificate, key) {
        case (let certificate?, let key?): return TLSFiles.problems(certificate, key)
        case (nil, nil): return plaintext(outcome, socket)
        default: return ["TLS_CERT_FILE and TLS_KEY_FILE need each other: give both, or neither"]
        }
    }

    private static func plaintext(_ outcome: SettingsOutcome, _ socket: Int32?) -> [String] {
        guard let host = outcome[host], outcome[allowPlaintext] == false else { return [] }
        let address = socket.map(ListenerAddress.socket) ?? .address(host, port: 0)
        guard !address.isLoopback else { return [] }
        return [
            "other machines could reach this address and tokens would cross the network readable: set TLS_CERT_FILE and "
                + "TLS_KEY_FILE, or HOST=127.0.0.1, or, behind a proxy that adds TLS, ALLOW_PLAINTEXT=1"
        ]
    }
}

/// The certificate and its key, as TLS_CERT_FILE and TLS_KEY_FILE name them.
enum TLSFiles {
    static func read(_ path: String) throws(PlatformError) -> [UInt8] {
        // 64 KiB: a certificate with its chain is a few kilobytes.
        try readSmallFile(path, limit: 65_536, doing: "read TLS file")
    }

    /// What is wrong with them, each with its setting and its path: the library that serves with them names no file.
    static func problems(_ certificate: String, _ key: String) -> [String] {
        var problems: [String] = []
        func content(_ name: String, _ path: String) -> [UInt8] {
            do throws(PlatformError) { return try read(path) } catch {
                problems.append("\(name): \(error)")
                return []
            }
        }
        let contents = (content("TLS_CERT_FILE", certificate), content("TLS_KEY_FILE", key))
        guard problems.isEmpty else { return problems }
        return faults(certificate: contents.0, key: contents.1).map { fault in
            switch fault {
            case .noCertificate: "TLS_CERT_FILE: \(certificate): expected a certificate in PEM (BEGIN CERTIFICATE)"
            case .noKey: "TLS_KEY_FILE: \(key): expected a private key in PEM (BEGIN PRIVATE KEY) without a passphrase"
            case .noMatch: "TLS_KEY_FILE: \(key): the private key of another certificate than \(certificate)"
            }
        }
    }
}
