import JSON
import Platform
import TestSupport
import Wire

/// What hooks do that are wrong. Whatever they leave is found by its time.
private let bad = [
    "sleep 6001", "trap '' TERM; while :; do sleep 6002; done", "for i in {1..20}; do sleep 6003 & done; wait",
    "setsid bash -c 'trap \"\" TERM; while :; do sleep 6004; done' & sleep 6004",
    "yes 'a line that says nothing but goes on for a while'",
]
private let leftovers = "pgrep -f 'sleep 600[1-4]' || pgrep -x yes"

/// Hand-overs with a hook that never ends in each stage of the old primary, and on the new one a hook that floods and leaves
/// something behind. `words`: how many.
func sufferHooks(_ town: Town, _ words: [String]) throws {
    guard let count = words.first.flatMap(Int.init) else { throw Misuse(words: words) }
    try town.settle(["DRAIN_BUDGET_SECONDS=2"])
    var times: [String] = []
    for number in 0..<count {
        if number > 0 { try town.goOn() }
        let old = town.primary
        for (place, stage) in ["drain", "fence", "notice"].enumerated() {
            try old.hook(stage, "20-bad", bad[(number * 3 + place) % bad.count])
        }
        let flood = "setsid sleep 6004 & \(bad[4]) | head -c 1000000; exit 0"
        try town.replica.hook("promote", "20-bad", flood)
        for host in [old, town.replica] { try host.box.ask("systemctl reload spot-agent") }
        try town.waitForReadiness()
        var round = Round(town)
        try round.play()
        try insist(round, "bad hooks, \(number)")
        times.append("\(round.proven?.whole ?? -1)")
        try checkLeftovers(town)
        // The next is a new machine, but for what is on its disk.
        for host in [old, town.replica] { try host.box.ask("rm -f /etc/spot-optimizer/hooks/*.d/20-bad") }
    }
    say("measured: \(town.handOver), hooks that never end in drain.d (2 s) and fence.d (5 s): proven after \(times) ms")
}

/// Those of the notice have 30 s, and nobody waits for them but this.
private func checkLeftovers(_ town: Town) throws {
    for box in town.boxes {
        try eventually("the end of all that hooks left on \(box.name)", within: .seconds(40)) {
            try box.run(leftovers).status != 0
        }
        let lines = try box.ask("for s in drain fence notice promote; do journalctl -q -t spot-hook-$s | wc -l; done")
        guard lines.split(whereSeparator: \.isWhitespace).allSatisfy({ Int($0).map { $0 < 10_000 } ?? false }) else {
            throw Broken("the journal of \(box.name) has lines of hooks: \(lines)")
        }
    }
}

/// `spot-agent drill` as a person types it, on machines with real units.
func rehearse(_ town: Town) throws {
    try town.settle()
    let asked = try town.primary.box.ask("spot-agent drill --dry-run")
    guard asked.contains("it would survive") else { throw Broken(asked) }
    var told = ""
    var round = Round(town)
    try round.play { host, _ in told = try host.box.ask("spot-agent drill", within: .seconds(40)) }
    try insist(round, "a drill: \(told)")
    for word in ["a drill: met", "to spare", "promote.d/10-note", "start units", "drain.d/10-note", "stop units"]
    where !told.contains(word) { throw Broken("the drill does not say \(word): \(told)") }
    let again = try town.primary.box.run("spot-agent drill")
    guard again.status == 1, again.said.contains("only the primary's end is rehearsed") else {
        throw Broken(again.said)
    }
    say("measured: \(town.handOver), a drill with units: proven after \(round.proven?.whole ?? -1) ms")
}
