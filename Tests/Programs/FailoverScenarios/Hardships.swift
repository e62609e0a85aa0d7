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

/// Hand-overs with a hook that never ends before the old primary stops, and on the new one a hook that floods and leaves
/// something behind. `words`: how many.
func sufferHooks(_ town: Town, _ words: [String]) throws {
    guard let count = words.first.flatMap(Int.init) else { throw Misuse(words: words) }
    try town.settle(["DRAIN_BUDGET_SECONDS=2"])
    var times: [String] = []
    for number in 0..<count {
        if number > 0 { try town.goOn() }
        let (old, new) = (town.primary, town.replica)
        try old.hook("drain", "20-bad", bad[number % bad.count])
        try old.hook("notice", "20-bad", bad[(number + 2) % bad.count])
        try new.hook("promote", "20-bad", "setsid sleep 6004 & \(bad[4]) | head -c 1000000; exit 0")
        for host in [old, new] { try host.box.ask("systemctl reload spot-agent") }
        try town.waitForReadiness()
        var round = Round(town)
        try round.play()
        try insist(round, "bad hooks, \(number)")
        guard let proven = round.proven, let id = round.id else { throw Broken("it was never proven") }
        // Where two may serve the old one drains after the proof.
        let story = try town.incident(id).story { $0 }
        guard story.contains("drain.d/20-bad: overran") else { throw Broken("no hook of the drain overran: \(story)") }
        // The drain's budget, a look at the metadata service, and the hand-over itself.
        if proven > .seconds(5) { throw Broken("a hook cost more than its budget: \(round.story)") }
        times.append("\(proven.whole)")
        // The next is a new machine, but for what is on its disk.
        for host in [old, new] { try host.box.ask("rm -f /etc/spot-optimizer/hooks/*.d/20-bad") }
    }
    try checkLeftovers(town)
    let list = times.joined(separator: ", ")
    say("measured: \(town.handOver), hooks that never end, with 2 s for the drain: proven after \(list) ms")
}

/// A fence hook that never ends: nobody may serve before it went well, and once it does the rest follows.
func sufferFence(_ town: Town) throws {
    try town.settle()
    let (old, begin) = (town.primary, town.journal.count)
    try old.hook("fence", "20-bad", bad[1])
    try old.box.ask("systemctl reload spot-agent")
    try town.waitForReadiness()
    var round = Round(town)
    // It is asked again a minute later.
    (round.patience, round.gapMax, round.mayMiss) = (.seconds(100), .seconds(100), true)
    round.besides = ["demote failed"]
    try round.play { host in
        try host.announce()
        let isTold = town.journal.wait(since: begin, for: 1, within: .seconds(20)) {
            $0.who == Step.coordinator && $0.what.hasPrefix("fence failed")
        }
        guard isTold else { throw Broken("nobody tells that the fence failed") }
        guard town.witness.sight.names == [old.box.name] else { throw Broken("somebody serves") }
        try host.box.ask("rm /etc/spot-optimizer/hooks/fence.d/20-bad; systemctl reload spot-agent")
    }
    try insist(round, "a fence hook that hangs")
    say(
        "measured: \(town.handOver), a fence hook that hangs until it is mended: proven after \(round.proven?.whole ?? -1) ms"
    )
}

/// A hook of the new primary that never ends. Where two may serve, it is no successor then, and the old one goes on as if
/// nothing had been; where two must not, the old one has stopped, and what serves is left to serve.
func sufferSuccessor(_ town: Town, _ words: [String]) throws {
    guard let stage = words.first else { throw Misuse(words: words) }
    try town.settle(["DRAIN_BUDGET_SECONDS=2"])
    let (old, new, begin) = (town.primary, town.replica, town.journal.count)
    try new.hook(stage, "20-bad", bad[1])
    try new.box.ask("systemctl reload spot-agent")
    try town.waitForReadiness()
    town.witness.begin()
    let surroundings = SystemSurroundings()
    let noticed = surroundings.monotonic()
    try old.announce()
    let (message, serving, idle) =
        town.handOver == .overlap ? ("promotion failed", old, new) : ("replica promoted", new, old)
    let isTold = town.journal.wait(since: begin, for: 1, within: .seconds(25)) {
        $0.who == Step.coordinator && $0.what.hasPrefix(message)
    }
    let took = surroundings.monotonic() - noticed
    guard isTold else { throw Broken("nobody tells: \(message); \(town.journal.since(begin))") }
    if town.handOver == .overlap, town.witness.sight.gap > .seconds(1) {
        throw Broken("nobody served for \(town.witness.sight.gap.whole) ms")
    }
    try eventually("the end of the workload on \(idle.box.name)") { try idle.state(of: "web") == "inactive" }
    guard town.handOver == .overlap || town.witness.sight.pairs == 0 else { throw Broken("two served at once") }
    town.witness.begin()
    try eventually("looks of the client") { town.witness.sight.looks > 20 }
    guard town.witness.sight.names == [serving.box.name], try serving.state(of: "web") == "active" else {
        throw Broken("\(serving.box.name) is to serve, and the client finds \(town.witness.sight.names)")
    }
    // Where the old one serves on there is time until its end.
    if town.handOver == .exclusive { try town.expectHonesty(on: old, since: begin) }
    try checkLeftovers(town)
    say("measured: \(town.handOver), a \(stage) hook that never ends: \(message) after \(took.whole) ms")
}

/// Those of the notice have 30 s, and nobody waits for them but this.
private func checkLeftovers(_ town: Town) throws {
    for box in town.boxes {
        try eventually("the end of all that hooks left on \(box.name)", within: .seconds(40)) {
            try box.run(leftovers).status == 1
        }
        // The promote hook floods and ends at once. On a busy machine it is over before journald comes to what it said: that has
        // no control group then, and journald's own limit, as for everybody.
        let lines = try box.ask(
            """
            for s in drain fence notice verify; do journalctl -q -t spot-hook-$s | wc -l; done; \
            journalctl -q -t spot-hook-promote -o json --output-fields=_SYSTEMD_CGROUP | grep -c _SYSTEMD_CGROUP || :
            """)
        let counts = lines.split(whereSeparator: \.isWhitespace).compactMap { Int($0) }
        guard counts.count == 5, counts.allSatisfy({ $0 < 10_000 }) else {
            throw Broken("the journal of \(box.name) has lines of hooks: \(lines)")
        }
    }
}
