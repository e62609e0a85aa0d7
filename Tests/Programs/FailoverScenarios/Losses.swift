import Platform
import TestSupport
import Wire

/// How a pair loses a machine, or the way to it. Each is the last that its town sees.
enum Loss: String {
    /// The primary's machine fails, and EC2 knows; or does not, and there is a lease.
    case machine, leasedMachine
    /// The primary and the coordinator do not hear each other; with a lease, or without.
    case link, leasedLink
    /// The same, and then EC2 takes the primary: it does not hear the coordinator, is not heard, or both.
    case unanswered, unheard, unreached
    /// Somebody shuts the primary down; also when the manager was reloaded before.
    case shutdown, reloadedShutdown
    /// EC2 takes the primary, and there is no replica yet.
    case alone
    /// EC2 takes both: at once, or the successor while the old primary stops for it.
    case both, inTurn
}

/// `words`: which; and how often, where the town is whole again afterwards.
func lose(_ town: Town, _ words: [String]) throws {
    guard let loss = words.first.flatMap(Loss.init), let times = words.count > 1 ? Int(words[1]) : 1 else {
        throw Misuse(words: words)
    }
    let began = SystemSurroundings().monotonic()
    var noticed = began
    let took: Duration?
    let isLeased = loss == .leasedLink || loss == .leasedMachine
    try town.settle(isLeased ? ["LEASE_SECONDS=15"] : [], hasReplica: loss != .alone)
    noticed = SystemSurroundings().monotonic()
    switch loss {
    case .machine: took = try town.loseMachine()
    case .leasedMachine: took = try town.loseLeasedMachine()
    case .link: took = try town.loseLink()
    case .leasedLink: took = try town.loseLeasedLink()
    case .unanswered: took = try town.takeCutOff(.fromCoordinator, times)
    case .unheard: took = try town.takeCutOff(.toCoordinator, times)
    case .unreached: took = try town.takeCutOff(.both, times)
    case .shutdown: took = try town.shutDown()
    case .reloadedShutdown:
        for host in town.hosts { try host.box.ask("systemctl daemon-reload") }
        took = try town.shutDown()
    case .alone: took = try town.loseOnly()
    case .both: took = try town.loseBoth()
    case .inTurn: took = try town.loseInTurn()
    }
    let whole = (SystemSurroundings().monotonic() - noticed).whole
    say(
        "measured: \(town.handOver), \(loss): \(took.map { "another served after \($0.whole) ms" } ?? "over after \(whole) ms")"
    )
}

extension Town {
    /// Until the client finds `host` and nobody else.
    private func waitUntilServed(by host: Host, within limit: Duration) throws -> Duration {
        let began = SystemSurroundings().monotonic()
        do {
            try eventually("\(host.box.name) serves", within: limit) { self.witness.sight.names == [host.box.name] }
        } catch { throw Broken("\(error); \(try incidents().map(\.state)); \(try readiness().reasons)") }
        guard handOver == .overlap || witness.sight.pairs == 0 else { throw Broken("two served at once") }
        return SystemSurroundings().monotonic() - began
    }

    /// The record tells the truth about the deadline, and of one hand-over.
    private func expectVerdict(on old: Host, _ new: Host, since before: Epoch) throws {
        var found: Incident?
        try eventually("the verdict on \(old.box.name)", within: Self.patience) {
            found = try incidents().first { $0.instance == old.instance && $0.successor != nil }
            return found.map { $0.state != .open } ?? false
        }
        guard let found, let verified = found.verifiedAt, let deadline = found.deadline,
            found.successor == new.instance, found.state == (verified <= deadline ? .met : .missed),
            try epoch().number == before.number + 1, try Marks.read(Marks.twice, in: folder) == []
        else { throw Broken("the record does not tell what was: \(String(describing: found)), \(try epoch())") }
    }

    /// A successor was proven in time, or the miss is told; then it may still be pursued.
    func expectHonesty(on old: Host, since begin: Int) throws {
        var found: Incident?
        var story = "there is no incident"
        do {
            try eventually("the verdict on \(old.box.name)", within: Self.patience) {
                found = try incidents().first { $0.instance == old.instance }
                guard let found else { return false }
                story = try incident(found.id).story { $0 }
                return found.state != .open || story.contains("nothing is proven to serve")
            }
        } catch { throw Broken("\(error): \(story)") }
        let isMet = found?.verifiedAt.map { verified in (found?.deadline).map { verified <= $0 } ?? false } ?? false
        guard let found, isMet ? found.state == .met : [.missed, .open].contains(found.state),
            try Marks.read(Marks.twice, in: folder) == []
        else {
            throw Broken("the record does not tell what was: \(String(describing: found))")
        }
        let told = [.met: "met its deadline", .missed: "missed its deadline"][found.state] ?? "late"
        try expectLine(since: begin, from: Step.coordinator, "incident \(told)")
    }

    fileprivate func loseMachine() throws -> Duration {
        let (old, new, begin, before) = (primary, replica, journal.count, try epoch())
        witness.begin()
        try old.fail()
        // Three heartbeats of silence, a question to EC2, and the hand-over itself.
        let took = try waitUntilServed(by: new, within: .seconds(30))
        for message in ["host silent", "host is gone", "promotion decided", "replica promoted"] {
            try expectLine(since: begin, from: Step.coordinator, message)
        }
        try expectVerdict(on: old, new, since: before)
        try expectNothingLeft(on: [new])
        return took
    }

    /// EC2 says that it runs, so that nobody serves before its lease has ended.
    fileprivate func loseLeasedMachine() throws -> Duration {
        let (old, new, begin, before) = (primary, replica, journal.count, try epoch())
        witness.begin()
        old.box.kill()
        let took = try waitUntilServed(by: new, within: .seconds(60))
        for message in ["host silent", "promotion decided", "replica promoted"] {
            try expectLine(since: begin, from: Step.coordinator, message)
        }
        try expectVerdict(on: old, new, since: before)
        // A heartbeat before its death it had a lease for fifteen seconds.
        guard witness.sight.changes == 1, witness.sight.gap > .seconds(10) else {
            throw Broken("somebody served while the lease ran: \(witness.sight)")
        }
        return took
    }

    /// Unknown is not dead: nothing moves while EC2 says that it runs.
    fileprivate func loseLink() throws -> Duration? {
        let (old, begin) = (primary, journal.count)
        let (before, process) = (try epoch(), try old.box.process(of: "web"))
        witness.begin()
        try cut(old)
        try expectLine(since: begin, from: Step.coordinator, "host silent")
        // As long again as it took to fall silent: whatever follows from silence alone would have.
        _ = journal.wait(since: begin, for: 1, within: .seconds(12)) { $0.what == "promotion decided" }
        try mendLinks()
        try expectLine(since: begin, from: Step.coordinator, "host heard again")
        try waitForReadiness()
        guard try epoch() == before, try old.box.process(of: "web") == process,
            witness.sight.names == [old.box.name], witness.sight.gap < .seconds(1)
        else { throw Broken("a link that was cut moved the workload: \(witness.sight)") }
        var round = Round(self)
        try round.play()
        try insist(round, "after a link that was cut")
        return round.proven
    }

    /// Both count: the old primary stops by itself, and only then another one serves.
    fileprivate func loseLeasedLink() throws -> Duration {
        let (old, new, begin, before) = (primary, replica, journal.count, try epoch())
        witness.begin()
        try cut(old)
        let took = try waitUntilServed(by: new, within: .seconds(60))
        try expectLine(since: begin, from: old.box.name, "the workload is stopped")
        try expectLine(since: begin, from: Step.coordinator, "replica promoted")
        try mendLinks()
        try expectLine(since: begin, from: old.box.name, "this machine's role has changed")
        guard try old.state(of: "web") == "inactive", witness.sight.pairs == 0, witness.sight.names == [new.box.name]
        else {
            throw Broken("the old primary serves again: \(witness.sight)")
        }
        try expectVerdict(on: old, new, since: before)
        try expectNothingLeft(on: [old, new])
        return took
    }

    /// Returns the longest.
    fileprivate func takeCutOff(_ way: Cut.Way, _ times: Int) throws -> Duration {
        var longest = Duration.zero
        for number in 0..<times {
            if number > 0 { try goOn() }
            longest = max(longest, try takeCutOff(way))
            try goOn()
            var round = Round(self)
            try round.play()
            try insist(round, "after a primary that was taken while it was cut off")
        }
        return longest
    }

    /// Nobody may tell it to stop, and nobody else may where two must not until it is certain that it serves no more: it serves to the
    /// last moment, stops by itself, and when EC2 says that it is gone another one serves.
    private func takeCutOff(_ way: Cut.Way) throws -> Duration {
        let (old, new, begin, before) = (primary, replica, journal.count, try epoch())
        let time = Duration.seconds(20)
        witness.begin()
        try cut(old, way)
        let end = SystemSurroundings().monotonic() + time
        try old.announce(in: time)
        try expectLine(since: begin, from: old.box.name, "stopping the workload", within: time)
        let (sight, left) = (witness.sight, end - SystemSurroundings().monotonic())
        // The drain's budget of five seconds, and five more to stop.
        guard left < .seconds(12) else { throw Broken("it stopped \(left.whole) ms before its end") }
        guard sight.gap < .seconds(1), handOver == .overlap || sight.names == [old.box.name] else {
            throw Broken("it did not serve to the last moment: \(sight)")
        }
        try expectLine(since: begin, from: old.box.name, "the workload is stopped", within: time)
        guard SystemSurroundings().monotonic() < end, try old.state(of: "web") == "inactive" else {
            throw Broken("it did not stop before its end")
        }
        // A question to EC2 each half minute.
        let took = try waitUntilServed(by: new, within: .seconds(60))
        for message in ["host silent", "host is gone", "promotion decided", "replica promoted"] {
            try expectLine(since: begin, from: Step.coordinator, message)
        }
        try mendLinks()
        try eventually("a primary that knows that it is none", within: Self.patience) {
            let status = try old.box.run("spot-agent status").said
            return status.contains(/\nrole +\w/) && !status.contains(/\nrole +primary/)
        }
        try expectNothingLeft(on: [old, new])
        guard try old.state(of: "web") == "inactive", witness.sight.names == [new.box.name],
            handOver == .overlap || witness.sight.pairs == 0, try epoch().number == before.number + 1,
            try Marks.read(Marks.twice, in: folder) == []
        else { throw Broken("it is not as it should be after the link was mended: \(witness.sight)") }
        try expectVerdict(on: old, new, since: before)
        return took
    }

    fileprivate func shutDown() throws -> Duration? {
        let begin = journal.count
        var round = Round(self)
        round.hasLostOld = true
        round.announcement = nil
        try round.play { host in try host.box.ask("systemctl poweroff --no-block") }
        try insist(round, "a shutdown")
        try expectLine(since: begin, from: Step.coordinator, "termination announced")
        return round.proven
    }

    fileprivate func loseOnly() throws -> Duration? {
        let begin = journal.count
        var round = Round(self)
        round.patience = .seconds(100)
        round.besides = ["create_replica done"]
        let replica = replica
        try round.play { host in
            try host.announce()
            try replica.become(self.sandbox.waitForLaunch())
        }
        try insist(round, "a notice without a replica")
        try expectLine(since: begin, from: Step.coordinator, "replica ordered")
        return round.proven
    }

    /// Whoever is asked first, there is nobody to stay: the last one serves to the last moment, and stops before EC2 takes it.
    fileprivate func loseBoth() throws -> Duration? {
        let begin = journal.count
        let time = Duration.seconds(30)
        let end = SystemSurroundings().monotonic() + time
        witness.begin()
        for host in [replica, primary] { try host.announce(in: time) }
        try serveToTheEnd(end, since: begin)
        let (first, second) = (primary, replica)
        try expectHonesty(on: first, since: begin)
        // Nothing had to move from a replica that was not asked yet, or was not needed any more: then the other one served last.
        let asReplica = try incidents().first { $0.instance == second.instance && $0.state == .averted }
        guard let asReplica else {
            try expectHonesty(on: second, since: begin)
            return nil
        }
        guard witness.sight.names == [first.box.name],
            try incident(asReplica.id).story({ $0 }).contains(/(was a replica|is not to serve): nothing has to move/)
        else { throw Broken("what served was averted: \(witness.sight), \(asReplica)") }
        return nil
    }

    /// Nobody else is there, so that the successor serves although it goes, too.
    fileprivate func loseInTurn() throws -> Duration? {
        try primary.hook("drain", "20-slow", "sleep 3")
        try primary.box.ask("systemctl reload spot-agent")
        try waitForReadiness()
        let (begin, old, new, before) = (journal.count, primary, replica, try epoch())
        let time = Duration.seconds(30)
        witness.begin()
        try primary.announce(in: time)
        try expectLine(since: begin, from: primary.box.name, "hook of drain")
        let end = SystemSurroundings().monotonic() + time
        try new.announce(in: time)
        let took = try waitUntilServed(by: new, within: .seconds(15))
        try expectVerdict(on: old, new, since: before)
        try serveToTheEnd(end, since: begin)
        try expectHonesty(on: new, since: begin)
        guard witness.sight.names == [new.box.name] else { throw Broken("another served last: \(witness.sight)") }
        return took
    }

    /// Another machine is ordered, and does not come.
    private func serveToTheEnd(_ end: Duration, since begin: Int) throws {
        let time = end - SystemSurroundings().monotonic()
        try expectLine(since: begin, from: Step.coordinator, "replica ordered")
        let isStopped = journal.wait(since: begin, for: 1, within: time) { $0.what == "stopping the workload" }
        guard isStopped else { throw Broken("nobody stops the workload: \(journal.since(begin).map(\.what))") }
        let sight = witness.sight
        for host in hosts {
            try eventually("the end of the workload on \(host.box.name)") { try host.state(of: "web") == "inactive" }
        }
        let left = end - SystemSurroundings().monotonic()
        guard left > .zero, left < .seconds(15) else { throw Broken("it stopped \(left.whole) ms before the end") }
        guard sight.gap < .seconds(handOver == .overlap ? 1 : 5), handOver == .overlap || sight.pairs == 0 else {
            throw Broken("it did not serve to the last moment: \(sight)")
        }
    }
}
