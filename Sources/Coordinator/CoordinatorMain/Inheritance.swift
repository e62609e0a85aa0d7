import Glibc
import Systemd

/// What the service manager gave to this process alone, taken out of the environment. To be made before the first thread,
/// which inherits which signals are blocked.
struct Inheritance {
    let notifier: Notifier
    let watchdogInterval: Duration?
    /// It listens already; nil where we have to.
    let socket: Int32?

    init() throws {
        Loop.block(signals: [SIGTERM, SIGINT, SIGHUP])
        notifier = try Notifier.takeFromEnvironment()
        watchdogInterval = try Watchdog.takeIntervalFromEnvironment()
        let sockets = try ListenDescriptors.takeFromEnvironment()
        // There is only one thing to do with a socket, whatever its unit calls it.
        let all = sockets.names.sorted().flatMap { name in sockets[name].map { (name, $0) } }
        guard all.count <= 1 else {
            let names = all.map(\.0).joined(separator: ", ")
            throw Misconfiguration("expected one socket from systemd, got \(all.count): \(names)")
        }
        socket = all.first?.1
    }
}
