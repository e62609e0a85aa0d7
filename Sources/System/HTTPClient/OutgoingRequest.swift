/// One request, whole in memory, as a caller of `Transport` describes it.
package struct OutgoingRequest: Sendable {
    package enum Method: String, Sendable {
        case get = "GET"
        case head = "HEAD"
        case post = "POST"
        case put = "PUT"
        case patch = "PATCH"
        case delete = "DELETE"
    }

    package var method: Method
    /// An absolute `http` or `https` URL, already percent-encoded.
    package var url: String
    /// Sent as given, in this order. `Content-Length`, `Transfer-Encoding` and `Connection` belong to the transport.
    package var headers: [HeaderField]
    package var body: [UInt8]
    /// From `send` to the last byte of the answer, whatever the time is spent on.
    package var deadline: Duration
    /// The most bytes the body of the answer may have; one more ends the request with `tooLarge`.
    package var responseLimit: Int
    /// Signs the request for an AWS service with Signature Version 4.
    package var signing: SigV4Credentials?

    package init(
        _ method: Method, _ url: String, headers: [HeaderField] = [], body: [UInt8] = [], deadline: Duration,
        responseLimit: Int, signing: SigV4Credentials? = nil
    ) {
        self.method = method
        self.url = url
        self.headers = headers
        self.body = body
        self.deadline = deadline
        self.responseLimit = responseLimit
        self.signing = signing
    }
}

/// One header line, of a request or of a response.
package struct HeaderField: Sendable, Equatable {
    package var name: String
    package var value: String

    package init(_ name: String, _ value: String) {
        self.name = name
        self.value = value
    }
}

/// The identity that signs, and the region and service that the signature is good for.
package struct SigV4Credentials: Sendable {
    package var accessKey: String
    package var secretKey: String
    /// Temporary credentials, as an instance role gives them, come with one.
    package var sessionToken: String?
    package var region: String
    package var service: String

    package init(accessKey: String, secretKey: String, sessionToken: String?, region: String, service: String) {
        self.accessKey = accessKey
        self.secretKey = secretKey
        self.sessionToken = sessionToken
        self.region = region
        self.service = service
    }
}

extension OutgoingRequest {
    /// What cannot be sent as it stands, or nil. Header values come from other people's configuration, so a line
    /// break in one must not become a second header.
    func complaint(about target: Target) -> String? {
        for field in signedHeaders {
            guard !field.name.isEmpty, field.name.utf8.allSatisfy(isTokenByte) else {
                return "send a header: its name is not a token"
            }
            guard field.value.utf8.allSatisfy(isFieldByte) else {
                return "send header \(field.name): its value has a control character"
            }
            guard !framingHeaders.contains(field.name.lowercased()) else {
                return "send header \(field.name): it belongs to the transport"
            }
        }
        // libcurl 7.88 signs the query in the order it is written, AWS verifies it sorted.
        guard signing == nil || !target.hasQuery else { return "sign: the parameters must be in the body" }
        return nil
    }

    /// The session token is a header like any other, and is signed with the rest.
    var signedHeaders: [HeaderField] {
        guard let token = signing?.sessionToken else { return headers }
        return headers + [HeaderField("X-Amz-Security-Token", token)]
    }
}

private let framingHeaders: Set<String> = ["connection", "content-length", "transfer-encoding"]

/// RFC 9110, section 5.6.2.
private func isTokenByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"): true
    case UInt8(ascii: "a")...UInt8(ascii: "z"): true
    default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
    }
}

private func isFieldByte(_ byte: UInt8) -> Bool { byte == 0x09 || (byte >= 0x20 && byte != 0x7F) }
