/// One HTTP request, as far as the world looks at it.
package struct Question: Sendable {
    package var method: String
    package var path: String
    /// As the `Host` field has it, port and all.
    package var host = ""
    /// The address that it came from.
    package var peer = ""
    /// By their names in small letters.
    package var headers: [String: String] = [:]
    package var body: [UInt8] = []
    package var signer = Signer.nobody

    package init(_ method: String, _ path: String) {
        self.method = method
        self.path = path
    }

    /// Who signed it. The shell computes signatures, with the secrets that the world tells it.
    package enum Signer: Sendable, Equatable {
        case nobody
        case known(accessKey: String)
        case unknownKey
        case wrongSignature
        /// Its date is not of these minutes.
        case tooOld
    }
}

package struct Reply: Sendable, Equatable {
    package var status: Int
    package var type: String
    package var body: [UInt8]
    /// Beside those that every answer has.
    package var headers: [Header] = []

    package struct Header: Sendable, Equatable {
        package let name: String
        package let value: String
        package init(_ name: String, _ value: String) { (self.name, self.value) = (name, value) }
    }

    package init(_ status: Int, _ text: String, type: String = "text/plain") {
        self.init(status, Array(text.utf8), type: type)
    }

    init(_ status: Int, _ body: [UInt8], type: String) {
        self.status = status
        self.type = type
        self.body = body
    }
}

/// What becomes of a question.
package enum Fate: Sendable, Equatable {
    case reply(Reply, after: Duration = .zero)
    /// It is not answered: in the end the server says so.
    case hang
    /// The connection is closed without an answer.
    case drop
}
