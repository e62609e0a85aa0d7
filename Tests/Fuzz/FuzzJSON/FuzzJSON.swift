import JSON

/// Whatever is accepted means the same when it is written again.
@_cdecl("LLVMFuzzerTestOneInput")
package func fuzzJSON(_ data: UnsafePointer<UInt8>?, _ size: Int) -> CInt {
    let bytes = unsafe Array(UnsafeBufferPointer(start: data, count: size))
    guard let document = try? JSONDocument(bytes) else { return 0 }
    guard document.duplicateKeys.isEmpty else { return 0 }
    let written = encodeJSON(Rewritten(value: document.root))
    guard let again = try? JSONDocument(written) else { preconditionFailure("what was written is not JSON") }
    precondition(encodeJSON(Rewritten(value: again.root)) == written, "what was written means something else")
    return 0
}

/// A value written piece by piece, not copied.
private struct Rewritten: JSONWritable {
    let value: JSONValue

    func write(to writer: inout JSONWriter) {
        switch value.kind {
        case .null: writer.null()
        case .boolean: (try? value.boolean()).map { writer.value($0) }
        case .number: (try? value.number()).map { writer.value($0) }
        case .string: (try? value.string()).map { writer.value($0) }
        case .array:
            writer.array { array in
                guard let elements = try? value.array() else { return }
                for element in elements { array.element(Rewritten(value: element)) }
            }
        case .object:
            writer.object { object in
                guard let members = try? value.object() else { return }
                for (key, member) in members { object.field(key, Rewritten(value: member)) }
            }
        }
    }
}
