import Glibc
import Systemd

/// What the service manager gave to this process alone, taken out of the environment. To be made before the first thread,
/// which inherits which signals are blocked.
struct Inheritance {
    let notifier: Notifier
    let watchdogInterval: Duration?
    /// It listens already; nil where we have to.
    let socket: Int32?

    /// The name that the socket unit gives its socket.
    private static let socketName = "http"

    init() throws {
        Loop.block(signals: [SIGTERM, SIGINT, SIGHUP])
        notifier = try Notifier.takeFromEnvironment()
        watchdogInterval = try Watchdog.takeIntervalFromEnvironment()
        let sockets = try ListenDescriptors.takeFromEnvironment()
        let ours = sockets[Self.socketName]
        guard sockets.names.subtracting([Self.socketName]).isEmpty, ours.count <= 1 else {
            throw Misconfiguration(
                "expected one socket named \(Self.socketName) from systemd (FileDescriptorName=), got "
                    + (sockets.names.sorted() + ["\(ours.count) of that name"]).joined(separator: ", "))
        }
        socket = ours.first
    }
}
