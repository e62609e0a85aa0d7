import HTTPClient
import TestSupport
import Testing

/// Signature Version 4, recomputed here from what arrived, with the openssl program for the hashes.
@Suite struct SigningTests {
    static let secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"

    @Test(arguments: [nil, "IQoJb3JpZ2luX2VjEXAMPLE=="], ["Action=DescribeInstances&Version=2016-11-15", ""])
    func `the signature of a POST is the one that AWS computes`(token: String?, body: String) throws {
        let seen = Awaited<ReceivedRequest>("the request")
        try LoopbackServer.run({ peer in
            guard let request = try peer.receive() else { return }
            seen.set(request)
            try peer.send(reply())
        }) { server in
            let request = OutgoingRequest(
                .post, server.url(),
                headers: [HeaderField("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")],
                body: Array(body.utf8), deadline: .seconds(10), responseLimit: 100,
                signing: SigV4Credentials(
                    accessKey: "AKIDEXAMPLE", secretKey: Self.secret, sessionToken: token, region: "eu-west-1",
                    service: "ec2"))
            let answer = try Client().answer(to: request)
            #expect(answer.status == 200)
        }
        let request = try seen.get()
        let sent = try Authorization(#require(request.header("Authorization")))
        #expect(sent.credential.hasPrefix("AKIDEXAMPLE/"))
        #expect(sent.credential.hasSuffix("/eu-west-1/ec2/aws4_request"))
        #expect(sent.signedHeaders.contains("host") && sent.signedHeaders.contains("x-amz-date"))
        #expect(sent.signedHeaders.contains("x-amz-security-token") == (token != nil))
        #expect(request.header("X-Amz-Security-Token") == token)
        let expected = try signature(of: request, sent, secret: Self.secret)
        #expect(sent.signature == expected)
        #expect(!request.headers.contains { $0.contains(Self.secret) })
    }

    @Test func `parameters in the URL are refused, because libcurl would sign them unsorted`() throws {
        var request = get("http://127.0.0.1:1/?Version=1&Action=2")
        request.signing = SigV4Credentials(
            accessKey: "A", secretKey: "S", sessionToken: nil, region: "eu-west-1", service: "ec2")
        let error = try Client().failure(of: request)
        #expect(error.code == .invalidRequest)
        #expect(error.description == "GET http://127.0.0.1:1/: sign: the parameters must be in the body")
    }
}

/// The parts of `AWS4-HMAC-SHA256 Credential=…, SignedHeaders=…, Signature=…`.
private struct Authorization {
    let credential: String
    let signedHeaders: [String]
    let signature: String

    init(_ header: String) throws {
        var parts: [String: String] = [:]
        for part in header.drop(while: { $0 != " " }).split(separator: ",") {
            let pair = part.split(separator: "=", maxSplits: 1).map { $0.drop { $0 == " " } }
            if pair.count == 2 { parts[String(pair[0])] = String(pair[1]) }
        }
        credential = try #require(parts["Credential"])
        signedHeaders = try #require(parts["SignedHeaders"]).split(separator: ";").map(String.init)
        signature = try #require(parts["Signature"])
    }
}

/// The four steps of the AWS documentation: canonical request, string to sign, signing key, signature.
private func signature(of request: ReceivedRequest, _ sent: Authorization, secret: String) throws -> String {
    let path = String(request.line.split(separator: " ")[1])
    let headers = try sent.signedHeaders.map { name in "\(name):\(try #require(request.header(name)))\n" }.joined()
    let canonical = [
        request.line.split(separator: " ").first.map(String.init) ?? "", path, "", headers,
        sent.signedHeaders.joined(separator: ";"), try hash(request.body),
    ].joined(separator: "\n")
    let scope = sent.credential.split(separator: "/").dropFirst().map(String.init)
    let toSign = [
        "AWS4-HMAC-SHA256", try #require(request.header("X-Amz-Date")), scope.joined(separator: "/"),
        try hash(Array(canonical.utf8)),
    ].joined(separator: "\n")
    var key = hexadecimal(Array("AWS4\(secret)".utf8))
    for part in scope { key = try digest(Array(part.utf8), ["-mac", "HMAC", "-macopt", "hexkey:\(key)"]) }
    return try digest(Array(toSign.utf8), ["-mac", "HMAC", "-macopt", "hexkey:\(key)"])
}

private func hash(_ bytes: [UInt8]) throws -> String { try digest(bytes, []) }

private func digest(_ bytes: [UInt8], _ options: [String]) throws -> String {
    try withTemporaryFolder { folder in
        try write(String(decoding: bytes, as: UTF8.self), to: "\(folder)/input")
        let output = try Tool.run(["openssl", "dgst", "-sha256", "-r"] + options + ["\(folder)/input"])
        return String(decoding: output.prefix(64), as: UTF8.self)
    }
}

private func hexadecimal(_ bytes: [UInt8]) -> String {
    bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
}
