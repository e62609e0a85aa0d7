private import CLinux
import Glibc

/// A value that must not be seen: whatever prints, logs or reflects it shows a placeholder.
package struct Secret: Sendable, Equatable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    private let value: String
    package init(_ value: String) { self.value = value }

    /// The value itself, for the one place that sends or compares it.
    package func reveal() -> String { value }

    package var description: String { "(secret)" }
    package var debugDescription: String { description }
    package var customMirror: Mirror { Mirror(self, children: []) }
}

/// A secret as it was found in a file.
package struct SecretFile: Sendable, Equatable {
    package let secret: Secret
    /// Everybody on the machine may read the file: worth a warning, but no reason to stand still.
    package let isReadableByEveryone: Bool

    /// No token or passphrase needs more; a certificate's key is not read with this.
    package static let limit = 8192

    /// Reads a file that holds the secret and at most one line ending after it.
    package init(_ path: String) throws(PlatformError) {
        let doing = "read secret"
        let file = try readRegularFile(path, limit: Self.limit, doing: doing)
        var content = file.content[...]
        if content.last == UInt8(ascii: "\n") { content.removeLast() }
        if content.last == UInt8(ascii: "\r") { content.removeLast() }
        guard !content.isEmpty else { throw PlatformError(.failed, "\(doing) \(path): the file is empty") }
        guard let text = String(validating: content, as: UTF8.self), !text.utf8.contains(where: { $0 < 0x20 }) else {
            throw PlatformError(.failed, "\(doing) \(path): expected one line of text")
        }
        secret = Secret(text)
        isReadableByEveryone = file.permissions & clinux_read_by_others != 0
    }
}
