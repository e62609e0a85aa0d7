/// The header of a request, as it came: one block of bytes and where each field is in it. Text is made when asked for.
package struct HeaderFields: Sendable {
    private struct Place {
        let start: UInt32
        let nameLength: UInt16
        let valueLength: UInt16
    }

    /// What there is of a field of which there should be one.
    package enum Sole<Value> {
        case none
        case one(Value)
        /// Whoever looked before us may have gone by another of them.
        case several
    }

    private var bytes: [UInt8] = []
    private var places: [Place] = []

    init() {}

    /// As a client would send them.
    package init(_ fields: [(name: String, value: String)]) {
        places.reserveCapacity(fields.count)
        for (name, value) in fields {
            places.append(
                Place(
                    start: UInt32(bytes.count), nameLength: UInt16(clamping: name.utf8.count),
                    valueLength: UInt16(clamping: value.utf8.count)))
            bytes += name.utf8
            bytes += value.utf8
        }
    }

    package var count: Int { places.count }

    /// The value of the first field of that name, in whatever case.
    package subscript(name name: StaticString) -> String? {
        guard let range = value(of: name) else { return nil }
        return text(range)
    }

    /// What `body` makes of the value of the first field of that name, given as the bytes it came in; nil without one. For
    /// what is looked at in every request.
    package func withValue<Result>(of name: StaticString, _ body: (Span<UInt8>) -> Result) -> Result? {
        guard let range = value(of: name) else { return nil }
        return body(bytes.span.extracting(range))
    }

    /// The same where there should be one field of that name and no other.
    package func withSoleValue<Result>(of name: StaticString, _ body: (Span<UInt8>) -> Result) -> Sole<Result> {
        guard let range = value(of: name) else { return .none }
        return occurrences(of: name) == 1 ? .one(body(bytes.span.extracting(range))) : .several
    }

    /// All fields of that name, in order.
    package func all(_ name: StaticString) -> [String] { places.filter { matches($0, name) }.map { text(range($0)) } }

    /// Every field, in order, names as they were sent.
    package var all: [(name: String, value: String)] {
        places.map { place in
            let start = Int(place.start)
            return (text(start..<start + Int(place.nameLength)), text(range(place)))
        }
    }

    mutating func reserve(bytes count: Int) {
        bytes.reserveCapacity(count)
        places.reserveCapacity(12)
    }

    /// Names and values are shorter than 64 KiB because the memory that a connection may use for its header is.
    mutating func append(name: UnsafeBufferPointer<UInt8>, value: UnsafeBufferPointer<UInt8>) {
        places.append(
            Place(
                start: UInt32(bytes.count), nameLength: UInt16(clamping: name.count),
                valueLength: UInt16(clamping: value.count)))
        bytes.append(addingCapacity: name.count + value.count) { bytes in
            unsafe bytes.withUnsafeMutableBufferPointer { target, count in
                count = unsafe target.initialize(fromContentsOf: name)
                count = unsafe target[count...].initialize(fromContentsOf: value)
            }
        }
    }

    /// How many fields of that name there are.
    package func occurrences(of name: StaticString) -> Int {
        var count = 0
        for place in places where matches(place, name) { count += 1 }
        return count
    }

    /// Whether there is a field whose name begins so, in whatever case.
    package func hasName(beginningWith start: StaticString) -> Bool { places.contains { begins($0, start) } }

    /// Where the value of the first field of that name is.
    private func value(of name: StaticString) -> Range<Int>? {
        for place in places where matches(place, name) { return range(place) }
        return nil
    }

    private func text(_ range: Range<Int>) -> String { String(decoding: bytes[range], as: UTF8.self) }

    private func range(_ place: Place) -> Range<Int> {
        let start = Int(place.start) + Int(place.nameLength)
        return start..<start + Int(place.valueLength)
    }

    private func matches(_ place: Place, _ name: StaticString) -> Bool {
        Int(place.nameLength) == name.utf8CodeUnitCount && begins(place, name)
    }

    private func begins(_ place: Place, _ name: StaticString) -> Bool {
        guard Int(place.nameLength) >= name.utf8CodeUnitCount else { return false }
        return name.withUTF8Buffer { wanted in
            for offset in 0..<wanted.count {
                guard unsafe lowercase(bytes[Int(place.start) + offset]) == lowercase(wanted[offset]) else {
                    return false
                }
            }
            return true
        }
    }
}

private func lowercase(_ byte: UInt8) -> UInt8 { byte >= 0x41 && byte <= 0x5A ? byte | 0x20 : byte }
