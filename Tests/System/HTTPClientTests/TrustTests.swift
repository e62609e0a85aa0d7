import HTTPClient
import TestSupport
import Testing

/// Whom the transport trusts over TLS, against OpenSSL's own server.
@Suite struct TrustTests {
    @Test func `a certificate of the authority in the CA file is trusted`() throws {
        try withTemporaryFolder { folder in
            let authority = try Authority(in: folder)
            let server = try SecureServer(authority.certificate("server", for: "IP:127.0.0.1"))
            let client = try Client { $0.caFile = authority.file }
            let answer = try client.answer(to: get("https://127.0.0.1:\(server.port)/"))
            #expect(answer.status == 200)
            #expect(answer.timings.tls > answer.timings.connect)
        }
    }

    struct Case: CustomTestStringConvertible, Sendable {
        let testDescription: String
        var name = "IP:127.0.0.1"
        var days = 2
        var trusted = true
        let why: String
    }

    @Test(arguments: [
        Case(
            testDescription: "another host's name", name: "DNS:other.example",
            why: "no alternative certificate subject name matches"),
        Case(testDescription: "expired", days: -1, why: "certificate has expired"),
        Case(testDescription: "another authority's", trusted: false, why: "unable to get local issuer certificate"),
    ])
    func `a certificate that is not to be trusted is refused with the reason`(_ flaw: Case) throws {
        try withTemporaryFolder { folder in
            let authority = try Authority(in: folder)
            let server = try SecureServer(authority.certificate("server", for: flaw.name, days: flaw.days))
            let other = try Authority(in: folder, called: "other")
            let client = try Client { $0.caFile = flaw.trusted ? authority.file : other.file }
            let error = try client.failure(of: get("https://127.0.0.1:\(server.port)/"))
            #expect(error.code == .untrustedPeer)
            #expect(error.description.contains("verify the certificate of 127.0.0.1 port \(server.port): "))
            #expect(error.description.contains(flaw.why), "\(error)")
        }
    }

    @Test func `without a CA file a private authority is not trusted`() throws {
        try withTemporaryFolder { folder in
            let authority = try Authority(in: folder)
            let server = try SecureServer(authority.certificate("server", for: "IP:127.0.0.1"))
            let code = try Client().failure(of: get("https://127.0.0.1:\(server.port)/")).code
            #expect(code == .untrustedPeer)
        }
    }

    @Test(arguments: [nil, "no certificate"])
    func `a CA file that is missing or holds nothing is told apart from a peer`(content: String?) throws {
        try withTemporaryFolder { folder in
            let authority = try Authority(in: folder)
            let server = try SecureServer(authority.certificate("server", for: "IP:127.0.0.1"))
            let file = "\(folder)/given.pem"
            if let content { try write(content, to: file) }
            let error = try Client { $0.caFile = file }.failure(of: get("https://127.0.0.1:\(server.port)/"))
            #expect(error.code == .badCAFile)
            #expect(error.description.contains(file))
        }
    }

    @Test(arguments: ["-tls1", "-tls1_1"])
    func `a server that speaks nothing newer than TLS 1_1 is refused`(version: String) throws {
        try withTemporaryFolder { folder in
            let authority = try Authority(in: folder)
            let certificate = try authority.certificate("server", for: "IP:127.0.0.1")
            let server = try SecureServer(certificate, options: [version, "-cipher", "DEFAULT@SECLEVEL=0"])
            let client = try Client { $0.caFile = authority.file }
            let code = try client.failure(of: get("https://127.0.0.1:\(server.port)/")).code
            #expect(code == .tls)
        }
    }
}
