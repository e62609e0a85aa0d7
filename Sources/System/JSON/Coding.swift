/// A type that is read from JSON. Unknown keys are its own business: what comes from other versions ignores them.
package protocol JSONReadable {
    init(from value: JSONValue) throws(JSONError)
}

/// A type that is written as JSON: exactly one value.
package protocol JSONWritable {
    func write(to writer: inout JSONWriter)
}

/// Reads a whole text as one value. A duplicate key is refused and named: two readers could understand such a text
/// differently, and a request must mean one thing.
package func decodeJSON<T: JSONReadable>(
    _ type: T.Type, from bytes: [UInt8], limits: JSONLimits = .standard
) throws(JSONError) -> T {
    try decodeJSON(type, from: JSONDocument(bytes, limits: limits))
}

/// The same for a text whose document is wanted besides.
package func decodeJSON<T: JSONReadable>(_ type: T.Type, from document: JSONDocument) throws(JSONError) -> T {
    if let path = document.duplicateKeys.first {
        throw JSONError(.duplicateKey, path: path, reason: "duplicate key")
    }
    return try T(from: document.root)
}

package func encodeJSON(_ value: some JSONWritable) -> [UInt8] {
    var writer = JSONWriter()
    value.write(to: &writer)
    return writer.bytes
}

extension String: JSONWritable, JSONReadable {
    package init(from value: JSONValue) throws(JSONError) { self = try value.string() }
    package func write(to writer: inout JSONWriter) { writer.value(self) }
}

extension Bool: JSONWritable, JSONReadable {
    package init(from value: JSONValue) throws(JSONError) { self = try value.boolean() }
    package func write(to writer: inout JSONWriter) { writer.value(self) }
}

extension Int64: JSONWritable, JSONReadable {
    package init(from value: JSONValue) throws(JSONError) { self = try value.integer() }
    package func write(to writer: inout JSONWriter) { writer.value(self) }
}

extension Int: JSONWritable, JSONReadable {
    package init(from value: JSONValue) throws(JSONError) { self = Int(try value.integer()) }
    package func write(to writer: inout JSONWriter) { writer.value(Int64(self)) }
}

extension JSONNumber: JSONWritable, JSONReadable {
    package init(from value: JSONValue) throws(JSONError) { self = try value.number() }
    package func write(to writer: inout JSONWriter) { writer.value(self) }
}

extension Timestamp: JSONWritable, JSONReadable {
    package init(from value: JSONValue) throws(JSONError) { self = try value.timestamp() }
    package func write(to writer: inout JSONWriter) { writer.value(self) }
}

/// Written back exactly as it came.
extension JSONValue: JSONWritable {
    package func write(to writer: inout JSONWriter) { writer.raw(self) }
}

extension JSONDocument: JSONWritable {
    package func write(to writer: inout JSONWriter) { writer.raw(root) }
}

/// Nil is null; to leave a key out instead, `JSONObjectWriter.optionalField`.
extension Optional: JSONWritable where Wrapped: JSONWritable {
    package func write(to writer: inout JSONWriter) {
        if let self { self.write(to: &writer) } else { writer.null() }
    }
}

extension Array: JSONWritable where Element: JSONWritable {
    package func write(to writer: inout JSONWriter) {
        writer.array { array in
            for element in self { array.element(element) }
        }
    }
}

extension Array: JSONReadable where Element: JSONReadable {
    package init(from value: JSONValue) throws(JSONError) {
        self = try value.array().map { element throws(JSONError) in try Element(from: element) }
    }
}
