import HTTPServer
import JSON
import Wire

/// What an old host sent. It is read for what can be understood: null, the word `unknown` and what has another form than its
/// name says are all the same as nothing, for one wrong field must not cost a host its place.
struct OldBody: Sendable {
    private let object: JSONObject?

    /// Four thousand machines with two kilobytes of tags each.
    static let bytesMax = 8 * 1024 * 1024

    init(_ value: JSONValue?) { object = try? value?.object() }

    /// Nothing at all counts as an empty object, as does a list. The route's limit was kept when it came in.
    init(_ bytes: [UInt8]) throws(JSONError) {
        self.init(bytes.isEmpty ? nil : try JSONDocument(bytes, limits: JSONLimits(bytes: Self.bytesMax)).root)
    }

    /// Whether the key is there, whatever it holds.
    func has(_ name: String) -> Bool { object?[name] != nil }

    private func value(_ names: [String]) -> JSONValue? {
        for name in names { if let value = object?.optional(name), !value.isString("unknown") { return value } }
        return nil
    }

    /// Of several names for one thing the first that holds something counts.
    func text(_ names: String...) -> String? { text(names) }

    private func text(_ names: [String]) -> String? {
        guard let text = try? value(names)?.string(), !text.isEmpty else { return nil }
        return text
    }

    func name<Kind>(_ names: String...) -> Identifier<Kind>? { text(names).flatMap { try? Identifier<Kind>($0) } }
    func time(_ names: String...) -> Timestamp? { try? value(names)?.timestamp() }
    func flag(_ names: String...) -> Bool? { try? value(names)?.boolean() }
    func word<Word: WireWord>(_ names: String...) -> Word? { text(names).flatMap { Word(rawValue: $0) } }

    /// A price that is one: more than nothing, and in few enough digits to keep.
    func price(_ names: String...) -> JSONNumber? {
        guard let price = try? value(names)?.number(), price.text.utf8.count <= 20, JSONNumber(Int64(0)) < price,
            price <= JSONNumber(Int64(100_000))
        else { return nil }
        return price
    }

    func number(_ name: String) -> Double? { (try? value([name])?.number())?.double }

    func part(_ name: String) -> OldBody { OldBody(value([name])) }

    /// The parts that are objects, of the first `limit`.
    func parts(_ name: String, upTo limit: Int) -> [OldBody] {
        guard let list = try? value([name])?.array() else { return [] }
        return list.prefix(limit).map { OldBody($0) }
    }

    /// The names in a list of them.
    func names<Kind>(_ name: String, upTo limit: Int) -> [Identifier<Kind>] {
        guard let list = try? value([name])?.array() else { return [] }
        return list.prefix(limit).compactMap { item in (try? item.string()).flatMap { try? Identifier<Kind>($0) } }
    }

    /// A pool by its name, with or without the `spot.` that `OldCommand` puts before it.
    func pool(_ names: String...) -> PoolID? {
        guard let text = text(names) else { return nil }
        return try? PoolID(text.hasPrefix("spot.") ? String(text.dropFirst(5)) : text)
    }
}

extension OldBody {
    /// Without microseconds and zones there is still a time: the coordinator's own where the host names none.
    var detectedAt: Timestamp? { time("detected_at") }
}
