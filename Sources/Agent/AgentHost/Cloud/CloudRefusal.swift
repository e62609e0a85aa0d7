import AgentCore
import HTTPClient
import JSON
import XML

/// What a service said instead of doing what it was asked.
struct CloudRefusal: Sendable, Equatable {
    let status: Int
    /// Nil: whoever answered is not the service, or said nothing.
    let code: String?
    /// In the service's words, shortened.
    let message: String
    /// When it answered, by its own clock.
    let date: Timestamp?

    /// What follows from a refusal.
    enum Meaning: Sendable, Equatable {
        /// The hint is for a person.
        case fault(CloudFault.Kind, hint: String?)
        /// Not done; later it may be.
        case throttled
        /// The service's own trouble: it may or may not have been done.
        case broken
        /// The credentials are not good, or not any more.
        case badCredentials
        /// The answer to a trial: it would have been done.
        case allowed
    }

    init(_ response: IncomingResponse, from service: CloudService) {
        status = response.status
        date = response.header("Date").flatMap(Timestamp.init(httpDate:))
        let said = (try? CloudPage(response.body, from: service))?.refusal
        code = said?.code
        message = Self.shortened(said?.message ?? "")
    }

    /// One line, and without the encoded part that only a privileged call can read.
    private static func shortened(_ message: String) -> String {
        let line = message.split(whereSeparator: \.isNewline).first.map(String.init) ?? ""
        let plain =
            line.start(of: "Encoded authorization failure message").map { line[..<$0] } ?? line[...]
        var text = String(plain.prefix(300))
        while text.last == " " || text.last == "." { text.removeLast() }
        return text
    }

    var meaning: Meaning {
        if let code {
            // The word for bad credentials, said of a thing: others would be refused it, too.
            if code == "AuthFailure", message.start(of: Self.othersWords) != nil {
                return .fault(.invalid, hint: "it must be of this account, and in this region")
            }
            if let meaning = Self.meanings[code] { return meaning }
            if code.hasSuffix(".NotFound") { return .fault(.notFound, hint: nil) }
            if code.hasPrefix("Insufficient") { return .fault(.noCapacity, hint: nil) }
            if code.hasSuffix("LimitExceeded") || code.hasSuffix("QuotaExceeded") {
                return .fault(.limit, hint: Self.quotaHint)
            }
        }
        return switch status {
        case 429: .throttled
        case 500...: .broken
        // Whoever answers without a code is not the service, so nothing was done.
        case _ where code == nil: .fault(.unreachable, hint: "is there a proxy in between?")
        case 401, 403: .fault(.notAllowed, hint: nil)
        default: .fault(.invalid, hint: nil)
        }
    }
}

extension CloudRefusal {
    private static let quotaHint = "ask AWS for a higher quota, or end machines that are not needed"
    private static let othersWords = "does not belong to you"
    private static let iamHint = "give the instance's role the right to do it"

    private static let meanings: [String: Meaning] = [
        "DryRunOperation": .allowed,
        "InvalidAMIID.Unavailable": .fault(.notFound, hint: "the image was deregistered"),
        "SpotMaxPriceTooLow": .fault(.noCapacity, hint: nil),
        // That type is not offered in that zone; in another it may be.
        "Unsupported": .fault(.noCapacity, hint: nil),
        "MaxSpotInstanceCountExceeded": .fault(.limit, hint: quotaHint),
        "UnauthorizedOperation": .fault(.notAllowed, hint: iamHint),
        "AccessDenied": .fault(.notAllowed, hint: iamHint),
        "AccessDeniedException": .fault(.notAllowed, hint: iamHint),
        "OptInRequired": .fault(.notAllowed, hint: "sign the account up for it in the AWS console"),
        "IdempotentParameterMismatch": .fault(.tokenMismatch, hint: nil),
        // The machine of that token is gone; another one needs another token.
        "IdempotentInstanceTerminated": .fault(.tokenMismatch, hint: nil),
        "InvalidSnapshot.InUse": .fault(.invalid, hint: "an image still needs it"),
        "InvalidAMIName.Duplicate": .fault(.invalid, hint: "an image of that name is there"),
        "InvalidVolume.ZoneMismatch": .fault(.invalid, hint: "a volume attaches to machines in its own zone only"),
        "VolumeInUse": .fault(.conflict, hint: nil),
        "IncorrectState": .fault(.conflict, hint: nil),
        "Resource.AlreadyAssociated": .fault(.conflict, hint: nil),
        "TargetGroupNotFound": .fault(.notFound, hint: nil),
        "InvalidTarget": .fault(.invalid, hint: "it must run, and in the VPC of the target group"),
        "TooManyTargets": .fault(.limit, hint: quotaHint),
        "TooManyRegistrationsForTargetId": .fault(.limit, hint: quotaHint),
        "OperationNotPermitted": .fault(.invalid, hint: "look at the instance's termination protection"),
        "RequestLimitExceeded": .throttled,
        "Throttling": .throttled,
        "ThrottlingException": .throttled,
        "RequestThrottled": .throttled,
        "RequestThrottledException": .throttled,
        "TooManyRequestsException": .throttled,
        "EC2ThrottledException": .throttled,
        "InternalError": .broken,
        "InternalFailure": .broken,
        "Unavailable": .broken,
        "ServiceUnavailable": .broken,
        "AuthFailure": .badCredentials,
        "ExpiredToken": .badCredentials,
        "ExpiredTokenException": .badCredentials,
        "RequestExpired": .badCredentials,
        "InvalidClientTokenId": .badCredentials,
        "UnrecognizedClientException": .badCredentials,
        "RequestTimeTooSkewed": .badCredentials,
        "SignatureDoesNotMatch": .badCredentials,
        "InvalidSignatureException": .badCredentials,
    ]
}

extension CloudPage {
    fileprivate var refusal: (code: String?, message: String)? {
        switch self {
        case .query(let answer):
            // EC2 puts its one error into a list; others do not.
            return (answer["Error"] ?? answer.first("Errors", "Error")).map {
                ($0["Code"]?.text, $0["Message"]?.text ?? "")
            }
        case .priceList(let answer):
            guard let object = try? answer.root.object() else { return nil }
            let type = object.optional("__type").flatMap { try? $0.string() }
            let message = (object.optional("message") ?? object.optional("Message")).flatMap { try? $0.string() }
            // It may be preceded by its namespace and a `#`.
            return (type?.split(separator: "#").last.map(String.init), message ?? "")
        }
    }
}

extension Timestamp {
    /// `Fri, 20 Nov 2026 20:09:09 GMT` (RFC 9110, section 5.6.7), the only form that servers send today.
    init?(httpDate text: String) {
        let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        let parts = text.split(separator: " ")
        guard parts.count == 6, parts[5] == "GMT", let month = months.firstIndex(of: String(parts[2])) else {
            return nil
        }
        self.init(rfc3339: "\(parts[3])-\(month < 9 ? "0" : "")\(month + 1)-\(parts[1])T\(parts[4])Z")
    }
}
