/// The header of a request, as it came: one block of bytes and where each field is in it. Text is made when asked for.
package struct HeaderFields: Sendable {
    private struct Span {
        let start: UInt32
        let nameLength: UInt16
        let valueLength: UInt16
    }

    private var bytes: [UInt8] = []
    private var spans: [Span] = []

    init() {}

    package var count: Int { spans.count }

    /// The value of the first field of that name, in whatever case.
    package subscript(name name: StaticString) -> String? { span(named: name).map(value) }

    /// All fields of that name, in order.
    package func all(_ name: StaticString) -> [String] { spans.filter { matches($0, name) }.map(value) }

    /// Every field, in order, names as they were sent.
    package var all: [(name: String, value: String)] {
        spans.map { span in
            let start = Int(span.start)
            return (String(decoding: bytes[start..<start + Int(span.nameLength)], as: UTF8.self), value(span))
        }
    }

    mutating func reserve(bytes count: Int) {
        bytes.reserveCapacity(count)
        spans.reserveCapacity(12)
    }

    /// Names and values are shorter than 64 KiB because the memory that a connection may use for its header is.
    mutating func append(name: UnsafeBufferPointer<UInt8>, value: UnsafeBufferPointer<UInt8>) {
        spans.append(
            Span(
                start: UInt32(bytes.count), nameLength: UInt16(clamping: name.count),
                valueLength: UInt16(clamping: value.count)))
        unsafe bytes.append(contentsOf: name)
        unsafe bytes.append(contentsOf: value)
    }

    func occurrences(of name: StaticString) -> Int {
        var count = 0
        for span in spans where matches(span, name) { count += 1 }
        return count
    }

    private func span(named name: StaticString) -> Span? { spans.first { matches($0, name) } }

    private func value(_ span: Span) -> String {
        let start = Int(span.start) + Int(span.nameLength)
        return String(decoding: bytes[start..<start + Int(span.valueLength)], as: UTF8.self)
    }

    private func matches(_ span: Span, _ name: StaticString) -> Bool {
        guard Int(span.nameLength) == name.utf8CodeUnitCount else { return false }
        return name.withUTF8Buffer { wanted in
            for offset in 0..<wanted.count {
                guard unsafe lowercase(bytes[Int(span.start) + offset]) == lowercase(wanted[offset]) else {
                    return false
                }
            }
            return true
        }
    }
}

private func lowercase(_ byte: UInt8) -> UInt8 { byte >= 0x41 && byte <= 0x5A ? byte | 0x20 : byte }
