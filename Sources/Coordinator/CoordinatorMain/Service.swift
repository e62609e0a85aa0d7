import CoordinatorAPI
import CoordinatorStore
import Glibc
import HTTPServer
import Platform
import Systemd

/// The running coordinator: everything it is made of, in the order in which it starts; it stops in the reverse order.
final class Service {
    private let log: Log
    private let surroundings: any Surroundings
    private let notifier: Notifier
    private let loop: Loop
    private let databasePath: String
    private let store: Store
    private let vitals: Vitals
    private let listener: Listener
    private let url: String
    private var watchdog: Watchdog?
    private var probe: (any LoopTimer)?
    private var signals: [any SignalWatch] = []

    /// As often as a load balancer asks; a read of one page.
    private static let probePeriod: Duration = .seconds(5)
    /// Well inside the unit's TimeoutStopSec, so that it is always us who end it.
    private static let stopTime: Duration = .seconds(5)

    init(_ settings: Settings, environment: [String: String], surroundings: any Surroundings, log: Log) throws {
        // Before the first thread: what it inherits, and what the environment says to us alone.
        Loop.block(signals: [SIGTERM, SIGINT, SIGHUP])
        notifier = try Notifier.takeFromEnvironment()
        let watchdogInterval = try Watchdog.takeIntervalFromEnvironment()
        let sockets = try ListenDescriptors.takeFromEnvironment()

        raiseDescriptorLimit()

        self.log = log
        self.surroundings = surroundings
        loop = try Loop()
        let address = try Self.address(settings, sockets)
        let tls = try Self.tlsIdentity(settings)
        try Self.requirePrivacy(of: address, tls: tls, settings)
        databasePath = Self.databasePath(settings, environment)
        store = try Store(path: databasePath)
        vitals = Vitals(started: surroundings.monotonic())

        let api = API(vitals: vitals, surroundings: surroundings)
        var options = ListenerOptions(address: address, surroundings: surroundings)
        options.tls = tls
        listener = try Listener(options) { request, exchange in api.handle(request, exchange) }
        url = "\(tls == nil ? "http" : "https")://\(Self.authority(settings, listener))"
        watchdog = try watchdogInterval.map { interval throws(EventLoopError) in
            // The loop's own turning is the proof: nothing of ours can be overdue while it turns.
            try Watchdog(
                loop: loop, notifier: notifier, interval: interval, machineryMoves: { true },
                undelivered: { log.warning("watchdog not fed", [.reason("\($0)")]) })
        }
        probe = try loop.makeTimer { [unowned self] in examineStore() }
        for signal in [SIGTERM, SIGINT] { signals.append(try loop.onSignal(signal) { [unowned self] in loop.stop(0) }) }
        signals.append(
            try loop.onSignal(SIGHUP) {
                log.notice("nothing to reload: settings and certificates are read at the start, restart to change them")
            })
    }

    /// Serves until it is told to stop.
    func run() throws -> ExitStatus {
        examineStore()
        log.notice("serving", id: .serving, [.address(url), .database(databasePath)])
        notifier.ready(status: "serving on \(url)")
        _ = try loop.run()
        notifier.stopping(status: "answering what is under way")
        notifier.extendTimeout(by: Self.stopTime)
        listener.stop(within: Self.stopTime)
        log.notice("stopped", id: .stopped)
        return .success
    }

    private func examineStore() {
        var fault: StoreError?
        do throws(StoreError) { try store.probe() } catch { fault = error }
        if vitals.note(fault?.description) {
            if let fault {
                log.error("the database cannot be read", id: .storeUnwell, [.reason("\(fault)")])
            } else {
                log.notice("the database can be read again", id: .storeWell)
            }
            notifier.status(fault.map { "unwell: \($0)" } ?? "serving on \(url)")
        }
        probe?.arm(at: loop.now + Self.probePeriod)
    }
}

// MARK: From settings to parts

extension Service {
    /// The name that the socket unit gives its socket.
    private static let socketName = "http"

    private static func address(_ settings: Settings, _ sockets: ListenDescriptors) throws -> ListenerAddress {
        let foreign = sockets.names.subtracting([socketName])
        guard foreign.isEmpty, sockets[socketName].count <= 1 else {
            throw Misconfiguration(
                "expected one socket named \(socketName) from systemd (FileDescriptorName=), got "
                    + (sockets.names.sorted() + ["\(sockets[socketName].count) of that name"]).joined(separator: ", "))
        }
        if let socket = sockets[socketName].first { return .socket(socket) }
        return .address(settings[CoordinatorSettings.host], port: UInt16(settings[CoordinatorSettings.port]))
    }

    private static func tlsIdentity(_ settings: Settings) throws -> TLSIdentity? {
        let files = (settings[CoordinatorSettings.certificate], settings[CoordinatorSettings.key])
        switch files {
        case (nil, nil): return nil
        case (let certificate?, let key?):
            // 64 KiB: a certificate with its chain is a few kilobytes.
            let read = { (path: String) throws(PlatformError) in
                String(decoding: try readSmallFile(path, limit: 65_536, doing: "read TLS file"), as: UTF8.self)
            }
            do throws(PlatformError) {
                return TLSIdentity(certificate: try read(certificate), key: try read(key))
            } catch { throw Misconfiguration(error.description) }
        default: throw Misconfiguration("TLS_CERT_FILE and TLS_KEY_FILE need each other: give both, or neither")
        }
    }

    private static func requirePrivacy(of address: ListenerAddress, tls: TLSIdentity?, _ settings: Settings) throws {
        guard tls == nil, !address.isLoopback, !settings[CoordinatorSettings.allowPlaintext] else { return }
        throw Misconfiguration(
            "other machines could reach this address and tokens would cross the network readable: set TLS_CERT_FILE and "
                + "TLS_KEY_FILE, or HOST=127.0.0.1, or, behind a proxy that adds TLS, ALLOW_PLAINTEXT=1")
    }

    private static func databasePath(_ settings: Settings, _ environment: [String: String]) -> String {
        let chosen = settings[CoordinatorSettings.database]
        guard chosen.isEmpty else { return chosen }
        // systemd.exec(5): several folders are separated by colons; the unit has one.
        let folder = environment["STATE_DIRECTORY"].map { String($0.prefix { $0 != ":" }) }
        return folder.map { "\($0)/coordinator.sqlite" } ?? "coordinator.sqlite"
    }

    private static func authority(_ settings: Settings, _ listener: Listener) -> String {
        let host = settings[CoordinatorSettings.host]
        return "\(host.contains(":") ? "[\(host)]" : host):\(listener.port.map(String.init) ?? "?")"
    }
}
