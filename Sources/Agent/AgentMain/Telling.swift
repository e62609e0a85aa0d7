import AgentCore
import AgentHost
import JSON
import Platform
import Wire

/// Tells the journal what the machine announces: a constant message, an id for each kind worth finding, and fields.
struct Telling {
    let log: Log

    func tell(_ announcement: Announcement) {
        switch announcement {
        case .identified(let facts):
            log.notice(
                "this machine is known", id: .identified,
                [.instance(facts.instance), .field("SPOT_ZONE", facts.zone?.text ?? "unknown")])
        case .cloned(let other):
            log.warning("started from another machine's image: enrolling afresh", id: .cloned, [.instance(other)])
        case .registered(let slot, let role, let epoch):
            log.notice("registered", id: .registered, [.agent(slot), .role(role), .epoch(epoch)])
        case .outOfContact(let reason):
            log.warning("no contact with the coordinator", id: .outOfContact, [.reason(reason)])
        case .inContact(let silence):
            log.notice("in contact with the coordinator", id: .inContact, [.milliseconds("SPOT_AFTER_MS", silence)])
        case .tokenRefused(let reason):
            log.warning("our token was refused: enrolling again", id: .tokenRefused, [.reason(reason)])
        case .deleted:
            log.warning(
                "this agent was deleted: it watches and obeys nobody until it is told to run again", id: .deleted)
        case .enrolmentRefused(let reason):
            log.error("the coordinator does not enrol this machine", id: .enrolmentRefused, [.reason(reason)])
        case .roleChanged(let role, let epoch):
            log.notice("this machine's role has changed", id: .roleChanged, [.role(role), .epoch(epoch)])
        case .configured(let version):
            log.notice("configured", id: .configured, [.field("SPOT_CONFIG_VERSION", "\(version)")])
        case .clockAstray(let offset):
            log.warning("the wall clock is wrong", id: .clockAstray, [.milliseconds("SPOT_CLOCK_OFFSET_MS", offset)])
        case .clockRight: log.notice("the wall clock is right again", id: .clockRight)
        default: tellOfWork(announcement)
        }
    }

    private func tellOfWork(_ announcement: Announcement) {
        switch announcement {
        case .noticed(let signal): log.warning("announced", id: .noticed, [.reason(signal.words)])
        case .noticeStored(let incident, let action, let time):
            log.notice(
                "the coordinator has it", id: .noticeStored,
                [
                    .incident(incident), .field("SPOT_ACTION", action.rawValue),
                    .milliseconds("SPOT_AFTER_MS", time),
                ])
        case .noticeGone(let signal): log.notice("no longer announced", id: .noticeGone, [.reason(signal.words)])
        case .drillBegun(let kind):
            log.notice("a drill begins", id: .drillBegun, [.field("SPOT_DRILL", kind.rawValue)])
        case .drillRefused(let reason): log.notice("there is no drill", id: .drillRefused, [.reason(reason)])
        case .blind(let reason):
            log.error("the metadata service does not answer: a notice would not be seen", id: .blind, [.reason(reason)])
        case .sighted(let silence):
            log.notice("the metadata service answers again", id: .sighted, [.milliseconds("SPOT_AFTER_MS", silence)])
        case .commandTaken(let id, let type, let attempt, let incident):
            log.notice(
                "command taken", id: .commandTaken,
                LogField.command(id, for: incident) + [
                    .field("SPOT_COMMAND_TYPE", type), .field("SPOT_ATTEMPT", Int64(attempt)),
                ])
        case .commandEnded(let id, let type, let outcome, let message, let incident):
            log.notice(
                "command ended", id: .commandEnded,
                LogField.command(id, for: incident) + [
                    .field("SPOT_COMMAND_TYPE", type), .field("SPOT_OUTCOME", outcome.rawValue), .reason(message),
                ])
        case .step(let id, let words): log.info("command goes on", LogField.command(id) + [.reason(words)])
        case .rightsDenied(let reason):
            log.error("rights in EC2 are missing", id: .rightsDenied, [.reason(reason)])
        case .rightsGranted: log.notice("the rights in EC2 are there now", id: .rightsGranted)
        case .pricesUnknown(let reason): log.warning("prices are not known", id: .pricesUnknown, [.reason(reason)])
        case .pricesKnown: log.notice("prices are known again", id: .pricesKnown)
        case .cleaned(let images, let snapshots, let failures):
            log.notice(
                "cleaned up", id: .cleaned,
                [
                    .field("SPOT_IMAGES", Int64(images)), .field("SPOT_SNAPSHOTS", Int64(snapshots)),
                    .field("SPOT_FAILURES", Int64(failures)),
                ])
        case .notRemembering(let reason):
            log.error("the disk takes nothing: a restart would forget", id: .notRemembering, [.reason(reason)])
        case .rememberingAgain: log.notice("the disk takes what is to be remembered again", id: .rememberingAgain)
        case .reportsDropped(let count):
            log.error(
                "too many reports wait: the least important were dropped", id: .reportsDropped,
                [.field("SPOT_COUNT", Int64(count))])
        case .stopping: log.notice("stopping", id: .stopping)
        default: tellOfWorkload(announcement)
        }
    }

    private func tellOfWorkload(_ announcement: Announcement) {
        switch announcement {
        case .pausedFor(let pause):
            log.warning("this machine stood still", id: .paused, [.milliseconds("SPOT_AFTER_MS", pause)])
        case .halting(let halt): log.warning("stopping the workload", id: .halting, [.reason(halt.words)])
        case .halted(let halt): log.notice("the workload is stopped", id: .halted, [.reason(halt.words)])
        case .notHalted(let halt, let reason):
            log.error(
                "the workload is not seen stopped: stop it by hand, or the machine", id: .notHalted,
                [.reason("\(halt.words): \(reason)")])
        case .serving: log.notice("the workload runs here", id: .serving)
        case .notServing(let reason):
            log.error("the workload is to run here and does not", id: .notServing, [.reason(reason)])
        case .servingInPart(let reason):
            log.error(
                "the workload runs here, and not all that goes with it has come", id: .servingInPart, [.reason(reason)])
        case .fenceNotArmed(let reason):
            log.error("no timer stops the workload if this agent dies", id: .fenceNotArmed, [.reason(reason)])
        case .hooksFailed(let reason): log.warning("hooks of the notice failed", id: .hooksFailed, [.reason(reason)])
        case .fenceArmed: log.notice("a timer stops the workload if this agent dies", id: .fenceArmed)
        default: preconditionFailure("\(announcement) has words of its own")
        }
    }
}

extension Telling {
    /// What of the hooks is not run: one that is missing when it counts should have been heard of before.
    func tell(_ hooks: HooksFinding) {
        for refusal in hooks.refusals { log.error("a hook is not run", id: .hookRefused, [.reason(refusal)]) }
        for path in hooks.leftOut {
            log.notice(
                "a file among the hooks is none",
                [.reason("\(path): hooks are executable, and named with letters, digits, - and _ alone")])
        }
    }
}

// The kinds of entries worth finding: `journalctl MESSAGE_ID=…`. Never reused, never renumbered: journals outlive versions.
extension MessageID {
    static let running = MessageID("5b6a0f5e7d3c4c0e8f4f1d6a2e9c3b01")
    static let stopped = MessageID("5b6a0f5e7d3c4c0e8f4f1d6a2e9c3b02")
    static let cannotRun = MessageID("5b6a0f5e7d3c4c0e8f4f1d6a2e9c3b03")
    static let misconfigured = MessageID("5b6a0f5e7d3c4c0e8f4f1d6a2e9c3b04")
    static let inContact = MessageID("5b6a0f5e7d3c4c0e8f4f1d6a2e9c3b05")
    static let outOfContact = MessageID("5b6a0f5e7d3c4c0e8f4f1d6a2e9c3b06")
    static let identified = MessageID("5b6a0f5e7d3c4c0e8f4f1d6a2e9c3b07")
    static let cloned = MessageID("5b6a0f5e7d3c4c0e8f4f1d6a2e9c3b08")
    static let registered = MessageID("5b6a0f5e7d3c4c0e8f4f1d6a2e9c3b09")
    static let tokenRefused = MessageID("5b6a0f5e7d3c4c0e8f4f1d6a2e9c3b0a")
    static let deleted = MessageID("5b6a0f5e7d3c4c0e8f4f1d6a2e9c3b0b")
    static let enrolmentRefused = MessageID("5b6a0f5e7d3c4c0e8f4f1d6a2e9c3b0c")
    static let roleChanged = MessageID("5b6a0f5e7d3c4c0e8f4f1d6a2e9c3b0d")
    static let configured = MessageID("5b6a0f5e7d3c4c0e8f4f1d6a2e9c3b0e")
    static let clockAstray = MessageID("5b6a0f5e7d3c4c0e8f4f1d6a2e9c3b0f")
    static let clockRight = MessageID("5b6a0f5e7d3c4c0e8f4f1d6a2e9c3b10")
    static let noticed = MessageID("5b6a0f5e7d3c4c0e8f4f1d6a2e9c3b11")
    static let noticeStored = MessageID("5b6a0f5e7d3c4c0e8f4f1d6a2e9c3b12")
    static let noticeGone = MessageID("5b6a0f5e7d3c4c0e8f4f1d6a2e9c3b13")
    static let blind = MessageID("5b6a0f5e7d3c4c0e8f4f1d6a2e9c3b14")
    static let sighted = MessageID("5b6a0f5e7d3c4c0e8f4f1d6a2e9c3b15")
    static let commandTaken = MessageID("5b6a0f5e7d3c4c0e8f4f1d6a2e9c3b16")
    static let commandEnded = MessageID("5b6a0f5e7d3c4c0e8f4f1d6a2e9c3b17")
    static let pricesUnknown = MessageID("5b6a0f5e7d3c4c0e8f4f1d6a2e9c3b18")
    static let pricesKnown = MessageID("5b6a0f5e7d3c4c0e8f4f1d6a2e9c3b19")
    static let cleaned = MessageID("5b6a0f5e7d3c4c0e8f4f1d6a2e9c3b1a")
    static let notRemembering = MessageID("5b6a0f5e7d3c4c0e8f4f1d6a2e9c3b1b")
    static let rememberingAgain = MessageID("5b6a0f5e7d3c4c0e8f4f1d6a2e9c3b1c")
    static let reportsDropped = MessageID("5b6a0f5e7d3c4c0e8f4f1d6a2e9c3b1d")
    static let stopping = MessageID("5b6a0f5e7d3c4c0e8f4f1d6a2e9c3b1e")
    static let rightsDenied = MessageID("5b6a0f5e7d3c4c0e8f4f1d6a2e9c3b20")
    static let rightsGranted = MessageID("5b6a0f5e7d3c4c0e8f4f1d6a2e9c3b21")
    static let paused = MessageID("5b6a0f5e7d3c4c0e8f4f1d6a2e9c3b22")
    static let halting = MessageID("5b6a0f5e7d3c4c0e8f4f1d6a2e9c3b23")
    static let halted = MessageID("5b6a0f5e7d3c4c0e8f4f1d6a2e9c3b24")
    static let notHalted = MessageID("5b6a0f5e7d3c4c0e8f4f1d6a2e9c3b25")
    static let serving = MessageID("5b6a0f5e7d3c4c0e8f4f1d6a2e9c3b26")
    static let notServing = MessageID("5b6a0f5e7d3c4c0e8f4f1d6a2e9c3b27")
    static let servingInPart = MessageID("5b6a0f5e7d3c4c0e8f4f1d6a2e9c3b35")
    static let fenceNotArmed = MessageID("5b6a0f5e7d3c4c0e8f4f1d6a2e9c3b28")
    static let hooksFailed = MessageID("5b6a0f5e7d3c4c0e8f4f1d6a2e9c3b34")
    static let fenceArmed = MessageID("5b6a0f5e7d3c4c0e8f4f1d6a2e9c3b29")
    static let hookRefused = MessageID("5b6a0f5e7d3c4c0e8f4f1d6a2e9c3b30")
    static let unordered = MessageID("5b6a0f5e7d3c4c0e8f4f1d6a2e9c3b31")
    static let drillBegun = MessageID("5b6a0f5e7d3c4c0e8f4f1d6a2e9c3b32")
    static let drillRefused = MessageID("5b6a0f5e7d3c4c0e8f4f1d6a2e9c3b33")
    static let damagedRecord = MessageID("5b6a0f5e7d3c4c0e8f4f1d6a2e9c3b1f")
}

extension LogField {
    static func reason(_ sentence: String) -> LogField { field("SPOT_REASON", sentence) }
    static func server(_ url: String) -> LogField { field("SPOT_SERVER", url) }
    static func instance(_ id: InstanceID) -> LogField { field("SPOT_INSTANCE", id.text) }
    static func agent(_ id: SlotID) -> LogField { field("SPOT_AGENT", id.text) }
    /// A command, and the incident that it is for.
    static func command(_ id: CommandID, for incident: IncidentID? = nil) -> [LogField] {
        [field("SPOT_COMMAND", id.text)] + (incident.map { [.incident($0)] } ?? [])
    }
    static func incident(_ id: IncidentID) -> LogField { field("SPOT_INCIDENT", id.text) }
    static func role(_ role: Role) -> LogField { field("SPOT_ROLE", role.rawValue) }
    static func epoch(_ epoch: Epoch) -> LogField { field("SPOT_EPOCH", "\(epoch)") }
    static func milliseconds(_ name: StaticString, _ time: Duration) -> LogField {
        field(name, Int64(time / .milliseconds(1)))
    }
}
