/// One complete request, as a plain value.
package struct Request: Sendable {
    /// As sent; methods are case-sensitive.
    package let method: String
    /// What stood in the request line, untouched.
    package let target: String
    /// The decoded path. It means one thing only: a target whose path has an encoded slash, a control character, a `.` or
    /// `..` segment or broken encoding never becomes a request.
    package let path: String
    /// The decoded parameters of the query, in order.
    package let query: [QueryItem]
    package let headers: HeaderFields
    package internal(set) var body: [UInt8] = []
    package let peer: PeerAddress
    package let isTLS: Bool

    package struct QueryItem: Sendable, Equatable {
        package let name: String
        package let value: String
        package init(name: String, value: String) {
            self.name = name
            self.value = value
        }
    }

    /// The value of the first query parameter of that name.
    package func parameter(_ name: String) -> String? { query.first { $0.name == name }?.value }

    /// Nil: the target cannot be understood, or could be understood in two ways.
    package init?(
        method: String, target: String, headers: HeaderFields, body: [UInt8] = [], peer: PeerAddress, isTLS: Bool
    ) {
        guard let parts = RequestTarget(target) else { return nil }
        self.method = method
        self.target = target
        path = parts.path
        query = parts.query
        self.headers = headers
        self.body = body
        self.peer = peer
        self.isTLS = isTLS
    }
}

/// The parts of a request line's target.
struct RequestTarget: Equatable {
    let path: String
    let query: [Request.QueryItem]

    init?(_ target: String) {
        if target == "*" || Self.isPlain(target.utf8.span) {
            (path, query) = (target, [])
            return
        }
        guard let origin = Self.originForm(target) else { return nil }
        let mark = origin.firstIndex(of: UInt8(ascii: "?")) ?? origin.endIndex
        guard let path = Self.decodePath(origin[..<mark]), let query = Self.decodeQuery(origin[mark...].dropFirst())
        else {
            return nil
        }
        (self.path, self.query) = (path, query)
    }

    /// Most paths have nothing to decode and no dot that could be a segment, and most targets are such a path and no more.
    private static func isPlain(_ path: Span<UInt8>) -> Bool {
        guard path.count > 0, path[0] == UInt8(ascii: "/") else { return false }
        for place in path.indices where !isPlain(path[place]) { return false }
        return true
    }

    private static func isPlain(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "%"), UInt8(ascii: "."), UInt8(ascii: "?"): false
        default: byte > 0x20 && byte < 0x7F
        }
    }

    /// Proxies send the absolute form; RFC 9112 (3.2.2) has every server accept it.
    private static func originForm(_ target: String) -> Substring.UTF8View? {
        if target.utf8.first == UInt8(ascii: "/") { return target[...].utf8 }
        for scheme in ["http://", "https://"] where target.lowercased().hasPrefix(scheme) {
            let rest = target.utf8.dropFirst(scheme.utf8.count)
            guard let slash = rest.firstIndex(of: UInt8(ascii: "/")) else { return nil }
            return rest[slash...]
        }
        return nil
    }

    private static func decodePath(_ encoded: Substring.UTF8View) -> String? {
        if isPlain(encoded.span) { return String(Substring(encoded)) }
        guard let bytes = percentDecoded(encoded, plusIsSpace: false, refusingSlash: true),
            let path = String(validating: bytes, as: UTF8.self)
        else { return nil }
        for segment in path.split(separator: "/") where segment == "." || segment == ".." { return nil }
        return path
    }

    private static func decodeQuery(_ encoded: Substring.UTF8View) -> [Request.QueryItem]? {
        var items: [Request.QueryItem] = []
        for pair in encoded.split(separator: UInt8(ascii: "&")) {
            let equals = pair.firstIndex(of: UInt8(ascii: "=")) ?? pair.endIndex
            guard let name = percentDecoded(pair[..<equals], plusIsSpace: true, refusingSlash: false),
                let value = percentDecoded(pair[equals...].dropFirst(), plusIsSpace: true, refusingSlash: false),
                let nameText = String(validating: name, as: UTF8.self),
                let valueText = String(validating: value, as: UTF8.self)
            else { return nil }
            items.append(Request.QueryItem(name: nameText, value: valueText))
        }
        return items
    }

    private static func percentDecoded(
        _ encoded: Substring.UTF8View, plusIsSpace: Bool, refusingSlash: Bool
    ) -> [UInt8]? {
        var decoded: [UInt8] = []
        decoded.reserveCapacity(encoded.count)
        var rest = encoded[...]
        while var byte = rest.popFirst() {
            // A space is only ever encoded: where one stands as it is, two servers find two ends of the target.
            guard byte > 0x20 else { return nil }
            if byte == UInt8(ascii: "%") {
                guard let high = rest.popFirst().flatMap(hexDigit), let low = rest.popFirst().flatMap(hexDigit) else {
                    return nil
                }
                byte = high << 4 | low
                if refusingSlash && byte == UInt8(ascii: "/") { return nil }
            } else if plusIsSpace && byte == UInt8(ascii: "+") {
                byte = UInt8(ascii: " ")
            }
            guard byte >= 0x20 && byte != 0x7F else { return nil }
            decoded.append(byte)
        }
        return decoded
    }

    private static func hexDigit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}
