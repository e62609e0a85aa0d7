package import JSON

/// A value as the old programs have it: JSON, and asked only whether it is true, as Python asks.
package enum OldValue: Sendable, Equatable {
    case none
    case bool(Bool)
    case int(Int)
    case real(String)
    case text(String)
    case list([OldValue])
    case object([String: OldValue])

    package subscript(_ key: String) -> OldValue? {
        guard case .object(let fields) = self else { return nil }
        return fields[key]
    }

    package var text: String? { if case .text(let text) = self { text } else { nil } }
    package var int: Int? { if case .int(let int) = self { int } else { nil } }
    package var list: [OldValue]? { if case .list(let list) = self { list } else { nil } }

    /// `if value:`
    package var isTrue: Bool {
        switch self {
        case .none: false
        case .bool(let bool): bool
        case .int(let int): int != 0
        case .real(let text): text != "0.0"
        case .text(let text): !text.isEmpty
        case .list(let list): !list.isEmpty
        case .object(let fields): !fields.isEmpty
        }
    }

    /// Nil: no JSON.
    package init?(_ bytes: [UInt8]) {
        guard let document = try? JSONDocument(bytes) else { return nil }
        self.init(document.root)
    }

    private init(_ value: JSONValue) {
        switch value.kind {
        case .null: self = .none
        case .string: self = .text((try? value.string()) ?? "")
        case .number:
            let text = (try? value.number().text) ?? "0"
            self = Int(text).map { .int($0) } ?? .real(text)
        case .array:
            let array = try? value.array()
            self = .list(array.map { array in array.map { OldValue($0) } } ?? [])
        case .object:
            var fields: [String: OldValue] = [:]
            if let object = try? value.object() { for (key, value) in object { fields[key] = OldValue(value) } }
            self = .object(fields)
        default: self = .bool((try? value.boolean()) ?? false)
        }
    }
}

extension OldValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByBooleanLiteral,
    ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral, ExpressibleByNilLiteral
{
    package init(stringLiteral text: String) { self = .text(text) }
    package init(integerLiteral int: Int) { self = .int(int) }
    package init(booleanLiteral bool: Bool) { self = .bool(bool) }
    package init(arrayLiteral list: OldValue...) { self = .list(list) }
    package init(dictionaryLiteral fields: (String, OldValue)...) {
        self = .object(Dictionary(fields) { _, last in last })
    }
    package init(nilLiteral: ()) { self = .none }
    /// A text, or null.
    package init(_ text: String?) { self = text.map(OldValue.text) ?? .none }
}

extension OldValue: JSONWritable {
    package func write(to writer: inout JSONWriter) {
        switch self {
        case .none: writer.null()
        case .bool(let bool): writer.value(bool)
        case .int(let int): writer.value(Int64(int))
        case .real(let text): if let number = JSONNumber(text) { writer.value(number) } else { writer.null() }
        case .text(let text): writer.value(text)
        case .list(let list): writer.array { array in for element in list { array.element(element) } }
        case .object(let fields):
            writer.object { object in
                for (key, value) in fields.sorted(by: { $0.key < $1.key }) { object.field(key, value) }
            }
        }
    }
}
