import JSON
import XML

/// Why a call is not done, in AWS's words.
struct Refusal: Error, Equatable {
    let code: String
    let message: String
    let status: Int

    init(_ code: String, _ message: String, status: Int = 400) {
        (self.code, self.message, self.status) = (code, message, status)
    }

    static func missing(_ parameter: String) -> Refusal {
        Refusal("MissingParameter", "The request must contain the parameter \(parameter)")
    }
    static func invalid(_ parameter: String, _ value: String) -> Refusal {
        Refusal("InvalidParameterValue", "Value (\(value)) for parameter \(parameter) is invalid")
    }
    static func notFound(_ kind: String, _ what: String, _ id: String) -> Refusal {
        Refusal("\(kind).NotFound", "The \(what) ID '\(id)' does not exist")
    }

    /// The codes and statuses of what somebody asks to go wrong: those that AWS has for each.
    static func wanted(_ code: String) -> Refusal {
        let statuses = [
            "DryRunOperation": 412, "UnauthorizedOperation": 403, "AuthFailure": 401, "AccessDenied": 403,
            "RequestLimitExceeded": 503, "InternalError": 500, "Unavailable": 503, "InsufficientInstanceCapacity": 500,
            "ServiceUnavailable": 503, "InternalFailure": 500, "Throttling": 400,
        ]
        return Refusal(code, "The sandbox was told to answer this", status: statuses[code] ?? 400)
    }

    func reply(from service: Service) -> Reply {
        switch service {
        case .ec2:
            let body = document("Response") { writer in
                writer.element("Errors") { errors in
                    errors.element("Error") { error in
                        error.element("Code", code)
                        error.element("Message", message)
                    }
                }
                writer.element("RequestID", requestID)
            }
            return Reply(status, body, type: "text/xml;charset=UTF-8")
        case .elb:
            let body = document("ErrorResponse") { writer in
                writer.element("Error") { error in
                    error.element("Type", status >= 500 ? "Receiver" : "Sender")
                    error.element("Code", code)
                    error.element("Message", message)
                }
                writer.element("RequestId", requestID)
            }
            return Reply(status, body, type: "text/xml")
        case .priceList:
            var writer = JSONWriter()
            writer.object { fields in
                fields.field("__type", code)
                fields.field("message", message)
            }
            return Reply(status, writer.bytes, type: "application/x-amz-json-1.1")
        }
    }
}

enum Service: Sendable {
    case ec2, elb, priceList

    var throttled: Refusal {
        switch self {
        case .ec2: Refusal("RequestLimitExceeded", "Request limit exceeded.", status: 503)
        case .elb: Refusal("Throttling", "Rate exceeded")
        case .priceList: Refusal("ThrottlingException", "Rate exceeded")
        }
    }

    func refusal(_ signer: Question.Signer) -> Refusal? {
        switch (signer, self) {
        case (.known, _): nil
        case (.nobody, .ec2): Refusal("MissingAuthenticationToken", "The request is not signed", status: 403)
        case (.nobody, _): Refusal("MissingAuthenticationToken", "Missing Authentication Token", status: 403)
        case (.unknownKey, .ec2), (.wrongSignature, .ec2):
            Refusal("AuthFailure", "AWS was not able to validate the provided access credentials", status: 401)
        case (.unknownKey, .elb): Refusal("InvalidClientTokenId", "The security token is invalid", status: 403)
        case (.unknownKey, .priceList): Refusal("UnrecognizedClientException", "The security token is invalid")
        case (.wrongSignature, .elb): Refusal("SignatureDoesNotMatch", "The signature does not match", status: 403)
        case (.wrongSignature, .priceList): Refusal("InvalidSignatureException", "The signature does not match")
        case (.tooOld, .ec2): Refusal("RequestExpired", "Request has expired.")
        case (.tooOld, .elb): Refusal("SignatureDoesNotMatch", "Signature expired", status: 403)
        case (.tooOld, .priceList): Refusal("InvalidSignatureException", "Signature expired")
        }
    }
}

/// Every answer has one, and nobody looks at it.
let requestID = "5a4db000-0000-0000-0000-000000000000"

/// A document with a namespace that says what it is not.
func document(_ name: StaticString, _ body: (inout XMLWriter) -> Void) -> [UInt8] {
    var writer = XMLWriter()
    writer.element(name, attributes: [("xmlns", "urn:spot-sandbox:not-aws")], body)
    return writer.bytes
}

/// An answer of EC2.
func response(_ name: StaticString, _ body: (inout XMLWriter) -> Void) -> [UInt8] {
    document(name) { writer in
        writer.element("requestId", requestID)
        body(&writer)
    }
}
