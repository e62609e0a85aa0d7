import CSystemd
import Glibc
import Platform

/// Tells the service manager how we are: the `sd_notify` protocol.
///
/// It never waits. `sd_notify` itself sends with a blocking socket, and a manager that has stopped reading would stop
/// our loop with it, so the datagram is ours. It belongs to one thread; main and the watchdog share it there.
package final class Notifier {
    /// What became of a message. Only `delivered` has reached the manager's queue.
    package enum Delivery: Equatable {
        case delivered
        /// Nobody asked to be told, or whoever did is gone.
        case noManager
        /// The manager has not read the last ones yet. The message is dropped; repeat it if it matters.
        case queueFull
        case failed(SystemdError)
    }

    /// One sentence for people. PID 1 reads 4096 bytes for the whole message, and more than this helps nobody.
    static let statusBytesMax = 512
    /// A longer promise could hide that the loop stopped moving meanwhile.
    package static let extensionMax = Duration.seconds(5)

    private let manager: DatagramAddress?
    private let socket: Int32
    private var isStopping = false

    /// Speaks to the manager named in `$NOTIFY_SOCKET`, and takes the variable away, so that no child speaks for us.
    /// The environment is shared by all threads: call it before there are others.
    package static func takeFromEnvironment() throws(SystemdError) -> Notifier {
        let name = unsafe getenv("NOTIFY_SOCKET").map { unsafe String(cString: $0) }
        unsafe unsetenv("NOTIFY_SOCKET")
        return try Notifier(address: name)
    }

    /// Speaks to the datagram socket at `address`: a path, or `@` and an abstract name. Nil or empty: to nobody.
    package init(address: String?) throws(SystemdError) {
        guard let address, !address.isEmpty else {
            manager = nil
            socket = -1
            return
        }
        guard let manager = DatagramAddress(address) else {
            throw SystemdError(
                .malformed, "notify the service manager at \(address): neither a path nor an abstract name")
        }
        // Made now and kept: the watchdog must be fed also when the process has run out of descriptors.
        let socket = Glibc.socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard socket >= 0 else {
            throw SystemdError(.failed, "notify the service manager at \(address): make a socket: \(reason(lastErrno))")
        }
        self.manager = manager
        self.socket = socket
    }

    deinit { if socket >= 0 { close(socket) } }

    /// Starting, or loading the configuration again, is done. Without it the manager gives up on us, so repeat it
    /// while the answer is `queueFull`.
    @discardableResult package func ready(status: String) -> Delivery { send("READY=1\n\(line(status))") }

    /// One human sentence, shown by `systemctl status`.
    @discardableResult package func status(_ status: String) -> Delivery { send(line(status)) }

    /// Loading the configuration again has begun, at CLOCK_MONOTONIC `time`; `ready` ends it.
    @discardableResult package func reloading(at time: Duration) -> Delivery {
        send("RELOADING=1\nMONOTONIC_USEC=\(time.microsecondsUp)")
    }

    @discardableResult package func stopping(status: String) -> Delivery {
        isStopping = true
        return send("STOPPING=1\n\(line(status))")
    }

    /// The loop still moves.
    @discardableResult package func watchdog() -> Delivery { send("WATCHDOG=1") }

    /// Asks for `time` more to stop, from now. Only while stopping: from a running service the manager takes it as
    /// leave not to feed the watchdog for that long.
    @discardableResult package func extendTimeout(by time: Duration) -> Delivery {
        precondition(isStopping, "more time is asked for only after stopping was said")
        precondition(time <= Self.extensionMax, "more time is asked for in slices of at most five seconds")
        return send("EXTEND_TIMEOUT_USEC=\(time.microsecondsUp)")
    }

    private func line(_ status: String) -> String {
        // A line break would begin another assignment.
        let printable = String(String.UnicodeScalarView(status.unicodeScalars.map { $0.value < 0x20 ? " " : $0 }))
        var end = printable.startIndex, bytes = 0
        while end < printable.endIndex {
            bytes += printable[end].utf8.count
            if bytes > Self.statusBytesMax { break }
            end = printable.index(after: end)
        }
        return "STATUS=\(printable[..<end])"
    }

    private func send(_ message: String) -> Delivery {
        guard let manager else { return .noManager }
        guard let number = manager.send(message, from: socket) else { return .delivered }
        return switch number {
        case EAGAIN, ENOBUFS: .queueFull
        case ENOENT, ECONNREFUSED: .noManager
        default: .failed(SystemdError(.failed, "notify the service manager: \(reason(number))"))
        }
    }
}
