import JSON
import Platform
import TestSupport
import Wire

/// One hand-over after a notice, with at most one harm done to it.
struct Round {
    let town: Town
    private(set) var faults: [String] = []
    private(set) var steps: [Step] = []
    /// The moment came, and the harm was done.
    private(set) var isHarmed = false
    /// From the notice to the proof.
    private(set) var proven: Duration?
    private(set) var isMet = false
    private(set) var late: Duration?
    private(set) var gap = Duration.zero
    private(set) var id: IncidentID?
    private(set) var story = ""

    private static let promise = Duration.seconds(15)
    /// Twice the deadline, and what a coordinator needs to be back.
    var patience = Duration.seconds(40)
    /// Commands that come besides, and to what.
    var besides: [String] = []
    /// The old machine is not there any more to be asked.
    var hasLostOld = false
    /// What the daemons say is somewhere else.
    var isSilent = false
    /// What the old primary says of its end, and nothing where nobody announced it.
    var announcement: String? = "announced"
    /// The old primary could not see the notice when it came, and nobody can tell since when it was there.
    var isSeenLate = false
    /// Something is in the way, for which the deadline may be missed.
    var mayMiss = false
    /// For how long nobody may serve where two must not, with nothing in the way: what `pace` allows for all of it.
    var gapMax = Duration.seconds(7)
    /// Some moments do not come in each hand-over.
    private static let momentPatience = Duration.seconds(8)

    init(_ town: Town) { self.town = town }

    /// `announce` has the old primary hear of its end.
    mutating func play(
        _ harm: Harm? = nil, at moment: Moment? = nil, announce: (Host) throws -> Void = { try $0.announce() }
    ) throws {
        let (old, new) = (town.primary, town.replica)
        let epoch = try town.epoch()
        let startsBefore = try Marks.read(Marks.starts, in: town.folder)
        var targets: [Target] = []
        if case .kill(let victim, _)? = harm { targets = try town.targets(victim) }
        let begin = town.journal.count
        town.witness.begin()
        let surroundings = SystemSurroundings()
        let wall = surroundings.wall()
        try announce(old)
        if let harm, wait(for: moment, since: begin, old) {
            try suffer(harm, &targets)
            isHarmed = true
        }
        let incident = try verdict(on: old.instance)
        id = incident.id
        try checkIncident(incident, new, noticed: wall)
        if isHarmed { try eventually("a restart") { targets.allSatisfy(\.isStartedAgain) } }
        checkMachines(old, new)
        checkRest(old, new)
        steps = town.journal.since(begin).map { Step($0, old) }
        if !isSilent { checkLines(harm) }
        try checkEvents(of: incident.id)
        let starts = try Marks.read(Marks.starts, in: town.folder).dropFirst(startsBefore.count)
        if Array(starts) != [new.box.name] { faults.append("the workload was started on: \(starts)") }
        if try Marks.read(Marks.twice, in: town.folder) != [] { faults.append("two ran at once") }
        let now = try town.epoch()
        if now.number != epoch.number + 1 { faults.append("epoch \(epoch) became \(now)") }
        checkSight()
        try checkCommands(of: incident.id)
    }

    // MARK: Doing harm

    private func suffer(_ harm: Harm, _ targets: inout [Target]) throws {
        switch harm {
        case .kill(let victim, let times):
            for number in 1...times {
                for target in targets { try target.kill() }
                guard number < times else { break }
                try eventually("a restart of the \(victim)") { targets.allSatisfy(\.isStartedAgain) }
                targets = try town.targets(victim)
            }
        case .cut(let cut):
            try town.cut(cut.end == .old ? town.primary : town.replica, cut.way)
            pass(cut.length)
            try town.mendLinks()
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
        pass(moment.then)
        return true
    }

    /// Nothing is awaited but the time.
    private func pass(_ time: Duration) {
        _ = town.journal.wait(since: town.journal.count, for: .max, within: time) { _ in false }
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
        let proven = verified - noticed
        self.proven = proven
        isMet = incident.state == .met
        if isMet, verified - incident.detectedAt > Self.promise { faults.append("it is called met") }
        // The promise counts from the notice. Who is killed when it comes sees it a moment later; where nobody was ready the machine's
        // end is the deadline.
        let isExtended = deadline - incident.detectedAt > Self.promise
        if isMet, !isExtended, !isSeenLate, proven > Self.promise + .seconds(2) {
            faults.append("it is called met after \(proven.whole) ms")
        }
        if !isMet, !isHarmed, !mayMiss { faults.append("it is \(incident.state) with nothing in the way") }
        if incident.state == .missed { late = verified - deadline }
        let isInTime = verified <= deadline
        if isInTime != isMet { faults.append("it is called \(incident.state)") }
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

    /// It stays as it is: the client finds one, and nobody is told to do anything.
    private mutating func checkRest(_ old: Host, _ new: Host) {
        do {
            try eventually("a client that finds the new machine alone") { town.witness.sight.names == [new.box.name] }
            try town.expectNothingLeft(on: hasLostOld ? [new] : [old, new])
        } catch { faults.append("\(error)") }
    }

    /// What an operator looks for. Whoever is killed may not come to say it.
    private mutating func checkLines(_ harm: Harm?) {
        var killed: Victim?
        if case .kill(let victim, _)? = harm { killed = victim }
        var wanted: [Step] = []
        if killed != .coordinator && killed != .everyone {
            wanted += ["promotion decided", "replica promoted", "incident \(verdict) its deadline"].map {
                Step(who: Step.coordinator, what: $0)
            }
        }
        if killed != .old && killed != .everyone, !hasLostOld {
            wanted += [announcement, "command ended: demote"].compactMap { $0 }.map { Step(who: "old", what: $0) }
        }
        if killed != .new && killed != .everyone { wanted.append(Step(who: "new", what: "command ended: promote")) }
        for step in wanted where !steps.contains(step) { faults.append("nobody says: \(step)") }
        if !isMet, !story.contains("proven to serve only") { faults.append("it is not told by how much it was missed") }
    }

    private var verdict: String { isMet ? "met" : "missed" }

    /// What was told is stored, once.
    private mutating func checkEvents(of incident: IncidentID) throws {
        let kinds = try town.events(of: incident)
        for kind in ["promotion_decided", "replica_promoted", "incident_\(verdict)"]
        where kinds.count(where: { $0 == kind }) != 1 { faults.append("stored is not one \(kind): \(kinds)") }
    }

    private mutating func checkSight() {
        let sight = town.witness.sight
        gap = sight.gap
        if sight.looks < 10 { faults.append("the client looked \(sight.looks) times") }
        guard town.handOver == .exclusive else {
            // A machine that is gone answers nobody, which takes the client a second.
            if gap > .seconds(hasLostOld ? 3 : 1) { faults.append("nobody served for \(gap.whole) ms") }
            return
        }
        if !isHarmed, gap > gapMax { faults.append("nobody served for \(gap.whole) ms") }
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
