import AgentCore

/// The parameters of one action of EC2's query API, as the body of a form.
struct QueryForm: Sendable {
    private(set) var parameters: [(name: String, value: String)] = []
    private var filters = 0

    /// Nothing for nil: a parameter that is not sent has EC2's own default.
    mutating func add(_ name: String, _ value: String?) {
        if let value { parameters.append((name, value)) }
    }

    /// `Name.1`, `Name.2`, …
    mutating func add(list name: String, _ values: [String]) {
        for (index, value) in values.enumerated() { add("\(name).\(index + 1)", value) }
    }

    /// Filters of several calls of this hold together. EC2 takes `*` and `?` for wildcards, and a backslash before them
    /// for themselves.
    mutating func add(filter name: String, _ value: String) {
        filters += 1
        add("Filter.\(filters).Name", name)
        var literal = ""
        for character in value {
            if "\\*?".contains(character) { literal.append("\\") }
            literal.append(character)
        }
        add("Filter.\(filters).Value.1", literal)
    }

    /// The same tags for everything of these kinds that the action makes.
    mutating func add(tags: [CloudRequest.Tag], of kinds: [String]) {
        guard !tags.isEmpty else { return }
        for (index, kind) in kinds.enumerated() {
            let prefix = "TagSpecification.\(index + 1)"
            add("\(prefix).ResourceType", kind)
            for (number, tag) in tags.enumerated() {
                add("\(prefix).Tag.\(number + 1).Key", tag.key)
                add("\(prefix).Tag.\(number + 1).Value", tag.value)
            }
        }
    }

    var bytes: [UInt8] {
        var bytes: [UInt8] = []
        for (name, value) in parameters {
            if !bytes.isEmpty { bytes.append(UInt8(ascii: "&")) }
            escape(name, to: &bytes)
            bytes.append(UInt8(ascii: "="))
            escape(value, to: &bytes)
        }
        return bytes
    }
}

/// As AWS's own tools write forms: all but the unreserved characters of RFC 3986 as `%XX`, and blanks as `+`.
private func escape(_ text: String, to bytes: inout [UInt8]) {
    let digits = Array("0123456789ABCDEF".utf8)
    for byte in text.utf8 {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
            UInt8(ascii: "~"):
            bytes.append(byte)
        case UInt8(ascii: " "): bytes.append(UInt8(ascii: "+"))
        default: bytes += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
        }
    }
}
