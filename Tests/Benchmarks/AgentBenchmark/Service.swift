import BenchmarkSupport
import Glibc
import JSON
import Platform
import TestSupport
import Wire

/// A coordinator with a client, and the operator beside it.
final class Service {
    let process: CoordinatorProcess
    let token: Token
    private let isSecure: Bool

    /// With a certificate it speaks TLS, but for the moment before in which the client is made.
    init(_ program: String, in folder: String, _ certificate: Certificate? = nil) throws {
        process = try CoordinatorProcess(program, folder: folder)
        isSecure = certificate != nil
        try process.start()
        let reply = try PlainClient(port: process.port).ask(
            "POST", Route.createClient.path(), token: CoordinatorProcess.operatorToken,
            body: ClientCreation(name: "benchmark"))
        token = try reply.decode(CreatedClient.self).token
        guard let certificate else { return }
        try process.stop()
        try process.start(certificate)
    }

    func url(host: String = "127.0.0.1") -> String { "\(isSecure ? "https" : "http")://\(host):\(process.port)" }
}
