import Platform
import TestSupport
import Wire

/// The name server is dead, and the agents know nothing but the coordinator's name: whoever has found it before goes on, over the
/// connection that there is and over a new one; whoever begins anew waits for the name, and what runs runs on.
/// `words`: how often.
func loseNames(_ town: Town, _ words: [String]) throws {
    guard let times = words.isEmpty ? 1 : Int(words[0]) else { throw Misuse(words: words) }
    try town.settle(byName: true)
    var longest = Duration.zero
    for _ in 0..<times {
        longest = max(longest, try handOverWithoutNames(town))
        try town.goOn(isReady: false)
        try beginAnew(town)
    }
    say("measured: \(town.handOver), \(times) times a dead name server: proven after at most \(longest.whole) ms")
}

private func handOverWithoutNames(_ town: Town) throws -> Duration {
    try town.stopNames()
    try town.expectNothing("a name server that is dead") {
        // All connections end, and nobody is ready before he was heard over a new one, to the address that was known.
        try town.hall.ask("systemctl restart spot-coordinator")
    }
    var round = Round(town)
    try round.play()
    try insist(round, "a notice while the name server is dead")
    guard let proven = round.proven, round.isMet else { throw Broken("it was not in time: \(round.story)") }
    return proven
}

/// The new primary's agent, and that of a new replica, which know no address.
private func beginAnew(_ town: Town) throws {
    let (host, begin) = (town.primary, town.journal.count)
    let workload = try host.box.process(of: "web")
    try host.box.ask("systemctl restart spot-agent")
    let agent = try host.box.process(of: "spot-agent")
    for host in town.hosts { try town.expectLine(since: begin, from: host.box.name, "no contact with the coordinator") }
    // Whoever waits for the name answers all the same.
    try eventually("a status that tells of the name") {
        try host.box.run("spot-agent status", within: .seconds(2)).said.contains("looking up \(Town.hallName)")
    }
    try town.startNames()
    for host in town.hosts { try town.expectLine(since: begin, from: host.box.name, "in contact") }
    try town.waitForReadiness()
    guard try host.box.process(of: "web") == workload, try host.box.process(of: "spot-agent") == agent else {
        throw Broken("a dead name server ended something")
    }
}
