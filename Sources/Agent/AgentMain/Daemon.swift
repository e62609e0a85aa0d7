import AgentCore
import AgentHost
import Glibc
import JSON
import Platform
import Systemd
import Wire

/// The running agent: everything it is made of, on one loop thread.
final class Daemon {
    private let log: Log
    private let loop: Loop
    private let notifier: Notifier
    private var server: String
    private let logLevel: LogThreshold
    private let readSettings: () -> SettingsOutcome
    private let surroundings: any Surroundings
    private let line: BusLine?
    private let acting: Acting
    private var shell: AgentShell?
    private var statusFile: StatusFile?
    private var watchdog: Watchdog?
    private var network: NetworkWatch?
    private var signals: [any SignalWatch] = []
    /// A manager that is behind has not heard of it, and would wait for it for ever.
    private var isReadyTold = false
    private var isLeaving = false
    private var stopTime: StopTime?

    /// What carries a workload away goes on after SIGTERM; longer than that, and something hangs.
    private static let stopTimeMax = Duration.seconds(60)
    /// The manager answers in a millisecond; a SIGTERM is for a restart when it does not.
    private static let managerPatience = Duration.milliseconds(300)

    init(
        _ settings: Settings, _ readSettings: @escaping () -> SettingsOutcome, environment: [String: String],
        surroundings: any Surroundings, log: Log
    ) throws {
        // Before the first thread (libcurl makes some to look up names): what it inherits, and what the environment says
        // to us alone.
        Loop.block(signals: [SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGCHLD])
        notifier = try Notifier.takeFromEnvironment()
        let watchdogInterval = try Watchdog.takeIntervalFromEnvironment()

        self.log = log
        self.readSettings = readSettings
        self.surroundings = surroundings
        server = settings[AgentSettings.server]
        logLevel = settings[AgentSettings.logLevel]
        loop = try Loop()
        let folders = Folders(environment)
        // One for all: a write of the record, one of the status, and what little may wait behind them.
        let disk = try DiskThread(capacity: 8)
        let telling = Telling(log: log)
        line = try BusLine.ofThisMachine(loop)
        let hooks = AgentSettings.hooks(settings)
        acting = Acting(loop: loop, line: line, hooks: hooks, surroundings: surroundings) { identifier, text in
            log.info("a program says", [.field("SPOT_PROGRAM", identifier), .reason(text)])
        }
        let (memory, isDamaged) = remembered(in: folders.state)
        let shell = try AgentShell(
            AgentOptions(settings, hostname: hostName(), hooks: hooks.stages), remembering: memory,
            isDamaged: isDamaged, in: folders.state, on: loop, disk: disk,
            tools: try Self.tools(settings, loop, surroundings, acting),
            surroundings: surroundings,
            tell: { [unowned self] announcement in
                telling.tell(announcement)
                noteChange()
            }, stop: { [unowned self] in loop.stop(0) })
        self.shell = shell
        statusFile = try StatusFile(in: folders.runtime, on: loop, disk: disk) { [unowned shell] in shell.status }
        watchdog = try watchdogInterval.map { interval throws(EventLoopError) in
            try Watchdog(
                loop: loop, notifier: notifier, interval: interval, machineryMoves: { [unowned shell] in shell.moves },
                undelivered: { log.warning("watchdog not fed", [.reason("\($0)")]) })
        }
        telling.tell(HooksFinding(hooks, in: settings[AgentSettings.hooksFolder]))
        stopBeforeWorkload(settings)
        watchNetwork()
        for signal in [SIGTERM, SIGINT] { signals.append(try loop.onSignal(signal) { [unowned self] in leave() }) }
        signals.append(try loop.onSignal(SIGHUP) { [unowned self] in reload() })
        signals.append(try loop.onSignal(SIGUSR1) { [unowned self] in drill(folders.runtime) })
    }

    /// Runs until it is told to stop.
    func run() throws -> ExitStatus {
        log.notice("running", id: .running, [.server(server), .field("SPOT_VERSION", AgentSettings.program.version)])
        sayReady()
        shell?.take(.started)
        statusFile?.touch()
        _ = try loop.run()
        notifier.stopping(status: "stopping")
        log.notice("stopped", id: .stopped)
        return .success
    }

    /// What was remembered, and what of it cannot be read: said, and lived without.
    private func remembered(in folder: String) -> (Memory, isDamaged: Bool) {
        let path = AgentShell.recordPath(in: folder)
        do {
            let record = try Recorder.remembered(at: path)
            var damaged = record.damaged
            let entries = record.lines.compactMap { line -> Entry? in
                if let entry = try? decodeJSON(Entry.self, from: line) { return entry }
                damaged += 1
                return nil
            }
            if damaged > 0 {
                log.warning(
                    "some of what was remembered is damaged and left out", id: .damagedRecord,
                    [.reason("\(path): \(damaged) entries; the file is kept as \(path).damaged")])
            }
            return (Memory(replaying: entries), damaged > 0)
        } catch {
            log.error("nothing that was remembered can be read", id: .damagedRecord, [.reason("\(error)")])
            return (Memory(), true)
        }
    }

    private static func tools(
        _ settings: Settings, _ loop: Loop, _ surroundings: any Surroundings, _ acting: Acting
    ) throws -> AgentShell.Tools {
        guard let token = try? Token(settings[AgentSettings.clientToken].reveal()) else {
            preconditionFailure("a setting that was taken is a token")
        }
        let metadata = try MetadataClient(
            loop: loop,
            endpoint: MetadataEndpoint.chosen(
                endpoint: settings[AgentSettings.metadataEndpoint], isIPv6: settings[AgentSettings.metadataMode]))
        return AgentShell.Tools(
            uplink: try Uplink(
                loop: loop, server: settings[AgentSettings.server], caFile: settings[AgentSettings.caFile],
                clientToken: token),
            metadata: metadata,
            cloud: try Cloud(loop: loop, settings: CloudSettings(settings), surroundings: surroundings) {
                metadata.read(path: $0, within: $1, $2)
            },
            acting: acting)
    }

    // MARK: What the operator and the manager do

    private func noteChange() {
        if isReadyTold { notifier.status(sentence) } else { sayReady() }
        statusFile?.touch()
    }

    private func sayReady() { isReadyTold = notifier.ready(status: sentence) != .queueFull }

    /// Or a shutdown would stop the workload while another machine is only being told of it.
    private func stopBeforeWorkload(_ settings: Settings) {
        acting.stopBefore(TakeOver(settings, hooks: []).units) { [log] fault in
            guard let fault else { return }
            log.warning("a shutdown may stop the workload before us", id: .unordered, [.reason(fault.description)])
        }
    }

    private func watchNetwork() {
        let withoutIt = { [log] (reason: any Error) in
            log.info("changes of the network are not seen: tries go by their back-off", [.reason("\(reason)")])
        }
        do {
            network = try NetworkWatch(
                on: loop,
                changed: { [unowned self] in
                    log.debug("the network has changed")
                    shell?.noteNetworkChange()
                }, lost: withoutIt)
        } catch { withoutIt(error) }
    }

    /// One sentence of how things stand, for `systemctl status`.
    private var sentence: String {
        guard let status = shell?.status else { return "starting" }
        return status.sentence(server: server)
    }

    /// SIGTERM: only the manager knows whether the machine goes down, or we alone.
    private func leave() {
        // Told twice, as by somebody who is impatient.
        guard !isLeaving else { return }
        isLeaving = true
        notifier.stopping(status: "stopping")
        stopTime = try? StopTime(loop: loop, notifier: notifier, limit: Self.stopTimeMax)
        guard let line else { return stop(hostGoesDown: false) }
        line.reach(by: loop.now + Self.managerPatience) { [unowned self] reached in
            guard case .success(let bus) = reached else { return stop(hostGoesDown: false) }
            bus.managerState(within: Self.managerPatience) { [unowned self] state in
                stop(hostGoesDown: (try? state.get()) == .stopping)
            }
        }
    }

    private func stop(hostGoesDown: Bool) { shell?.take(.stopping(hostGoesDown: hostGoesDown)) }

    private func drill(_ folder: String) {
        do { shell?.take(.drillWanted(try DrillRequest.take(from: folder))) } catch {
            log.warning("SIGUSR1 without a readable wish for a drill", [.reason("\(error)")])
        }
    }

    /// A configuration with a fault changes nothing.
    private func reload() {
        notifier.reloading(at: surroundings.monotonic())
        let outcome = readSettings()
        log.tell(outcome)
        if let settings = outcome.settings { apply(settings) }
        sayReady()
    }

    private func apply(_ settings: Settings) {
        do {
            let tools = try Self.tools(settings, loop, surroundings, acting)
            server = settings[AgentSettings.server]
            let hooks = AgentSettings.hooks(settings)
            acting.hooks = hooks
            Telling(log: log).tell(HooksFinding(hooks, in: settings[AgentSettings.hooksFolder]))
            stopBeforeWorkload(settings)
            shell?.reconfigure(
                AgentOptions(settings, hostname: hostName(), hooks: hooks.stages), with: tools)
            let isOther = settings[AgentSettings.logLevel] != logLevel
            log.notice(
                "configuration read again",
                [.server(server)]
                    + (isOther ? [.reason("another LOG_LEVEL takes effect at the next start")] : []))
        } catch {
            log.error("the new configuration cannot be used, the old one is", id: .misconfigured, [.reason("\(error)")])
        }
    }
}
