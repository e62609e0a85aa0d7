/// A complete answer, as a plain value.
package struct Response: Sendable, Equatable {
    package var status: Int
    package var headers: [HeaderField]
    package var body: [UInt8]

    package init(status: Int, headers: [HeaderField] = [], body: [UInt8] = []) {
        precondition((200...599).contains(status), "\(status) is not the status of a final answer")
        self.status = status
        self.headers = headers
        self.body = body
    }

    /// A short plain text, for answers that only a person will read.
    package init(status: Int, text: String) {
        self.init(status: status, headers: [.plainText], body: Array(text.utf8))
    }
}

/// One field of an answer's header. It exists only if it is one: no name or value can end its line and begin another.
package struct HeaderField: Sendable, Equatable {
    package let name: String
    package let value: String

    /// Nil: not a token, a control character in the value, or a field that the server sets itself.
    package init?(_ name: String, _ value: String) {
        guard !name.isEmpty, name.utf8.allSatisfy(isTokenByte), value.utf8.allSatisfy(isValueByte),
            !Self.serverOwned.contains(name.lowercased())
        else { return nil }
        self.name = name
        self.value = value
    }

    /// For fields known when the program is written.
    package init(constant name: StaticString, _ value: StaticString) {
        guard let field = HeaderField(name.description, value.description) else {
            preconditionFailure("\(name): \(value) is not a header field of an answer")
        }
        self = field
    }

    package static let plainText = HeaderField(constant: "Content-Type", "text/plain; charset=utf-8")
    package static let json = HeaderField(constant: "Content-Type", "application/json")

    // They decide where an answer ends, so only who sends it may set them.
    private static let serverOwned: Set<String> = ["connection", "content-length", "date", "transfer-encoding"]
}

private func isTokenByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"),
        UInt8(ascii: "A")...UInt8(ascii: "Z"):
        true
    default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
    }
}

private func isValueByte(_ byte: UInt8) -> Bool { byte >= 0x20 && byte != 0x7F || byte == 0x09 }
