import Crypto
import HTTPServer

/// What a request shows in its `Authorization`, or where it may, in its query.
enum Credential {
    case none
    case malformed
    /// The SHA-256 of one.
    case token(Digest)

    init(_ headers: HeaderFields) {
        switch headers.withSoleValue(of: "Authorization", Self.init(bearing:)) {
        case .none: self = .none
        case .one(let credential): self = credential
        // A proxy before us may have looked at the other.
        case .several: self = .malformed
        }
    }

    /// For a route that takes a token in its query, if there is one; one that does not has looked.
    init(_ request: Request) {
        self.init(request.headers)
        let shown = request.query.filter { $0.name == "token" }
        guard let token = shown.first?.value else { return }
        // Two of them need not be the same, and a proxy before us may have looked at the other.
        guard case .none = self, shown.count == 1, (1..<300).contains(token.utf8.count) else {
            self = .malformed
            return
        }
        self = .token(SHA256.hash(Array(token.utf8)))
    }

    private static let scheme = Array("bearer ".utf8)

    /// `value` is what the field holds.
    private init(bearing value: Span<UInt8>) {
        self = .malformed
        let length = Self.scheme.count
        // As long as the longest token that there is, and some blanks.
        guard value.count > length, value.count < 300, value.begins(with: Self.scheme) else { return }
        // Blanks around a field's value are none of it (RFC 9110, 5.5), and the library leaves those behind it.
        var (start, end) = (length, value.count)
        while start < end, value[start] == 0x20 { start += 1 }
        while end > start, value[end - 1] == 0x20 || value[end - 1] == 0x09 { end -= 1 }
        if start < end { self = .token(SHA256.hash(value.extracting(start..<end))) }
    }
}

extension Span<UInt8> {
    /// In whatever case; `prefix` is lower-case.
    fileprivate func begins(with prefix: [UInt8]) -> Bool {
        guard count >= prefix.count else { return false }
        for place in prefix.indices where self[place] | 0x20 != prefix[place] | 0x20 { return false }
        return true
    }
}
