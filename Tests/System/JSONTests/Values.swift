import JSON

/// Writes a value anew from what its accessors say, not from its text.
func rewritten(_ value: JSONValue) throws(JSONError) -> [UInt8] { encodeJSON(try AnyValue(from: value)) }

/// Whether two values are the same to every accessor.
func sameValues(_ left: JSONValue, _ right: JSONValue) throws(JSONError) -> Bool {
    try AnyValue(from: left) == AnyValue(from: right)
}

/// Any JSON value, taken apart.
indirect enum AnyValue: Equatable, JSONReadable, JSONWritable {
    case null
    case boolean(Bool)
    case number(text: String)
    case string(String)
    case array([AnyValue])
    case object([Member])

    struct Member: Equatable {
        var key: String
        var value: AnyValue
    }

    init(from value: JSONValue) throws(JSONError) {
        switch value.kind {
        case .null: self = .null
        case .boolean: self = .boolean(try value.boolean())
        case .number: self = .number(text: try value.number().text)
        case .string: self = .string(try value.string())
        case .array: self = .array(try [AnyValue](from: value))
        case .object:
            self = .object(
                try value.object().map { member throws(JSONError) in
                    Member(key: member.key, value: try AnyValue(from: member.value))
                })
        }
    }

    func write(to writer: inout JSONWriter) {
        switch self {
        case .null: writer.null()
        case .boolean(let value): writer.value(value)
        case .number(let text):
            guard let number = JSONNumber(text) else { preconditionFailure("a made-up number must be one") }
            writer.value(number)
        case .string(let value): writer.value(value)
        case .array(let elements): elements.write(to: &writer)
        case .object(let members):
            writer.object { object in
                for member in members { object.field(member.key, member.value) }
            }
        }
    }

    static func == (left: AnyValue, right: AnyValue) -> Bool {
        switch (left, right) {
        case (.null, .null): true
        case (.boolean(let left), .boolean(let right)): left == right
        case (.number(let left), .number(let right)): left == right
        // Scalar for scalar: `String` itself would take equivalent texts for equal.
        case (.string(let left), .string(let right)): left.unicodeScalars.elementsEqual(right.unicodeScalars)
        case (.array(let left), .array(let right)): left == right
        case (.object(let left), .object(let right)): left == right
        default: false
        }
    }

    /// A random value, nested no deeper than `depth`.
    static func random(depth: Int, using random: inout SeededRandom) -> AnyValue {
        switch Int.random(in: 0..<(depth > 0 ? 8 : 5), using: &random) {
        case 0: .null
        case 1: .boolean(Bool.random(using: &random))
        case 2, 3: .number(text: randomNumber(using: &random))
        case 4: .string(randomString(using: &random))
        case 5:
            .array((0..<Int.random(in: 0...6, using: &random)).map { _ in .random(depth: depth - 1, using: &random) })
        default:
            .object(
                (0..<Int.random(in: 0...6, using: &random)).map { _ in
                    Member(key: randomString(using: &random), value: .random(depth: depth - 1, using: &random))
                })
        }
    }

    private static func randomNumber(using random: inout SeededRandom) -> String {
        var text = Bool.random(using: &random) ? "-" : ""
        text += Bool.random(using: &random) ? "0" : String(UInt64.random(in: 1...UInt64.max, using: &random))
        if Bool.random(using: &random) { text += "." + String(UInt32.random(in: 0...UInt32.max, using: &random)) }
        if Bool.random(using: &random) {
            let sign = ["", "+", "-"].randomElement(using: &random) ?? ""
            text += "e" + sign + String(UInt16.random(in: 0...UInt16.max, using: &random))
        }
        return text
    }

    private static func randomString(using random: inout SeededRandom) -> String {
        let ranges: [ClosedRange<UInt32>] = [
            0...0x1F, 0x20...0x7F, 0x20...0x7F, 0x80...0x7FF, 0x800...0xD7FF, 0xE000...0xFFFF, 0x10000...0x10FFFF,
        ]
        var string = ""
        for _ in 0..<Int.random(in: 0...12, using: &random) {
            let value = UInt32.random(in: ranges.randomElement(using: &random) ?? 0...0, using: &random)
            if let scalar = Unicode.Scalar(value) { string.unicodeScalars.append(scalar) }
        }
        return string
    }
}
