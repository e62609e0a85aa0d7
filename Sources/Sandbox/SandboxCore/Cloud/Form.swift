/// The parameters of a call in a query API.
struct Form: Sendable {
    let values: [String: String]

    /// More than any call of ours has.
    private static let parametersMax = 1_024
    private static let itemsMax = 200

    /// Nil for what is no form.
    init?(_ body: [UInt8]) {
        var values: [String: String] = [:]
        for pair in body.split(separator: UInt8(ascii: "&")) {
            let parts = pair.split(separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
            guard values.count < Self.parametersMax, let name = decode(parts[0]),
                let value = parts.count == 2 ? decode(parts[1]) : ""
            else { return nil }
            values[name] = value
        }
        self.values = values
    }

    subscript(name: String) -> String? { values[name].flatMap { $0.isEmpty ? nil : $0 } }

    func need(_ name: String) throws(Refusal) -> String {
        guard let value = self[name] else { throw .missing(name) }
        return value
    }

    /// `Name.1`, `Name.2`, …
    func list(_ name: String) -> [String] {
        var items: [String] = []
        while items.count < Self.itemsMax, let item = values["\(name).\(items.count + 1)"] { items.append(item) }
        return items
    }

    func tags(_ prefix: String) -> [Tag] {
        var tags: [Tag] = []
        while tags.count < Self.itemsMax, let key = values["\(prefix).\(tags.count + 1).Key"] {
            tags.append(Tag(key: key, value: values["\(prefix).\(tags.count + 1).Value"] ?? ""))
        }
        return tags
    }

    /// What the call gives to things of that kind that it makes.
    func newTags(of kind: String) throws(Refusal) -> [Tag] {
        var tags: [Tag] = []
        var number = 1
        while number <= Self.itemsMax, let type = values["TagSpecification.\(number).ResourceType"] {
            if type == kind { tags += self.tags("TagSpecification.\(number).Tag") }
            number += 1
        }
        return try Self.limited(tags)
    }

    static func limited(_ tags: [Tag]) throws(Refusal) -> [Tag] {
        guard tags.count <= 50 else { throw Refusal("TagLimitExceeded", "A resource has at most 50 tags") }
        return tags
    }

    var filters: [(name: String, patterns: [Pattern])] {
        var filters: [(String, [Pattern])] = []
        while filters.count < Self.itemsMax, let name = values["Filter.\(filters.count + 1).Name"] {
            filters.append((name, list("Filter.\(filters.count + 1).Value").map(Pattern.init)))
        }
        return filters
    }

    /// The whole but what may differ when the same is asked again, to compare by.
    var fingerprint: [String] {
        values.filter { $0.key != "ClientToken" }.map { "\($0.key)=\($0.value)" }.sorted()
    }
}

private func decode(_ text: ArraySlice<UInt8>) -> String? {
    var bytes: [UInt8] = []
    var rest = text
    while let byte = rest.popFirst() {
        switch byte {
        case UInt8(ascii: "+"): bytes.append(UInt8(ascii: " "))
        case UInt8(ascii: "%"):
            let digits = String(decoding: rest.prefix(2), as: UTF8.self)
            guard rest.count >= 2, let value = UInt8(digits, radix: 16) else { return nil }
            rest = rest.dropFirst(2)
            bytes.append(value)
        default: bytes.append(byte)
        }
    }
    return String(validating: bytes, as: UTF8.self)
}

/// A filter's value: `*` is any text, `?` any character, and a backslash before them takes that from them.
struct Pattern: Sendable {
    private enum Piece: Equatable {
        case any, one
        case exactly(Character)
    }
    private var pieces: [Piece] = []

    init(_ text: String) {
        var isEscaped = false
        for character in text {
            switch character {
            case "\\" where !isEscaped:
                isEscaped = true
                continue
            case "*" where !isEscaped: pieces.append(.any)
            case "?" where !isEscaped: pieces.append(.one)
            default: pieces.append(.exactly(character))
            }
            isEscaped = false
        }
    }

    /// All places that can be reached are followed at once, so no pattern takes long.
    func matches(_ text: String) -> Bool {
        var reached = passing([0])
        for character in text {
            reached = passing(
                Set(
                    reached.compactMap { place in
                        guard place < pieces.count else { return nil }
                        switch pieces[place] {
                        case .any: return place
                        case .one: return place + 1
                        case .exactly(let wanted): return wanted == character ? place + 1 : nil
                        }
                    }))
        }
        return reached.contains(pieces.count)
    }

    private func passing(_ places: Set<Int>) -> Set<Int> {
        var all = places
        for start in places {
            var place = start
            while place < pieces.count, pieces[place] == .any {
                place += 1
                all.insert(place)
            }
        }
        return all
    }
}
