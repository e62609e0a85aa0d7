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
    /// Journals that nobody reads.
    case silentJournal
    /// An agent that stands still until the watchdog ends it.
    case starved
}

/// One after the other in one town. `words`: which; all without.
func undergo(_ town: Town, _ words: [String]) throws {
    let trials = words.isEmpty ? Trial.allCases : words.compactMap(Trial.init)
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
        }
        return try handOver(trial)
    }

    /// As after any notice.
    private func handOver(_ trial: Trial) throws -> Duration? {
        let (old, begin) = (primary, journal.count)
        var round = Round(self)
        try round.play { host in
            try host.announce()
            guard trial == .blind else { return }
            // What is announced now nobody can see before it is mended.
            _ = self.journal.wait(since: begin, for: 1, within: .seconds(2)) { $0.what == "announced" }
            try self.sandbox.mend()
        }
        try insist(round, "\(trial)")
        if trial == .fullDisk { try expectLine(since: 0, from: old.box.name, "the disk takes nothing") }
        if trial == .silentJournal { try signalJournals("CONT") }
        if trial == .fullDisk { try old.box.ask("systemctl stop spot-agent; umount /var/lib/spot-agent") }
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
        guard witness.sight.names == [primary.box.name], witness.sight.gap < .seconds(1) else {
            throw Broken("\(what): the client waited \(witness.sight.gap.whole) ms, and finds \(witness.sight.names)")
        }
    }

    private func bearUpkeep() throws {
        try expectNothing("a restart") {
            for host in hosts { try host.box.ask("systemctl restart spot-agent") }
            try hall.ask("systemctl restart spot-coordinator")
        }
        try expectNothing("a new installation") {
            for box in boxes { try box.ask("dpkg --install --no-triggers /box/package.deb", within: .seconds(60)) }
        }
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

    private func stopJournals() throws {
        try expectNothing("a journal that nobody reads") { try signalJournals("STOP") }
    }

    private func signalJournals(_ signal: String) throws {
        for box in boxes { try box.ask("kill -\(signal) \(try box.process(of: "systemd-journald"))") }
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
