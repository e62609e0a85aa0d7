import Platform
import TestSupport
import Wire

/// `spot-agent drill` as a person types it, on machines with real units; then again, with each of the three killed in it.
func rehearse(_ town: Town) throws {
    try town.settle()
    let asked = try town.primary.box.ask("spot-agent drill --dry-run")
    guard asked.contains("it would survive") else { throw Broken(asked) }
    var times = [try drill(on: town)]
    let again = try town.primary.box.run("spot-agent drill")
    guard again.status == 1, again.said.contains("only the primary's end is rehearsed") else {
        throw Broken(again.said)
    }
    for (victim, who, what) in [
        (Victim.coordinator, Step.coordinator, "promotion decided"), (.new, "new", "command taken: promote"),
        (.old, "old", "command taken: demote"),
    ] {
        try town.goOn()
        times.append(try drill(on: town, killing: victim, at: Step(who: who, what: what)))
    }
    let list = times.map { "\($0.whole)" }.joined(separator: ", ")
    say(
        "measured: \(town.handOver), drills with units, undisturbed and with each of the three killed: proven after \(list) ms"
    )
}

/// Returns how long it took from the command to the proof.
private func drill(on town: Town, killing victim: Victim = .old, at step: Step? = nil) throws -> Duration {
    let old = town.primary
    var round = Round(town)
    round.announcement = nil
    try round.play(step.map { _ in .kill(victim) }, at: step.map { Moment(line: ($0, 1)) }) { host in
        // In the background: the shell is wanted for the kill.
        try host.box.ask("(spot-agent drill >/run/drill 2>&1; echo \"status $?\" >>/run/drill) & :")
    }
    var told = ""
    try eventually("the end of the drill", within: .seconds(60)) {
        told = try old.box.ask("cat /run/drill")
        return told.contains("status ")
    }
    try insist(round, "a drill, the \(victim) killed at \(step?.description ?? "no moment"): \(told)")
    if step != nil, !round.isHarmed { throw Broken("there was no \(step?.description ?? "moment"): \(told)") }
    // The agent's own memory of a drill ends with it; what became of it the coordinator knows.
    let isKnown = step == nil || victim != .old
    for word in ["status 0", "a drill: met", "to spare", "promote.d/10-note", "start units", "stop units"]
    where isKnown && !told.contains(word) { throw Broken("the drill does not say \(word): \(told)") }
    guard let proven = round.proven else { throw Broken("a drill that was never proven: \(told)") }
    return proven
}
