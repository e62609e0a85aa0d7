private import CLinux
import Glibc

/// The exclusive lock of one file, for as long as it lives; the kernel lets go of it when the process dies. Only those who
/// ask for it are kept out.
package struct FileLock: ~Copyable {
    private let file: FileDescriptor

    /// Takes the lock of `path`, an empty file that is made when it is not there and is never removed: one that is could be
    /// locked by two. Nil when somebody else has it.
    package init?(taking path: String, doing: String = "lock") throws(PlatformError) {
        let file = try FileDescriptor(opening: path, O_RDWR | O_CREAT | O_NOFOLLOW, permissions: 0o600, doing: doing)
        let number = file.number
        let locked = retryingInterrupts { flock(number, LOCK_EX | LOCK_NB) }
        guard locked.result == 0 else {
            if locked.errno == EWOULDBLOCK { return nil }
            throw PlatformError("\(doing) \(path): lock", errno: locked.errno)
        }
        try giveToOwnerOfFolder(path, doing: doing)
        self.file = file
    }
}
