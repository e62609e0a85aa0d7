package import JSON

/// A message, or a part of one, that is an object on the wire. Both ends and the simulator need both directions.
///
/// Reading ignores fields it does not know, so that a newer sender may say more, and takes an explicit null for an
/// absent field. Writing leaves out what is nil.
package protocol WireObject: JSONReadable, JSONWritable, Equatable, Sendable {
    init(_ fields: Fields) throws(JSONError)
    func write(_ fields: inout FieldWriter)
}

extension WireObject {
    package init(from value: JSONValue) throws(JSONError) { try self.init(Fields(value.object())) }
    package func write(to writer: inout JSONWriter) { writer.object { write(&$0) } }
}

/// A word out of a closed list.
package protocol WireWord: RawRepresentable<String>, CaseIterable, Hashable, Sendable, JSONReadable, JSONWritable {}

extension WireWord {
    package init(from value: JSONValue) throws(JSONError) {
        guard let word = Self(rawValue: try value.string()) else {
            throw value.fail("expected one of \(Self.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        self = word
    }
    package func write(to writer: inout JSONWriter) { writer.value(rawValue) }
}

/// The fields of one object while it is read. Each way of asking says what is required and what bounds it.
package struct Fields {
    private let object: JSONObject
    init(_ object: JSONObject) { self.object = object }

    /// A field that must be there.
    func need<Value: JSONReadable>(_ name: String) throws(JSONError) -> Value {
        try Value(from: present(name))
    }

    /// A field that may be absent or null.
    func maybe<Value: JSONReadable>(_ name: String) throws(JSONError) -> Value? {
        guard let value = object.optional(name) else { return nil }
        return try Value(from: value)
    }

    /// As `maybe`, for facts that old agents replace by the text `unknown` when they could not find them out.
    func known<Value: JSONReadable>(_ name: String) throws(JSONError) -> Value? {
        guard let value = object.optional(name) else { return nil }
        if value.isString("unknown") { return nil }
        return try Value(from: value)
    }

    /// A flag that must be there and say what another field says, too.
    func agreeing(_ name: String, with other: Bool) throws(JSONError) -> Bool {
        let value = try present(name)
        guard try value.boolean() == other else { throw value.fail("expected \(other), as the rest says") }
        return other
    }

    /// A list that may be absent, which means empty.
    func list<Value: JSONReadable>(_ name: String, upTo limit: Int) throws(JSONError) -> [Value] {
        guard let value = object.optional(name) else { return [] }
        return try items(of: value, upTo: limit) { element throws(JSONError) in try Value(from: element) }
    }

    /// A text that must be there.
    func text(_ name: String, upTo limit: Int = Limits.nameBytes) throws(JSONError) -> String {
        try bounded(present(name), limit)
    }

    /// A text that may be absent or null.
    func maybeText(_ name: String, upTo limit: Int = Limits.nameBytes) throws(JSONError) -> String? {
        guard let value = object.optional(name) else { return nil }
        return try bounded(value, limit)
    }

    /// As `maybeText`, and nil for the text `unknown`; see `known`.
    func knownText(_ name: String) throws(JSONError) -> String? {
        let text = try maybeText(name)
        return text == "unknown" ? nil : text
    }

    /// A list of texts that may be absent or null, which here is not the same as empty.
    func maybeTexts(_ name: String, upTo limit: Int) throws(JSONError) -> [String]? {
        guard let value = object.optional(name) else { return nil }
        return try items(of: value, upTo: limit) { element throws(JSONError) in try bounded(element, Limits.nameBytes) }
    }

    /// A list of sentences that may be absent, which means empty.
    func sentences(_ name: String, upTo limit: Int) throws(JSONError) -> [String] {
        guard let value = object.optional(name) else { return [] }
        return try items(of: value, upTo: limit) { element throws(JSONError) in
            try bounded(element, Limits.sentenceBytes)
        }
    }

    /// A whole number that must be there.
    func needWhole(_ name: String, in range: ClosedRange<Int>) throws(JSONError) -> Int {
        try bounded(present(name), range)
    }

    /// A whole number that may be absent or null.
    func whole(_ name: String, in range: ClosedRange<Int>) throws(JSONError) -> Int? {
        guard let value = object.optional(name) else { return nil }
        return try bounded(value, range)
    }

    /// A number of milliseconds, seconds or things: 0 or more.
    func count(_ name: String) throws(JSONError) -> Int64? {
        guard let value = object.optional(name) else { return nil }
        return try value.integer(in: 0...Int64.max)
    }

    func needCount(_ name: String) throws(JSONError) -> Int64 {
        try present(name).integer(in: 0...Int64.max)
    }

    /// A price in dollars an hour, exact; absent when it is not known.
    func price(_ name: String) throws(JSONError) -> JSONNumber? {
        guard let value = object.optional(name) else { return nil }
        return try price(value)
    }

    func needPrice(_ name: String) throws(JSONError) -> JSONNumber { try price(present(name)) }

    /// A part that is an object and has no type of its own.
    func needObject(_ name: String) throws(JSONError) -> Fields { try Fields(present(name).object()) }

    func maybeObject(_ name: String) throws(JSONError) -> Fields? {
        guard let value = object.optional(name) else { return nil }
        return try Fields(value.object())
    }

    /// The value of a field whose type the caller finds out, or nil where it is absent or null.
    func value(_ name: String) -> JSONValue? { object.optional(name) }

    /// Null means absent, so also where a field must be there.
    private func present(_ name: String) throws(JSONError) -> JSONValue {
        guard let value = object.optional(name) else { throw object.missing(name) }
        return value
    }

    private func bounded(_ value: JSONValue, _ limit: Int) throws(JSONError) -> String {
        let text = try value.string()
        guard text.utf8.count <= limit else { throw value.fail("expected at most \(limit) bytes of text") }
        return text
    }

    private func bounded(_ value: JSONValue, _ range: ClosedRange<Int>) throws(JSONError) -> Int {
        Int(try value.integer(in: Int64(range.lowerBound)...Int64(range.upperBound)))
    }

    private func price(_ value: JSONValue) throws(JSONError) -> JSONNumber {
        let price = try value.number()
        // The length is bounded because the exact text is stored; twenty digits are more than any price has.
        guard price.text.utf8.count <= 20, JSONNumber(Int64(0)) <= price, price <= Limits.priceMax else {
            throw value.fail("expected a price from 0 to \(Limits.priceMax) in at most 20 characters")
        }
        return price
    }

    private func items<Item>(
        of value: JSONValue, upTo limit: Int, _ read: (JSONValue) throws(JSONError) -> Item
    ) throws(JSONError) -> [Item] {
        var items: [Item] = []
        for element in try value.array() {
            guard items.count < limit else { throw value.fail("expected at most \(limit) entries") }
            items.append(try read(element))
        }
        return items
    }
}

package typealias FieldWriter = JSONObjectWriter

extension JSONObjectWriter {
    /// Writes a field, or leaves it out where there is no value.
    mutating func put(_ name: String, _ value: (some JSONWritable)?) {
        // Not left to `optionalField`: across modules it does not know the type, and finding out what an optional of it is
        // takes longer than writing it.
        if let value { field(name, value) }
    }

    /// Writes a sentence for a person, shortened to what a reader takes.
    mutating func putSentence(_ name: String, _ sentence: String?) {
        put(name, sentence.map { $0.shortened(toBytes: Limits.sentenceBytes) })
    }

    mutating func putSentences(_ name: String, _ sentences: [String]) {
        put(name, sentences.map { $0.shortened(toBytes: Limits.sentenceBytes) })
    }

    mutating func putObject(_ name: String, _ body: (inout JSONObjectWriter) -> Void) { object(name, body) }
}

extension String {
    /// The longest beginning of whole characters that fits.
    fileprivate func shortened(toBytes limit: Int) -> String {
        guard utf8.count > limit else { return self }
        var end = utf8.index(startIndex, offsetBy: limit)
        while end.samePosition(in: unicodeScalars) == nil { utf8.formIndex(before: &end) }
        return String(self[..<end])
    }
}
