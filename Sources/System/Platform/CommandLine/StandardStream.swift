private import CLinux
import Glibc

/// Standard output or standard error of a command that people run; the log has its own way, which never waits.
package struct StandardStream: Sendable {
    package static let output = StandardStream(descriptor: 1)
    package static let error = StandardStream(descriptor: 2)

    /// For whoever waits until the stream takes more.
    package let descriptor: Int32
    package init(descriptor: Int32) { self.descriptor = descriptor }

    /// Writes all of `text` and waits for the reader as long as it takes. False when the reader is gone or the disk is full;
    /// the process is not killed by that.
    ///
    /// What comes from outside is passed through `quoted` first.
    @discardableResult
    package func write(_ text: String) -> Bool {
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let done = writeOnce(rest, to: descriptor)
            if done.result >= 0 {
                rest = rest.dropFirst(done.result)
            } else if done.errno == EAGAIN {
                // Somebody who shares the stream made it non-blocking.
                var entry = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                _ = unsafe poll(&entry, 1, -1)
            } else {
                return false
            }
        }
        return true
    }

    /// Opens /dev/null in the place of a standard descriptor that the caller closed, before a file can get its number and
    /// receive what was meant for people. To be called first in a program.
    package static func ensureAllOpen() {
        while true {
            let number = unsafe clinux_open("/dev/null", O_RDWR, 0)
            guard (0...2).contains(number) else {
                if number > 2 { close(number) }
                return
            }
        }
    }
}
