import Platform
import TestSupport
import Wire

/// What a pair must bear besides notices and kills. Each leaves a ready pair behind.
enum Trial: String, CaseIterable {
    /// Restarts and a new installation of everything.
    case upkeep
    /// A recommendation to leave, which nothing follows at first, and then a notice.
    case rebalance
    /// A metadata service that hangs, and has a notice when it is back.
    case blind
    /// A primary whose state folder takes nothing.
    case fullDisk
    /// Journals that nobody reads, from the notice to the proof.
    case silentJournal
    /// An agent that stands still until the watchdog ends it.
    case starved
    /// The primary's agent, the replica's, or the coordinator, does so when the notice comes.
    case starvedPrimary, starvedReplica, starvedCoordinator
    /// A coordinator whose disk takes nothing when the notice comes.
    case fullStore

    /// Those that take seconds.
    static let usual: [Trial] = [.upkeep, .rebalance, .blind, .fullDisk, .silentJournal, .starved]
}

/// One after the other in one town. `words`: which; the usual without.
func undergo(_ town: Town, _ words: [String]) throws {
    let trials = words.isEmpty ? Trial.usual : words.compactMap(Trial.init)
    guard words.isEmpty || trials.count == words.count else { throw Misuse(words: words) }
    try town.settle()
    for (number, trial) in trials.enumerated() {
        if number > 0 { try town.goOn() }
        let took: Duration?
        do {
            took = try town.undergo(trial)
        } catch { throw Broken("\(trial): \(error)") }
        say("measured: \(town.handOver), \(trial): proven after \(took.map { "\($0.whole)" } ?? "-") ms")
    }
}

extension Town {
    /// Returns how long the hand-over took that it ends with.
    fileprivate func undergo(_ trial: Trial) throws -> Duration? {
        switch trial {
        case .upkeep: try bearUpkeep()
        case .rebalance: try bearRebalance()
        case .blind: try bearBlindness()
        case .fullDisk: try fillDisk()
        case .silentJournal: try stopJournals()
        case .starved: try starve()
        case .starvedPrimary: return try handOver(without: "spot-agent", on: primary.box)
        case .starvedReplica: return try handOver(without: "spot-agent", on: replica.box)
        case .starvedCoordinator: return try handOver(without: "spot-coordinator", on: hall)
        case .fullStore: return try handOverWithFullStore()
        }
        return try handOver(trial)
    }

    /// As after any notice.
    private func handOver(_ trial: Trial) throws -> Duration? {
        let (old, new, begin) = (primary, replica, journal.count)
        var round = Round(self)
        round.isSilent = trial == .silentJournal
        round.isSeenLate = trial == .blind
        try round.play { host in
            try host.announce()
            guard trial == .blind else { return }
            // What is announced now nobody can see before it is mended.
            let isSeen = self.journal.wait(since: begin, for: 1, within: .seconds(2)) { $0.what == "announced" }
            guard !isSeen else { throw Broken("a notice was seen in a metadata service that hangs") }
            try self.sandbox.mend()
        }
        try insist(round, "\(trial)")
        if trial == .fullDisk { try expectLine(since: 0, from: old.box.name, "the disk takes nothing") }
        if trial == .silentJournal { try readJournals(of: round, old, new) }
        if trial == .fullDisk { try old.box.ask("systemctl stop spot-agent; umount /var/lib/spot-agent") }
        return round.proven
    }

    /// The notice comes when one of the three stands still, and the watchdog ends that one.
    private func handOver(without unit: String, on box: Box) throws -> Duration? {
        let target = try Target(unit, on: box)
        var round = Round(self)
        (round.mayMiss, round.isSeenLate) = (true, box === primary.box)
        // The watchdog's time, and a look at it.
        (round.patience, round.gapMax) = (.seconds(60), .seconds(40))
        try round.play { host in
            try box.ask("kill -STOP \(target.process)")
            try host.announce()
        }
        try insist(round, "\(unit) that stands still on \(box.name)")
        guard target.isStartedAgain else { throw Broken("no watchdog ended \(unit)") }
        let said = try box.ask("journalctl -q -o cat -u \(unit) --grep='Watchdog timeout' | tail -n 1")
        guard !said.isEmpty else { throw Broken("nobody tells of the watchdog of \(unit)") }
        return round.proven
    }

    func expectLine(since begin: Int, from who: String, _ message: String, within limit: Duration = .seconds(20)) throws
    {
        let isThere = journal.wait(since: begin, for: 1, within: limit) { $0.who == who && $0.what.hasPrefix(message) }
        guard isThere else {
            throw Broken(
                "\(who) does not say: \(message); it says \(journal.since(begin).filter { $0.who == who }.map(\.what))")
        }
    }

    /// Nothing moves, and the workload goes on as if nothing had been.
    func expectNothing(_ what: String, in body: () throws -> Void) throws {
        let (before, incidents, process) = (try epoch(), try incidents().count, try primary.box.process(of: "web"))
        witness.begin()
        try body()
        try waitForReadiness()
        guard try epoch() == before, try primary.box.process(of: "web") == process else {
            throw Broken("\(what) moved the workload")
        }
        guard try self.incidents().count == incidents else {
            throw Broken("\(what) is an incident: \(try self.incidents())")
        }
        let sight = witness.sight
        guard sight.names == [primary.box.name], sight.gap < .seconds(1), sight.pairs == 0 else {
            throw Broken("\(what): \(sight)")
        }
    }

    private func bearUpkeep() throws {
        try expectRestarts("a restart") {
            for host in hosts { try host.box.ask("systemctl restart spot-agent") }
            try hall.ask("systemctl restart spot-coordinator")
        }
        try expectRestarts("a new installation") {
            for box in boxes { try box.ask("dpkg --install --no-triggers /box/package.deb", within: .seconds(60)) }
        }
    }

    /// Of all three daemons, and nothing else comes of it.
    private func expectRestarts(_ what: String, in body: () throws -> Void) throws {
        let targets = try targets(.everyone)
        try expectNothing(what, in: body)
        guard targets.allSatisfy(\.isStartedAgain) else { throw Broken("\(what) left a daemon as it was") }
    }

    private func bearRebalance() throws {
        let begin = journal.count
        let (before, process) = (try epoch(), try primary.box.process(of: "web"))
        try sandbox.recommendRebalance(primary.instance)
        try expectLine(since: begin, from: Step.coordinator, "rebalance recommended")
        try waitForReadiness()
        guard try epoch() == before, try primary.box.process(of: "web") == process,
            try incidents().contains(where: {
                $0.instance == primary.instance && $0.kind == .rebalance && $0.state == .open
            })
        else { throw Broken("a recommendation moved the workload") }
    }

    private func bearBlindness() throws {
        let begin = journal.count
        try expectNothing("a metadata service that hangs") {
            try sandbox.fault("metadata", "hang", of: primary.instance)
            try expectLine(since: begin, from: Step.coordinator, "host is blind")
            try sandbox.mend()
            try expectLine(since: begin, from: Step.coordinator, "host sees again")
        }
        try sandbox.fault("metadata", "hang", of: primary.instance)
    }

    private func fillDisk() throws {
        let folder = "/var/lib/spot-agent"
        try expectNothing("a full disk") {
            try primary.box.ask(
                "systemctl stop spot-agent; cp -a \(folder) /run/kept; mount -t tmpfs -o size=64k,mode=700 none \(folder); "
                    + "cp -a /run/kept/. \(folder); rm -r /run/kept; systemctl start spot-agent")
            try waitForReadiness()
            _ = try primary.box.run("head -c 1M /dev/zero >\(folder)/filler")
        }
    }

    private static let dropIns = "/etc/systemd/system/spot-*.service.d"

    /// As anywhere else, and nowhere else.
    func logIntoJournals() throws {
        try restartDaemons(after: "for d in \(Self.dropIns); do mv $d/test.conf $d/test.off; done")
    }

    private func stopJournals() throws {
        try expectNothing("a journal that nobody reads") {
            try logIntoJournals()
            try waitForReadiness()
            try signalJournals("STOP")
        }
    }

    private func restartDaemons(after line: String) throws {
        for box in boxes {
            try box.ask("\(line); systemctl daemon-reload; systemctl restart \(box.unit)")
        }
    }

    private func signalJournals(_ signal: String) throws {
        for box in boxes { try box.ask("kill -\(signal) \(try box.process(of: "systemd-journald"))") }
    }

    /// Nothing of what was said meanwhile is lost, and it is found as the guide says.
    private func readJournals(of round: Round, _ old: Host, _ new: Host) throws {
        try signalJournals("CONT")
        guard let id = round.id else { throw Broken("no incident") }
        let verdict = round.isMet ? ("incident met its deadline", "26") : ("incident missed its deadline", "27")
        let story = ["promotion decided", "replica promoted", verdict.0]
        for (box, query, lines) in [
            (hall, "SPOT_INCIDENT=\(id)", story),
            (hall, "MESSAGE_ID=8d1cf5cb5b0f4a6f9d2f0c1d4c1b7b\(verdict.1)", [verdict.0]),
            (old.box, "-u spot-agent", ["announced", "the coordinator has it", "command ended"]),
            (new.box, "-u spot-agent", ["command taken", "command ended"]),
        ] {
            var said = ""
            do {
                try eventually("what the journal of \(box.name) has") {
                    said = try box.ask("journalctl -q -o cat --since=-3min \(query)")
                    return lines.allSatisfy(said.contains)
                }
            } catch { throw Broken("\(error): \(query) finds: \(said)") }
        }
        try restartDaemons(after: "for d in \(Self.dropIns); do mv $d/test.off $d/test.conf; done")
    }

    /// It can store nothing, and says so; what is announced meanwhile is told again until it can.
    private func handOverWithFullStore() throws -> Duration? {
        let folder = "/var/lib/private/spot-coordinator"
        try expectNothing("another disk") {
            try hall.ask(
                "systemctl stop spot-coordinator; cp -a \(folder) /run/kept; mount -t tmpfs -o size=16m,mode=700 none \(folder); "
                    + "chown spot-coordinator: \(folder); cp -a /run/kept/. \(folder); rm -r /run/kept; "
                    + "systemctl start spot-coordinator")
            try waitForReadiness()
        }
        let begin = journal.count
        _ = try hall.run("head -c 32M /dev/zero >\(folder)/filler")
        let written = try writeUntilRefused()
        let old = primary
        var round = Round(self)
        round.mayMiss = true
        try round.play { host in
            try host.announce()
            try self.expectLine(since: begin, from: Step.coordinator, "nothing can be stored")
            try self.expectLine(since: begin, from: old.box.name, "announced")
            let isStored = self.journal.wait(since: begin, for: 1, within: .seconds(2)) {
                $0.what.hasPrefix("the coordinator has it")
            }
            guard !isStored, self.witness.sight.names == [old.box.name] else { throw Broken("something was stored") }
            try self.hall.ask("rm \(folder)/filler")
        }
        try insist(round, "a coordinator whose disk is full")
        let known = try Set(clients())
        guard known.isSuperset(of: written) else { throw Broken("what was acknowledged is lost") }
        try hall.ask(
            "systemctl stop spot-coordinator; cp -a \(folder) /run/kept; umount \(folder); cp -a /run/kept/. \(folder); "
                + "rm -r /run/kept \(folder)/*-shm \(folder)/*-wal; systemctl start spot-coordinator")
        return round.proven
    }

    private func starve() throws {
        let (old, process) = (primary, try primary.box.process(of: "spot-agent"))
        try expectNothing("an agent that stands still") {
            try old.box.ask("kill -STOP \(process)")
            try eventually("an end by the watchdog", within: .seconds(40)) {
                (try? old.box.process(of: "spot-agent")).map { $0 != process } ?? false
            }
        }
    }
}
