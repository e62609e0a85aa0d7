/// A self-signed certificate, made by the run, for the names that openssl calls `subjectAltName`.
package struct Certificate {
    package let certificate: String
    package let key: String

    package init(in folder: String, for names: String = "DNS:localhost,IP:127.0.0.1") throws {
        certificate = "\(folder)/tls.crt"
        key = "\(folder)/tls.key"
        let arguments = [
            "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
            "-subj", "/CN=localhost", "-addext", "subjectAltName=\(names)", "-keyout", key, "-out",
            certificate,
        ]
        let outcome = try ChildProcess("/usr/bin/openssl", arguments).waitForEnd()
        guard outcome.end == .exited(0) else { throw TestSupportError("make a certificate: \(outcome.errors)") }
    }
}
