import CoordinatorAPI
import CoordinatorHeart
import CoordinatorJobs
import CoordinatorOperator
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
    private let api: API
    private let url: String
    /// What the service manager shows.
    private var toldStatus = ""
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
    /// For a disk that is slow; for one that hangs nobody waits.
    private static let settleTime: Duration = .seconds(1)
    /// A commit that takes longer than this means a disk that hangs: then a restart is the better way on.
    private static let commitTime: Duration = .seconds(20)

    init(
        _ settings: Settings, _ inheritance: Inheritance, environment: [String: String], surroundings: any Surroundings,
        log: Log, readAgain: @escaping () -> SettingsOutcome
    ) throws {
        raiseDescriptorLimit()

        notifier = inheritance.notifier
        self.log = log
        self.surroundings = surroundings
        self.readAgain = readAgain
        loop = try Loop()
        diagnoses = try Mailbox(capacity: 1)
        let tls = try Self.tlsIdentity(settings)
        databasePath = Self.databasePath(settings, environment)
        let wasEmpty = try Self.isEmpty(databasePath)
        let journal = Journal(log)
        vitals = Vitals(started: surroundings.monotonic())
        let vitals = vitals
        heart = try Heart(
            Self.heartSettings(settings, databasePath), surroundings: surroundings,
            observeCommits: { failure in
                // What failed may name a tenant, and anybody may ask whether we are well.
                vitals.note(.notStoring, failure == nil ? nil : "nothing can be stored")
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
        let secrets: Secrets
        do {
            secrets = try Secrets(settings, databasePath: databasePath)
            door = Door(
                heart: heart, rules: Self.doorRules(settings, secrets.adminToken.digest),
                sessionKey: try SymmetricKey.random())
            let api = API(
                heart: heart, vitals: vitals, door: door, vault: Vault(key: secrets.key), surroundings: surroundings)
            self.api = api
            let address = Self.address(settings, inheritance.socket)
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
        for notice in secrets.notices { log.notice("configuration notice", [.reason(notice)]) }
        if wasEmpty {
            log.warning(
                "the database's file was empty: a new one was begun", id: .emptyDatabase,
                [.reason("if it was not empty before, it was cut off: restore a backup"), .database(databasePath)])
        }
        if let file = secrets.adminToken.file {
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
        try startLoop(inheritance.watchdogInterval)
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
        toldStatus = status
        notifier.ready(status: status)
        _ = try loop.run()
        notifier.stopping(status: "answering what is under way")
        notifier.extendTimeout(by: .seconds(5))
        // What is queued at the writer will be stored: whoever waits for it is to hear that.
        listener.stop(within: Self.stopTime) {
            heart.settle(within: Self.settleTime)
            api.endStreams(because: "the coordinator stops: reconnect, to go on after the last line that came")
        }
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
            let token = try AdminToken(settings, databasePath: databasePath)
            if let notice = token.notice { log.notice("configuration notice", [.reason(notice)]) }
            door.change(to: Self.doorRules(settings, token.digest))
            log.notice(
                "reloaded the administrator's token, CORS_ORIGINS and TRUSTED_DASHBOARD_NETWORKS", id: .reloaded,
                [.reason("the other settings and the certificates are read at the start: restart to change them")])
        } catch {
            log.error("not reloaded, the settings before stay in force", id: .misconfigured, [.reason("\(error)")])
        }
        notifier.ready(status: status)
    }

    private var status: String { vitals.fault.map { "unwell: \($0)" } ?? "serving on \(url)" }

    private func checkFile() {
        log.notice(
            "the last stop was not clean, or the database was not known to be sound then: it is being checked",
            id: .checking)
        heart.checkFile { [log, vitals] findings in
            switch findings {
            case .done(let findings) where findings.isEmpty: log.notice("the database is sound", id: .checked)
            case .done(let findings):
                vitals.note(.damaged, "the database is damaged: stop the coordinator and restore a backup")
                log.error(
                    "the database is damaged: stop the coordinator and restore a backup", id: .damaged,
                    [.reason(findings.prefix(10).joined(separator: "; "))])
            case .refused(let reply): log.warning("the database was not checked", [.reason(reply.error)])
            case .unavailable(let reason): log.warning("the database was not checked", [.reason(reason)])
            }
        }
    }

    private func examineStore() {
        heart.retryCommit()
        // One answer for each question, and the next question after its answer: there is always room.
        heart.probe { [diagnoses] fault in _ = diagnoses.send(Diagnosis(fault: fault)) }
    }

    private func take(_ diagnosis: Diagnosis) {
        probe?.arm(at: loop.now + Self.probePeriod)
        if vitals.note(.notReading, diagnosis.fault) {
            if let fault = diagnosis.fault {
                log.error("the database cannot be read", id: .storeUnwell, [.reason(fault)])
            } else {
                log.notice("the database can be read again", id: .storeWell)
            }
        }
        guard toldStatus != status else { return }
        toldStatus = status
        notifier.status(status)
    }
}

// MARK: From settings to parts

extension Service {
    private static func address(_ settings: Settings, _ socket: Int32?) -> ListenerAddress {
        socket.map(ListenerAddress.socket)
            ?? .address(settings[CoordinatorSettings.host], port: UInt16(settings[CoordinatorSettings.port]))
    }

    /// Whether there is a file without content, as a crash leaves it that comes while it is made. Beside the key, which is made
    /// after it, that is no beginning but an end.
    private static func isEmpty(_ databasePath: String) throws -> Bool {
        guard (try? readSmallFile(databasePath, limit: 0)) != nil else { return false }
        guard !fileExists(Secrets.keyFile(databasePath: databasePath)) else {
            throw EmptiedDatabase(path: databasePath)
        }
        return true
    }

    private static func tlsIdentity(_ settings: Settings) throws -> TLSIdentity? {
        guard let certificate = settings[CoordinatorSettings.certificate], let key = settings[CoordinatorSettings.key]
        else { return nil }
        do throws(PlatformError) {
            return TLSIdentity(
                certificate: String(decoding: try TLSFiles.read(certificate), as: UTF8.self),
                key: String(decoding: try TLSFiles.read(key), as: UTF8.self))
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
        options.limits.streams = Limits.streamsMax
        options.bodyLimit = { api.bodyLimit($0) }
        options.refusal = { api.refusal($0) }
        return options
    }

    static let databaseName = "coordinator.sqlite"

    static func databasePath(_ settings: Settings, _ environment: [String: String]) -> String {
        let chosen = settings[CoordinatorSettings.database]
        let folder = LocalCoordinator.stateFolder(environment).map { "\($0)/" } ?? ""
        // Whoever reads it in a log is in another folder.
        return absolutePath(chosen.isEmpty ? folder + databaseName : chosen)
    }

    private static func authority(_ settings: Settings, _ listener: Listener) -> String {
        let host = settings[CoordinatorSettings.host]
        return "\(host.contains(":") ? "[\(host)]" : host):\(listener.port.map(String.init) ?? "?")"
    }
}
