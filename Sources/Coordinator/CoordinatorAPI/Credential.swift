import HTTPServer

/// What a request shows in its `Authorization`.
enum Credential {
    case none
    case malformed
    case token([UInt8])

    init(_ headers: HeaderFields) {
        // Of two, a proxy before us may have looked at the other.
        guard headers.occurrences(of: "Authorization") < 2 else {
            self = .malformed
            return
        }
        let read = headers.withValue(of: "Authorization") { value -> Credential in
            let scheme: StaticString = "bearer "
            let length = scheme.utf8CodeUnitCount
            // As long as the longest token that there is, and some blanks.
            guard value.count > length, value.count < 300, value.begins(with: scheme) else { return .malformed }
            var token: [UInt8] = []
            token.reserveCapacity(value.count - length)
            for place in length..<value.count where !(token.isEmpty && value[place] == 0x20) {
                token.append(value[place])
            }
            return token.isEmpty ? .malformed : .token(token)
        }
        self = read ?? .none
    }
}

extension Span<UInt8> {
    /// In whatever case; `prefix` is lower-case.
    fileprivate func begins(with prefix: StaticString) -> Bool {
        guard count >= prefix.utf8CodeUnitCount else { return false }
        var place = 0
        for byte in prefix.description.utf8 {
            guard self[place] | 0x20 == byte | 0x20 else { return false }
            place += 1
        }
        return true
    }
}
