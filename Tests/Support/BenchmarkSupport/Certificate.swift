import TestSupport

/// A self-signed certificate, made by the run.
package struct Certificate {
    package let certificate: String
    package let key: String

    package init(in folder: String) throws {
        certificate = "\(folder)/tls.crt"
        key = "\(folder)/tls.key"
        let openssl = try findProgram("openssl", package: "openssl")
        let arguments = [
            "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
            "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", key, "-out",
            certificate,
        ]
        let outcome = try ChildProcess(openssl, arguments).waitForEnd()
        guard outcome.end == .exited(0) else { throw BenchmarkError("make a certificate: \(outcome.errors)") }
    }
}
