import AgentCore
import Wire

extension Announcement {
    /// For the story.
    var words: String {
        switch self {
        case .identified: "knows who it is"
        case .cloned(let other): "finds what was \(other.short)'s, and forgets it"
        case .registered(let slot, let role, let epoch):
            "is enrolled in \(slot.short) as \(role.rawValue), epoch \(epoch)"
        case .outOfContact(let reason): "is out of contact: \(reason)"
        case .inContact(let silence): "is in contact after \(Story.text(silence))"
        case .tokenRefused: "hears that its token is not good any more"
        case .deleted: "hears that its agent was deleted"
        case .enrolmentRefused(let reason): "may not enrol: \(reason)"
        case .roleChanged(let role, let epoch): "hears that it is \(role.rawValue) in epoch \(epoch)"
        case .configured(let version): "has configuration \(version)"
        case .clockAstray(let error): "finds its clock ahead by \(Story.text(error))"
        case .clockRight: "finds its clock right"
        case .noticed(let signal): "sees: \(signal.words)"
        case .noticeStored(let incident, let action, _): "hears: incident \(incident.short), \(action.rawValue)"
        case .noticeGone(let signal): "no longer sees: \(signal.words)"
        case .drillBegun(let kind): "begins a drill: \(kind.rawValue)"
        case .drillRefused(let reason): "drills nothing: \(reason)"
        case .blind(let reason): "is blind: \(reason)"
        case .sighted: "sees again"
        case .commandTaken(let command, let type, let attempt, _):
            "begins \(type) \(command.short), delivery \(attempt)"
        case .commandEnded(let command, let type, let outcome, let message, _):
            "ends \(type) \(command.short): \(outcome.rawValue), \(message.shortened)"
        case .step(let command, let message): "\(command.short): \(message.shortened)"
        case .rightsDenied(let reason): "lacks rights: \(reason)"
        case .rightsGranted: "has its rights again"
        case .pricesUnknown(let reason): "finds out no prices: \(reason)"
        case .pricesKnown: "finds out prices again"
        case .cleaned(let images, let snapshots, let failures):
            "removed \(images) images and \(snapshots) snapshots, \(failures) failed"
        case .notRemembering(let reason): "cannot remember: \(reason)"
        case .rememberingAgain: "remembers again"
        case .reportsDropped(let count): "drops \(count) reports"
        case .pausedFor(let pause): "finds that it stood still for \(pause)"
        case .halting(let halt): "stops the workload: \(halt.words)"
        case .halted(let halt): "has stopped the workload: \(halt.words)"
        case .notHalted(_, let reason): "cannot stop the workload: \(reason)"
        case .serving: "runs the workload"
        case .notServing(let reason): "cannot run the workload: \(reason)"
        case .servingInPart(let reason): "runs the workload in part: \(reason)"
        case .fenceNotArmed(let reason): "has no fence: \(reason)"
        case .hooksFailed(let reason): "its hooks failed: \(reason)"
        case .fenceArmed: "has a fence again"
        case .stopping: "is told to stop"
        }
    }
}

extension Act {
    /// For the story; nil of what goes on all the time.
    var words: String? {
        switch self {
        case .runHooks(.ready, _), .inspect, .probe, .armFence, .disarmFence: nil
        case .runHooks(let stage, _): "has the hooks of \(stage.rawValue).d run"
        case .start(let units): "has \(units.count) units started"
        case .stop(let units, let atOnce): "has \(units.count) units stopped\(atOnce ? ", by force" : "")"
        case .powerOff: "has the machine switched off"
        }
    }
}

extension Identifier where Kind: ServerMade {
    /// Its last digits tell things of one kind apart.
    var short: String { "…\(text.suffix(6))" }
}

extension String {
    /// With short names in place of long ones, for a person who reads many lines.
    var shortened: String {
        split(separator: " ", omittingEmptySubsequences: false).map { word in
            let name = word.prefix { $0.isLetter || $0.isNumber || $0 == "-" }
            let rest = word.dropFirst(name.count)
            if name.hasPrefix("i-"), name.utf8.count == 19 { return "i-…\(name.suffix(4))\(rest)" }
            return name.utf8.count == 36 ? "…\(name.suffix(6))\(rest)" : String(word)
        }.joined(separator: " ")
    }
}
