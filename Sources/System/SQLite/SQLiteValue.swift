/// What SQLite can hold: the five storage classes and nothing else.
package enum SQLiteValue: Equatable, Sendable {
    case null
    case integer(Int64)
    case real(Double)
    case text(String)
    case blob([UInt8])

    var kind: StaticString {
        switch self {
        case .null: "null"
        case .integer: "integer"
        case .real: "real"
        case .text: "text"
        case .blob: "blob"
        }
    }
}

/// A type that is bound to a statement and read from a column. Identifiers and enumerations of other modules conform, so
/// that their stores never see a raw value.
package protocol SQLiteConvertible {
    var sqliteValue: SQLiteValue { get }
    /// `nil` when the value is of another kind or outside the type: nothing is coerced.
    init?(_ value: SQLiteValue)
}

extension SQLiteValue: SQLiteConvertible {
    package var sqliteValue: SQLiteValue { self }
    package init?(_ value: SQLiteValue) { self = value }
}

extension Int64: SQLiteConvertible {
    package var sqliteValue: SQLiteValue { .integer(self) }
    package init?(_ value: SQLiteValue) {
        guard case .integer(let integer) = value else { return nil }
        self = integer
    }
}

extension Int: SQLiteConvertible {
    package var sqliteValue: SQLiteValue { .integer(Int64(self)) }
    package init?(_ value: SQLiteValue) {
        guard case .integer(let integer) = value else { return nil }
        self.init(exactly: integer)
    }
}

extension Bool: SQLiteConvertible {
    package var sqliteValue: SQLiteValue { .integer(self ? 1 : 0) }
    package init?(_ value: SQLiteValue) {
        switch value {
        case .integer(0): self = false
        case .integer(1): self = true
        default: return nil
        }
    }
}

extension Double: SQLiteConvertible {
    package var sqliteValue: SQLiteValue { .real(self) }
    package init?(_ value: SQLiteValue) {
        guard case .real(let real) = value else { return nil }
        self = real
    }
}

extension String: SQLiteConvertible {
    package var sqliteValue: SQLiteValue { .text(self) }
    package init?(_ value: SQLiteValue) {
        guard case .text(let text) = value else { return nil }
        self = text
    }
}

extension Array: SQLiteConvertible where Element == UInt8 {
    package var sqliteValue: SQLiteValue { .blob(self) }
    package init?(_ value: SQLiteValue) {
        guard case .blob(let bytes) = value else { return nil }
        self = bytes
    }
}

extension Optional: SQLiteConvertible where Wrapped: SQLiteConvertible {
    package var sqliteValue: SQLiteValue { self?.sqliteValue ?? .null }
    package init?(_ value: SQLiteValue) {
        if case .null = value {
            self = .none
        } else {
            guard let wrapped = Wrapped(value) else { return nil }
            self = .some(wrapped)
        }
    }
}
