private import CLinux
import Glibc

/// The one owner of an open descriptor; closes it at the end of its life.
package struct FileDescriptor: ~Copyable, Sendable {
    /// For calls that borrow it. It must not outlive the owner.
    package let number: Int32

    /// Takes over a descriptor that nobody else will close.
    package init(owning number: Int32) {
        precondition(number >= 0, "a descriptor that is not open has no owner")
        self.number = number
    }

    deinit { close(number) }

    /// Hands the descriptor, still open, to another owner.
    package consuming func release() -> Int32 {
        let number = number
        discard self
        return number
    }
}

extension FileDescriptor {
    /// Opens `path`; close-on-exec is added. `doing` opens the error's sentence.
    package init(
        opening path: String, _ flags: Int32, permissions: UInt32 = 0, doing: String = "open"
    ) throws(PlatformError) {
        let opened = retryingInterrupts { unsafe clinux_open(path, flags | O_CLOEXEC, permissions) }
        guard opened.result >= 0 else { throw PlatformError("\(doing) \(path)", errno: opened.errno) }
        self.init(owning: opened.result)
    }
}

/// Repeats a call that a signal interrupted, and reads errno before anything else can change it.
package func retryingInterrupts<Result: SignedInteger>(_ call: () -> Result) -> (result: Result, errno: Int32) {
    while true {
        let result = call()
        let number = result < 0 ? lastErrno : 0
        if number != EINTR { return (result, number) }
    }
}
