import AgentCore
import AgentHost
import Glibc
import Platform
import Systemd

/// The running agent: everything it is made of, on one loop thread.
final class Daemon {
    private let log: Log
    private let loop: Loop
    private let notifier: Notifier
    private let server: String
    private let readSettings: () -> SettingsOutcome
    private let surroundings: any Surroundings
    private var shell: AgentShell?
    private var watchdog: Watchdog?
    private var signals: [any SignalWatch] = []

    init(
        _ settings: Settings, _ readSettings: @escaping () -> SettingsOutcome, surroundings: any Surroundings, log: Log
    ) throws {
        // Before the first thread (libcurl makes some to look up names): what it inherits, and what the environment says
        // to us alone.
        Loop.block(signals: [SIGTERM, SIGINT, SIGHUP])
        notifier = try Notifier.takeFromEnvironment()
        let watchdogInterval = try Watchdog.takeIntervalFromEnvironment()

        self.log = log
        self.readSettings = readSettings
        self.surroundings = surroundings
        server = settings[AgentSettings.server]
        loop = try Loop()
        let uplink = try Uplink(loop: loop, server: server, caFile: settings[AgentSettings.caFile])
        let shell = try AgentShell(
            AgentMachine(period: settings[AgentSettings.heartbeat]), on: loop, uplink: uplink,
            surroundings: surroundings,
            announce: { [unowned self] contact in announce(contact) })
        self.shell = shell
        watchdog = try watchdogInterval.map { interval throws(EventLoopError) in
            try Watchdog(
                loop: loop, notifier: notifier, interval: interval, machineryMoves: { [unowned shell] in shell.moves },
                undelivered: { log.warning("watchdog not fed", [.reason("\($0)")]) })
        }
        for signal in [SIGTERM, SIGINT] { signals.append(try loop.onSignal(signal) { [unowned self] in loop.stop(0) }) }
        signals.append(try loop.onSignal(SIGHUP) { [unowned self] in reload() })
    }

    /// Runs until it is told to stop.
    func run() throws -> ExitStatus {
        log.notice("running", id: .running, [.server(server), .field("SPOT_VERSION", AgentSettings.program.version)])
        notifier.ready(status: status(of: .contacting))
        shell?.take(.started)
        _ = try loop.run()
        notifier.stopping(status: "stopping")
        log.notice("stopped", id: .stopped)
        return .success
    }

    private func announce(_ contact: AgentMachine.Contact) {
        switch contact {
        case .contacting: break
        case .inContact(let offset):
            log.notice("in contact with the coordinator", id: .inContact, [.server(server), .clockOffset(offset)])
        case .outOfContact(let reason):
            log.warning("no contact with the coordinator", id: .outOfContact, [.server(server), .reason(reason)])
        }
        notifier.status(status(of: contact))
    }

    private func status(of contact: AgentMachine.Contact) -> String {
        switch contact {
        case .contacting: "contacting \(server)"
        case .inContact: "in contact with \(server), not registered"
        case .outOfContact(let reason): "no contact, trying again: \(reason)"
        }
    }

    /// A configuration with a fault changes nothing.
    private func reload() {
        notifier.reloading(at: surroundings.monotonic())
        let outcome = readSettings()
        log.tell(outcome)
        if let settings = outcome.settings {
            shell?.take(.periodChanged(settings[AgentSettings.heartbeat]))
            let isOther = settings[AgentSettings.server] != server
            log.notice(
                "configuration read again",
                isOther ? [.reason("another SPOT_OPTIMIZER_SERVER_URL takes effect at the next start")] : [])
        }
        notifier.ready(status: status(of: shell?.contact ?? .contacting))
    }
}
