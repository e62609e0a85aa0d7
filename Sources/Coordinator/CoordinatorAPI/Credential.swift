import Crypto
import HTTPServer

/// What a request shows in its `Authorization`.
enum Credential {
    case none
    case malformed
    /// The SHA-256 of one.
    case token(Digest)

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
            // Blanks around a field's value are none of it (RFC 9110, 5.5), and the library leaves those behind it.
            var (start, end) = (length, value.count)
            while start < end, value[start] == 0x20 { start += 1 }
            while end > start, value[end - 1] == 0x20 || value[end - 1] == 0x09 { end -= 1 }
            guard start < end else { return .malformed }
            return .token(SHA256.hash(value.extracting(start..<end)))
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
