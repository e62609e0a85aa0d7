import Glibc
import Platform

/// An EC2 that somebody else wrote: moto (https://docs.getmoto.org), which `Packaging/setup --test` installs. Each account
/// begins with images, a network and a subnet in each zone.
package final class MotoServer {
    private let server: ChildProcess
    package let port: UInt16

    package init(environment: [String: String] = [:]) throws {
        let folder = #filePath.split(separator: "/").dropLast(4).joined(separator: "/")
        let program = "/\(folder)/.build/moto/bin/moto_server"
        guard unsafe access(program, X_OK) == 0 else {
            throw TestSupportError("moto is not there: run Packaging/setup --test")
        }
        let port = try unusedLoopbackPort()
        self.port = port
        let variables = ["PATH": "/usr/bin:/bin", "HOME": "/nonexistent"].merging(environment) { $1 }
        // It writes a line for each request, which nobody reads.
        server = try ChildProcess(
            "/bin/sh", ["-c", "exec \(program) -H 127.0.0.1 -p \(port) >/dev/null 2>&1"], environment: variables)
        try eventually("moto listening", within: .seconds(60)) { (try? connect(toPort: port)) != nil }
    }

    /// One question in the query protocol; the answer's XML.
    @discardableResult
    package func ask(_ service: String, _ action: String, _ parameters: [(String, String)] = []) throws -> String {
        let versions = ["iam": "2010-05-08", "elasticloadbalancing": "2015-12-01"]
        let version = versions[service] ?? "2016-11-15"
        let form = [("Action", action), ("Version", version)] + parameters
        let query = form.map { "\($0)=\(percentEncoded($1))" }.joined(separator: "&")
        // The header only says which service is meant.
        let scope = "Credential=x/20260101/us-east-1/\(service)/aws4_request, SignedHeaders=host, Signature=x"
        return try post("/?\(query)", headers: ["Authorization: AWS4-HMAC-SHA256 \(scope)"])
    }

    @discardableResult
    package func post(_ path: String, body: Int? = nil, headers: [String] = []) throws -> String {
        // It closes every connection after one answer.
        let reply = try PlainClient(port: port).ask("POST", path, body: body, headers: headers, within: .seconds(30))
        guard reply.status == 200 else { throw TestSupportError("moto answered \(reply.status): \(reply.text)") }
        return reply.text
    }
}

private func percentEncoded(_ text: String) -> String {
    text.utf8.map { byte in
        let character = Character(UnicodeScalar(byte))
        if character.isASCII && (character.isLetter || character.isNumber) || "-._~".contains(character) {
            return String(character)
        }
        return "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
    }
    .joined()
}
