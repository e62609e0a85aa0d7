package import CoordinatorCore
package import JSON
package import SQLite
package import Wire

// How the values of the other modules stand in columns. Nothing is coerced: a column that holds something else is damage.

extension Identifier: SQLiteConvertible {
    package var sqliteValue: SQLiteValue { .text(text) }
    package init?(_ value: SQLiteValue) {
        guard case .text(let text) = value, let checked = try? Self(text) else { return nil }
        self = checked
    }
}

extension Counter: SQLiteConvertible {
    package var sqliteValue: SQLiteValue { .integer(number) }
    package init?(_ value: SQLiteValue) {
        guard case .integer(let number) = value else { return nil }
        self.init(number)
    }
}

extension Attempts: SQLiteConvertible {
    package var sqliteValue: SQLiteValue { .integer(Int64(made)) }
    package init?(_ value: SQLiteValue) {
        guard case .integer(let number) = value else { return nil }
        self.init(made: Int(number))
    }
}

extension Abilities: SQLiteConvertible {
    package var sqliteValue: SQLiteValue { self == .all ? .null : .integer(Int64(rawValue)) }
    package init?(_ value: SQLiteValue) {
        switch value {
        case .null: self = .all
        case .integer(let bits): self.init(rawValue: Int(bits))
        default: return nil
        }
    }
}

extension Timestamp: SQLiteConvertible {
    package var sqliteValue: SQLiteValue { .integer(nanosecondsSinceEpoch) }
    package init?(_ value: SQLiteValue) {
        guard case .integer(let nanoseconds) = value else { return nil }
        self.init(nanosecondsSinceEpoch: nanoseconds)
    }
}

extension JSONNumber: SQLiteConvertible {
    package var sqliteValue: SQLiteValue { .text(text) }
    package init?(_ value: SQLiteValue) {
        guard case .text(let text) = value else { return nil }
        self.init(text)
    }
}

extension SQLiteConvertible where Self: RawRepresentable<String> {
    package var sqliteValue: SQLiteValue { .text(rawValue) }
    package init?(_ value: SQLiteValue) {
        guard case .text(let text) = value else { return nil }
        self.init(rawValue: text)
    }
}

extension Role: SQLiteConvertible {}
extension Service: SQLiteConvertible {}
extension Mode: SQLiteConvertible {}
extension Trigger: SQLiteConvertible {}
extension CommandState: SQLiteConvertible {}
extension ReplicaType: SQLiteConvertible {}
extension ReplicaStatus: SQLiteConvertible {}
extension Incident.Kind: SQLiteConvertible {}
extension Incident.State: SQLiteConvertible {}

/// A value that is kept as JSON text, because nothing is asked of its parts.
func jsonText(_ value: some JSONWritable) -> String { String(decoding: encodeJSON(value), as: UTF8.self) }

func jsonText(_ value: (some JSONWritable)?) -> String? { value.map { jsonText($0) } }

extension Row {
    /// The same as `value`, which is of another module and looks up at each call what type it deals with; these are made for
    /// each type. For the start, which reads two million values.
    borrowing func field<Value: SQLiteConvertible>(_ column: Int) throws(SQLiteError) -> Value {
        let stored = try stored(column)
        guard let value = Value(stored) else { throw mismatch(column, stored, Value.self) }
        return value
    }

    borrowing func maybe<Value: SQLiteConvertible>(_ column: Int) throws(SQLiteError) -> Value? {
        let stored = try stored(column)
        if case .null = stored { return nil }
        guard let value = Value(stored) else { throw mismatch(column, stored, Value?.self) }
        return value
    }

    /// Reads a column of JSON text, NULL for nil.
    borrowing func json<Value: JSONReadable>(_ column: Int, _ name: StaticString) throws -> Value? {
        guard let text = try value(column, as: String?.self) else { return nil }
        do { return try decodeJSON(Value.self, from: Array(text.utf8)) } catch {
            throw StoreError(.damaged, "\(name): \(error)")
        }
    }

    borrowing func json<Value: JSONReadable>(_ column: Int, _ name: StaticString) throws -> Value {
        guard let value: Value = try json(column, name) else { throw StoreError(.damaged, "\(name): nothing there") }
        return value
    }
}

/// Makes a value of a row whose first column names it, so that damage in it is told with its place.
func reading<Value>(
    _ table: StaticString, _ row: borrowing Row, _ make: (borrowing Row) throws -> Value
) throws -> Value {
    do { return try make(row) } catch {
        let name = (try? row.value(0, as: String.self)) ?? "without a name"
        let cause = StoreError(error)
        throw StoreError(cause.code, "read \(table) \(name): \(cause.description)")
    }
}
