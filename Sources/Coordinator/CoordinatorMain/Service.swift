import CoordinatorAPI
import CoordinatorHeart
import CoordinatorJobs
import Crypto
import Glibc
import HTTPServer
import Platform
import Systemd
import Wire

/// The running coordinator: everything it is made of, in the order in which it starts; it stops in the reverse order.
final class Service {
    private let log: Log
    private let surroundings: any Surroundings
    private let notifier: Notifier
    private let loop: Loop
    private let databasePath: String
    private let heart: Heart
    private let door: Door
    private let vitals: Vitals
    private let listener: Listener
    private let url: String
    private let readAgain: () -> SettingsOutcome
    private var jobs: Jobs?
    private var watchdog: Watchdog?
    private var probe: (any LoopTimer)?
    private var signals: [any SignalWatch] = []
    private let diagnoses: Mailbox<Diagnosis>
    private var diagnosisWatch: (any DescriptorWatch)?

    /// What a look at the database found.
    private struct Diagnosis: Sendable { let fault: String? }

    /// As often as a load balancer asks; a read of one page.
    private static let probePeriod: Duration = .seconds(5)
    /// Well inside the unit's TimeoutStopSec, so that it is always us who end it. The heart has the rest of its five
    /// seconds for what is queued.
    private static let stopTime: Duration = .seconds(3)
    /// A commit that takes longer than this means a disk that hangs: then a restart is the better way on.
    private static let commitTime: Duration = .seconds(20)

    init(
        _ settings: Settings, environment: [String: String], surroundings: any Surroundings, log: Log,
        readAgain: @escaping () -> SettingsOutcome
    ) throws {
        // Before the first thread: what it inherits, and what the environment says to us alone.
        Loop.block(signals: [SIGTERM, SIGINT, SIGHUP])
        notifier = try Notifier.takeFromEnvironment()
        let watchdogInterval = try Watchdog.takeIntervalFromEnvironment()
        let sockets = try ListenDescriptors.takeFromEnvironment()

        raiseDescriptorLimit()

        self.log = log
        self.surroundings = surroundings
        self.readAgain = readAgain
        loop = try Loop()
        diagnoses = try Mailbox(capacity: 1)
        let address = try Self.address(settings, sockets)
        let contradictions = CoordinatorSettings.contradictions(in: settings, listeningOn: address)
        guard contradictions.isEmpty else { throw Misconfiguration(contradictions.joined(separator: "; ")) }
        let tls = try Self.tlsIdentity(settings)
        databasePath = Self.databasePath(settings, environment)
        let journal = Journal(log)
        heart = try Heart(
            Self.heartSettings(settings, databasePath), surroundings: surroundings,
            observeCommits: { failure in
                if let failure {
                    log.error("nothing can be stored", id: .commitsFail, [.reason(failure)])
                } else {
                    log.notice("storing works again", id: .commitsWork)
                }
            },
            observeClock: { lag in
                guard let lag else { return log.notice("the clocks agree again", id: .clocksAgree) }
                log.warning(
                    "the machine's clock was set", id: .clockSet,
                    [
                        .reason(
                            "it is \(lag.components.seconds) s ahead of the time by which is decided here, which follows it by a "
                                + "tenth of the time that passes; a restart takes it over at once")
                    ])
            }, observe: { journal.tell($0) })
        vitals = Vitals(started: surroundings.monotonic())
        let secrets: Secrets
        do {
            secrets = try Secrets(settings, databasePath: databasePath)
            door = Door(heart: heart, rules: Self.doorRules(settings, secrets.adminToken), key: secrets.key)
            let api = API(
                heart: heart, vitals: vitals, door: door, vault: Vault(key: secrets.key), surroundings: surroundings)
            listener = try Listener(Self.listenerOptions(address, tls, api, surroundings)) { request, exchange in
                api.handle(request, exchange)
            }
        } catch {
            // Else the next start would take this one for a crash, and check the file.
            heart.stop()
            throw error
        }
        vitals.count { [weak listener] in listener?.counters }
        url = "\(tls == nil ? "http" : "https")://\(Self.authority(settings, listener))"
        if let file = secrets.adminTokenFile {
            log.notice("the administrator's token is in a file", id: .adminToken, [.field("SPOT_FILE", file)])
        }
        if secrets.isKeyNew && heart.hasClients {
            let reason =
                "agents go on as before, but no client's token can be shown until it is regenerated, or the old key, from beside "
                + "the database that this one was copied from, is put back"
            log.warning(
                "the key of the clients' tokens was missing: a new one was made", id: .newKey,
                [.reason(reason), .database(databasePath)])
        }
        try startLoop(watchdogInterval)
    }

    private func startLoop(_ watchdogInterval: Duration?) throws {
        let (heart, log) = (heart, log)
        watchdog = try watchdogInterval.map { interval throws(EventLoopError) in
            // The loop turns, or nothing is sent; and the thread that commits is to get on.
            try Watchdog(
                loop: loop, notifier: notifier, interval: interval,
                machineryMoves: { heart.isMoving(within: Self.commitTime) },
                undelivered: { log.warning("watchdog not fed", [.reason("\($0)")]) })
        }
        jobs = try Jobs(loop: loop, heart: heart, surroundings: surroundings)
        diagnosisWatch = try diagnoses.attach(to: loop) { [unowned self] in take($0) }
        probe = try loop.makeTimer { [unowned self] in examineStore() }
        for signal in [SIGTERM, SIGINT] { signals.append(try loop.onSignal(signal) { [unowned self] in loop.stop(0) }) }
        signals.append(try loop.onSignal(SIGHUP) { [unowned self] in reload() })
    }

    /// Serves until it is told to stop.
    func run() throws -> ExitStatus {
        for row in heart.damagedRows { log.error("a damaged record is left out", id: .damaged, [.reason(row)]) }
        if heart.wasUnclean { checkFile() }
        examineStore()
        log.notice("serving", id: .serving, [.address(url), .database(databasePath)])
        notifier.ready(status: "serving on \(url)")
        _ = try loop.run()
        notifier.stopping(status: "answering what is under way")
        notifier.extendTimeout(by: .seconds(5))
        listener.stop(within: Self.stopTime)
        heart.stop()
        log.notice("stopped", id: .stopped)
        return .success
    }

    /// SIGHUP: what can change while connections stay open. The rest is told, not silently left as it was.
    private func reload() {
        notifier.reloading(at: surroundings.monotonic())
        let outcome = readAgain()
        for notice in outcome.notices { log.notice("configuration notice", [.reason(notice)]) }
        do {
            guard let settings = outcome.settings else {
                throw Misconfiguration(outcome.problems.joined(separator: "; "))
            }
            let (token, _) = try Secrets.adminToken(settings, databasePath: databasePath)
            door.change(to: Self.doorRules(settings, token))
            log.notice(
                "reloaded the administrator's token, CORS_ORIGINS and TRUSTED_DASHBOARD_NETWORKS", id: .reloaded,
                [.reason("the other settings and the certificates are read at the start: restart to change them")])
        } catch {
            log.error("not reloaded, the settings before stay in force", id: .misconfigured, [.reason("\(error)")])
        }
        notifier.ready(status: vitals.fault.map { "unwell: \($0)" } ?? "serving on \(url)")
    }

    private func checkFile() {
        log.notice("the last stop was not clean: the database is being checked", id: .checking)
        heart.checkFile { [log] findings in
            switch findings {
            case .done(let findings) where findings.isEmpty: log.notice("the database is sound", id: .checked)
            case .done(let findings):
                log.error(
                    "the database is damaged: stop the coordinator and restore a backup", id: .damaged,
                    [.reason(findings.prefix(10).joined(separator: "; "))])
            case .refused(let reply): log.warning("the database was not checked", [.reason(reply.error)])
            case .unavailable(let reason): log.warning("the database was not checked", [.reason(reason)])
            }
        }
    }

    private func examineStore() {
        // One answer for each question, and the next question after its answer: there is always room.
        heart.probe { [diagnoses] fault in _ = diagnoses.send(Diagnosis(fault: fault)) }
    }

    private func take(_ diagnosis: Diagnosis) {
        probe?.arm(at: loop.now + Self.probePeriod)
        guard vitals.note(diagnosis.fault) else { return }
        if let fault = diagnosis.fault {
            log.error("the database cannot be read", id: .storeUnwell, [.reason(fault)])
        } else {
            log.notice("the database can be read again", id: .storeWell)
        }
        notifier.status(diagnosis.fault.map { "unwell: \($0)" } ?? "serving on \(url)")
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
        guard let certificate = settings[CoordinatorSettings.certificate], let key = settings[CoordinatorSettings.key]
        else { return nil }
        // 64 KiB: a certificate with its chain is a few kilobytes.
        let read = { (path: String) throws(PlatformError) in
            String(decoding: try readSmallFile(path, limit: 65_536, doing: "read TLS file"), as: UTF8.self)
        }
        do throws(PlatformError) {
            return TLSIdentity(certificate: try read(certificate), key: try read(key))
        } catch { throw Misconfiguration(error.description) }
    }

    private static func heartSettings(_ settings: Settings, _ path: String) -> HeartSettings {
        var heart = HeartSettings(databasePath: path)
        heart.timeout = .seconds(settings[CoordinatorSettings.heartbeatTimeout])
        heart.newSlot.heartbeatSeconds = settings[CoordinatorSettings.heartbeatSeconds]
        heart.newSlot.terminateWaitSeconds = settings[CoordinatorSettings.terminateWait]
        return heart
    }

    private static func doorRules(_ settings: Settings, _ adminToken: Digest) -> Door.Rules {
        Door.Rules(
            adminToken: adminToken, origins: settings[CoordinatorSettings.corsOrigins],
            trustedNetworks: settings[CoordinatorSettings.trustedNetworks])
    }

    private static func listenerOptions(
        _ address: ListenerAddress, _ tls: TLSIdentity?, _ api: API, _ surroundings: any Surroundings
    ) -> ListenerOptions {
        var options = ListenerOptions(address: address, surroundings: surroundings)
        options.tls = tls
        options.bodyLimit = { api.bodyLimit($0) }
        options.refusal = { api.refusal($0) }
        return options
    }

    static func databasePath(_ settings: Settings, _ environment: [String: String]) -> String {
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
