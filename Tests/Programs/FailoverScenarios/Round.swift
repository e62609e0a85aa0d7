import JSON
import Platform
import TestSupport
import Wire

/// Whom to kill.
enum Victim: String, CaseIterable {
    case old, new, coordinator
    /// All three at once.
    case everyone
}

/// When: so long after the notice is there to be seen, or after a line of the log since then.
struct Moment: CustomStringConvertible {
    /// The so many-th such line.
    var line: (step: Step, number: Int)?
    var then = Duration.zero

    var description: String {
        let before = line.map { "\($0.step)\($0.number > 1 ? " (\($0.number))" : "")" } ?? "the notice"
        return "\(then.whole) ms after \(before)"
    }
}

/// A line of the log, without what differs from one hand-over to the next.
struct Step: Hashable, CustomStringConvertible {
    static let coordinator = "coordinator"
    /// `old`, `new`, or the coordinator.
    let who: String
    let what: String
    var description: String { "\(who): \(what)" }

    init(who: String, what: String) { (self.who, self.what) = (who, what) }

    init(_ line: Journal.Line, _ old: Host) {
        who = line.who == Self.coordinator ? Self.coordinator : line.who == old.box.name ? "old" : "new"
        what = line.what
    }
}

/// One hand-over after a notice, with at most one thing killed in it.
struct Round {
    let town: Town
    private(set) var faults: [String] = []
    private(set) var steps: [Step] = []
    private(set) var hasKilled = false
    /// From the notice to the proof.
    private(set) var proven: Duration?
    private(set) var late: Duration?
    private(set) var gap = Duration.zero
    private(set) var story = ""

    private static let promise = Duration.seconds(15)
    /// Twice the deadline, and what a coordinator needs to be back.
    var patience = Duration.seconds(40)
    /// How often whoever is killed is killed, each time as soon as it is back.
    var kills = 1
    /// Commands that come besides, and to what.
    var besides: [String] = []
    /// The old machine is not there any more to be asked.
    var hasLostOld = false
    /// Some moments do not come in each hand-over.
    private static let momentPatience = Duration.seconds(8)

    init(_ town: Town) { self.town = town }

    /// `announce` has the old primary hear of its end.
    mutating func play(
        _ victim: Victim = .old, _ moment: Moment? = nil,
        announce: (Host) throws -> Void = { try $0.announce() }
    ) throws {
        let (old, new) = (town.primary, town.replica)
        let epoch = try town.epoch()
        let startsBefore = try Marks.read(Marks.starts, in: town.folder)
        var targets = try targets(victim)
        let begin = town.journal.count
        town.witness.begin()
        let surroundings = SystemSurroundings()
        let wall = surroundings.wall()
        try announce(old)
        if wait(for: moment, since: begin, old) {
            for number in 1...kills {
                for target in targets { try target.box.ask("kill -9 \(target.process)") }
                guard number < kills else { break }
                try eventually("a restart of the \(victim)") { targets.allSatisfy(\.isStartedAgain) }
                targets = try self.targets(victim)
            }
            hasKilled = true
        }
        let incident = try verdict(on: old.instance)
        try checkIncident(incident, new, noticed: wall)
        if hasKilled {
            try eventually("a restart of the \(victim)") { [targets] in targets.allSatisfy(\.isStartedAgain) }
        }
        checkMachines(old, new)
        steps = town.journal.since(begin).map { Step($0, old) }
        let starts = try Marks.read(Marks.starts, in: town.folder).dropFirst(startsBefore.count)
        if Array(starts) != [new.box.name] { faults.append("the workload was started on: \(starts)") }
        if try Marks.read(Marks.twice, in: town.folder) != [] { faults.append("two ran at once") }
        let now = try town.epoch()
        if now.number != epoch.number + 1 { faults.append("epoch \(epoch) became \(now)") }
        checkSight()
        try checkCommands(of: incident.id)
    }

    // MARK: Killing

    private struct Target {
        let box: Box
        let unit: String
        let process: Int32

        init(_ unit: String, on box: Box) throws {
            (self.box, self.unit, process) = (box, unit, try box.process(of: unit))
        }
        var isStartedAgain: Bool { (try? box.process(of: unit)).map { $0 != process } ?? false }
    }

    private func targets(_ victim: Victim) throws -> [Target] {
        switch victim {
        case .old: [try Target("spot-agent", on: town.primary.box)]
        case .new: [try Target("spot-agent", on: town.replica.box)]
        case .coordinator: [try Target("spot-coordinator", on: town.hall)]
        case .everyone: try targets(.old) + targets(.new) + targets(.coordinator)
        }
    }

    /// False when there is no such moment.
    private func wait(for moment: Moment?, since begin: Int, _ old: Host) -> Bool {
        guard let moment else { return false }
        if let (step, number) = moment.line {
            let isThere = town.journal.wait(since: begin, for: number, within: Self.momentPatience) {
                Step($0, old) == step
            }
            guard isThere else { return false }
        }
        // A moment that passes; nothing is awaited by it.
        _ = town.journal.wait(since: begin, for: .max, within: moment.then) { _ in false }
        return true
    }

    // MARK: Looking

    /// The coordinator may be away meanwhile.
    private func verdict(on instance: InstanceID) throws -> Incident {
        var found: Incident?
        do {
            try eventually("the verdict on \(instance)", within: patience) {
                found = (try? town.incidents())?.first { $0.instance == instance } ?? found
                return found.map { $0.state != .open } ?? false
            }
        } catch {
            let told = try found.map { try town.incident($0.id).story { $0 } } ?? "there is no incident"
            let lines = town.journal.since(0).suffix(60).map { "\($0.who): \($0.what)" }.joined(separator: "\n")
            throw Broken("\(error)\n\(told)\n\(lines)")
        }
        guard let found else { throw Broken("no incident of \(instance)") }
        return try town.incident(found.id)
    }

    private mutating func checkIncident(_ incident: Incident, _ new: Host, noticed: Timestamp) throws {
        story = incident.story { $0 }
        if incident.successor != new.instance {
            faults.append("the successor is \(incident.successor?.text ?? "nobody")")
        }
        guard let verified = incident.verifiedAt, let deadline = incident.deadline else {
            faults.append("it is \(incident.state), and nobody is told to serve")
            return
        }
        proven = verified - noticed
        if incident.state == .met, verified - incident.detectedAt > Self.promise { faults.append("it is called met") }
        if incident.state == .missed { late = verified - deadline }
        let isInTime = verified <= deadline
        if isInTime != (incident.state == .met) { faults.append("it is called \(incident.state)") }
        if try town.incidents().count(where: { $0.state == .open }) > 0 { faults.append("an incident is open") }
    }

    private mutating func checkMachines(_ old: Host, _ new: Host) {
        do {
            if !hasLostOld {
                try eventually("the end of the workload on the old machine") {
                    try old.state(of: "web") == "inactive" && old.state(of: "web-door") == "inactive"
                }
            }
            let states = try ["web", "web-door"].map { try new.state(of: $0) }
            if states != ["active", "active"] { faults.append("on the new machine: \(states)") }
        } catch { faults.append("\(error)") }
    }

    private mutating func checkSight() {
        let sight = town.witness.sight
        gap = sight.gap
        if sight.looks < 10 { faults.append("the client looked \(sight.looks) times") }
        guard town.handOver == .exclusive else { return }
        if sight.pairs > 0 { faults.append("\(sight.pairs) looks found two that serve") }
        if sight.changes != 1 { faults.append("whom the client found changed \(sight.changes) times") }
    }

    /// Each was for one machine, is over, and did what it was for.
    private mutating func checkCommands(of incident: IncidentID) throws {
        var commands: [CommandSummary] = []
        do {
            try eventually("the end of all commands") {
                commands = try town.commands(of: incident).filter { !hasLostOld || $0.type != "demote" }
                return commands.allSatisfy { !$0.state.isOpen }
            }
        } catch { faults.append("\(error)") }
        let told = commands.map { "\($0.type) \($0.state)" }.sorted()
        let wanted =
            besides + (hasLostOld ? [] : ["demote done"]) + ["promote done"]
            + (town.handOver == .exclusive ? ["activate done"] : [])
        if told != wanted.sorted() { faults.append("commands: \(told)") }
    }
}
