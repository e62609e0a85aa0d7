private import CLinux
import Glibc

/// The kernel, or a file, did not do what was asked.
package struct PlatformError: Error, Equatable, CustomStringConvertible {
    /// What a caller can do something about.
    package enum Code: Sendable, Equatable {
        /// There is nothing of that name.
        case notFound
        /// The user this process runs as may not.
        case denied
        /// The disk or the quota is used up; the same call may succeed later.
        case full
        /// The content is longer than the caller's bound.
        case tooLarge
        /// Somebody else listens there.
        case addressInUse
        /// Anything else; the description says what.
        case failed
    }

    package let code: Code
    package let description: String

    /// `doing` is what was being done, and to what: `open outbox /var/lib/x/outbox`.
    package init(_ doing: String, errno number: Int32) {
        code =
            switch number {
            case ENOENT, ENOTDIR: .notFound
            case EACCES, EPERM, EROFS: .denied
            case ENOSPC, EDQUOT: .full
            case EFBIG, EMSGSIZE: .tooLarge
            case EADDRINUSE: .addressInUse
            default: .failed
            }
        description = "\(doing): \(describe(errno: number))"
    }

    package init(_ code: Code, _ description: String) {
        self.code = code
        self.description = description
    }
}

/// The calling thread's errno, to be read at once.
///
/// Not `Glibc.errno`, nor `open` or `S_IFREG` of that module: they are Swift code, which links all of the module's, and with
/// it `hypotf`, which needs a C library of 2.35. The agent runs on 2.34.
package var lastErrno: Int32 { clinux_errno() }

/// The kernel's words for an error number, ready to end one of our sentences: `permission denied (errno 13)`.
package func describe(errno number: Int32) -> String {
    // strerrordesc_np instead of strerror_r: constant text that no locale translates, and no buffer to size.
    guard let text = unsafe strerrordesc_np(number) else { return "errno \(number)" }
    let words = unsafe String(cString: text)
    let isAcronym = words.dropFirst().first?.isUppercase ?? false
    let start = isAcronym ? String(words.prefix(1)) : words.prefix(1).lowercased()
    return "\(start)\(words.dropFirst()) (errno \(number))"
}
