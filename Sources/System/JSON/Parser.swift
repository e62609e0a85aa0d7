/// One pass over a text onto the tape: without recursion, so that nesting costs no stack, and without looking back.
///
/// The text is handed from function to function as a span because a span cannot be kept.
struct Parser {
    private(set) var nodes: [Node] = []
    private var at = 0
    private var depth = 0
    /// The innermost array or object that is still open.
    private var container: Int?
    private let depthMax: Int

    static func parse(_ bytes: [UInt8], limits: JSONLimits) throws(JSONError) -> [Node] {
        guard bytes.count <= limits.bytes else {
            throw JSONError(.tooLarge, reason: "\(bytes.count) bytes are more than the \(limits.bytes) allowed")
        }
        var parser = Parser(depthMax: limits.depth)
        // Typical texts have a value for each ten bytes or so; a denser one lets the tape grow. What a refused text
        // leaves untouched of a large reservation is never backed by memory.
        parser.nodes.reserveCapacity(bytes.count / 8 + 4)
        try parser.readDocument(bytes.span)
        return parser.nodes
    }

    private init(depthMax: Int) { self.depthMax = depthMax }

    private mutating func readDocument(_ text: Span<UInt8>) throws(JSONError) {
        repeat {
            try readValue(text)
        } while try closeAndContinue(text)
        skipSpace(text)
        if at < text.count { throw failure("expected nothing after the value", text) }
    }

    /// Reads a scalar or an empty container, or opens containers up to the first of these.
    private mutating func readValue(_ text: Span<UInt8>) throws(JSONError) {
        while true {
            skipSpace(text)
            guard at < text.count else { throw failure("expected a value", text) }
            switch text[at] {
            case UInt8(ascii: "{"):
                try open(.object, text)
                if closesAtOnce(UInt8(ascii: "}"), text) { return }
                try readKey(text)
            case UInt8(ascii: "["):
                try open(.array, text)
                if closesAtOnce(UInt8(ascii: "]"), text) { return }
            case UInt8(ascii: "\""):
                return try readString(text)
            default:
                return try readScalar(text)
            }
        }
    }

    /// After a value: closes what ends here. True when a comma promises another value, false at the end.
    private mutating func closeAndContinue(_ text: Span<UInt8>) throws(JSONError) -> Bool {
        while let container {
            let isObject = nodes[container].kind == .object
            skipSpace(text)
            let byte = at < text.count ? text[at] : 0
            if byte == UInt8(ascii: ",") {
                at += 1
                if isObject { try readKey(text) }
                return true
            }
            guard byte == (isObject ? UInt8(ascii: "}") : UInt8(ascii: "]")) else {
                throw failure(isObject ? "expected ',' or '}'" : "expected ',' or ']'", text)
            }
            at += 1
            close(container)
        }
        return false
    }

    private mutating func open(_ kind: JSONKind, _ text: Span<UInt8>) throws(JSONError) {
        guard depth < depthMax else {
            let position = position(of: at, in: text)
            throw JSONError(.tooDeep, position: position, reason: "nested deeper than the \(depthMax) levels allowed")
        }
        depth += 1
        let outer = UInt32(container ?? 0)
        container = nodes.count
        nodes.append(Node(kind: kind, isEscaped: false, offset: UInt32(at), length: 0, next: outer))
        at += 1
    }

    private mutating func closesAtOnce(_ closer: UInt8, _ text: Span<UInt8>) -> Bool {
        skipSpace(text)
        guard at < text.count, text[at] == closer, let container else { return false }
        at += 1
        close(container)
        return true
    }

    private mutating func close(_ index: Int) {
        depth -= 1
        container = depth == 0 ? nil : Int(nodes[index].next)
        nodes[index].length = UInt32(at) - nodes[index].offset
        nodes[index].next = UInt32(nodes.count)
    }

    private mutating func readKey(_ text: Span<UInt8>) throws(JSONError) {
        skipSpace(text)
        guard at < text.count, text[at] == UInt8(ascii: "\"") else { throw failure("expected a key", text) }
        try readString(text)
        skipSpace(text)
        guard at < text.count, text[at] == UInt8(ascii: ":") else { throw failure("expected ':'", text) }
        at += 1
    }

    private mutating func readString(_ text: Span<UInt8>) throws(JSONError) {
        switch scanString(text, from: at) {
        case .end(let end, let isEscaped): append(.string, to: end, isEscaped: isEscaped)
        case .invalid(let offset, let reason): throw failure(reason, text, at: offset)
        }
    }

    private mutating func readScalar(_ text: Span<UInt8>) throws(JSONError) {
        switch text[at] {
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"):
            let number = scanNumber(text, from: at)
            guard number.isValid else { throw failure("expected a digit", text, at: number.end) }
            append(.number, to: number.end)
        case UInt8(ascii: "t"): try readWord("true", .boolean, text)
        case UInt8(ascii: "f"): try readWord("false", .boolean, text)
        case UInt8(ascii: "n"): try readWord("null", .null, text)
        default: throw failure("expected a value", text)
        }
    }

    private mutating func readWord(_ word: String, _ kind: JSONKind, _ text: Span<UInt8>) throws(JSONError) {
        var end = at
        for byte in word.utf8 {
            guard end < text.count, text[end] == byte else { throw failure("expected a value", text) }
            end += 1
        }
        append(kind, to: end)
    }

    private mutating func append(_ kind: JSONKind, to end: Int, isEscaped: Bool = false) {
        let next = UInt32(nodes.count + 1)
        nodes.append(
            Node(kind: kind, isEscaped: isEscaped, offset: UInt32(at), length: UInt32(end - at), next: next))
        at = end
    }

    private mutating func skipSpace(_ text: Span<UInt8>) {
        while at < text.count, isSpace(text[at]) { at += 1 }
    }

    private func failure(_ reason: String, _ text: Span<UInt8>) -> JSONError { failure(reason, text, at: at) }

    @inline(never)
    private func failure(_ reason: String, _ text: Span<UInt8>, at offset: Int) -> JSONError {
        let found = offset < text.count ? "" : ", found the end"
        return JSONError(.syntax, position: position(of: offset, in: text), reason: reason + found)
    }
}

private func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 }

private func position(of offset: Int, in text: Span<UInt8>) -> JSONError.Position {
    var line = 1
    var column = 1
    for at in 0..<offset {
        if text[at] == 0x0A {
            line += 1
            column = 1
        } else if text[at] & 0xC0 != 0x80 {
            column += 1
        }
    }
    return JSONError.Position(offset: offset, line: line, column: column)
}
