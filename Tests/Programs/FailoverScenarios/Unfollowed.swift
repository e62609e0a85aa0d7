import Platform
import SQLite
import TestSupport
import Wire

/// A recommendation to leave that nothing follows, to its end: without a replica one is launched, and is ended again when the two hours are
/// over that EC2 has; what serves serves on.
func sufferUnfollowed(_ town: Town) throws {
    try town.settle(hasReplica: false)
    let (begin, epoch, process) = (town.journal.count, try town.epoch(), try town.primary.box.process(of: "web"))
    town.witness.begin()
    try town.sandbox.recommendRebalance(town.primary.instance)
    for message in ["rebalance recommended", "replica ordered"] {
        try town.expectLine(since: begin, from: Step.coordinator, message)
    }
    let machine = try town.sandbox.waitForLaunch()
    try town.replica.become(machine)
    try town.waitForReadiness()
    try town.age(by: .seconds(7_200))
    for message in ["incident averted", "instance terminated"] {
        try town.expectLine(since: begin, from: Step.coordinator, message, within: .seconds(60))
    }
    try eventually("the end of its machine") { try town.sandbox.state(of: machine.id) == "terminated" }
    guard try town.incidents().map(\.state) == [.averted], try town.epoch() == epoch,
        try town.primary.box.process(of: "web") == process,
        try town.replica.state(of: "web") == "inactive", town.witness.sight.names == [town.primary.box.name],
        town.witness.sight.gap < .seconds(1), town.witness.sight.pairs == 0,
        try Marks.read(Marks.twice, in: town.folder) == []
    else { throw Broken("a recommendation that nothing followed moved something: \(town.witness.sight)") }
    try town.expectNothingLeft(on: [town.primary])
    say("measured: \(town.handOver), a rebalance recommendation that nothing followed: its replica was ended")
}

extension Town {
    /// Has the coordinator find its open incidents so much older: nobody can set its clock.
    fileprivate func age(by time: Duration) throws {
        let name = "coordinator.sqlite"
        let path = "/var/lib/spot-coordinator/\(name)"
        try hall.ask("systemctl stop spot-coordinator && cp -p \(path) /box/out/\(name)")
        let nanoseconds = Int64(time / .nanoseconds(1))
        let database = try Database(path: "\(folder)/\(name)", options: DatabaseOptions())
        try database.write { transaction in
            _ = try transaction.execute("UPDATE incident SET detected_at = detected_at - ?", nanoseconds)
            _ = try transaction.execute("UPDATE slot SET due_at = due_at - ?", nanoseconds)
        }
        _ = try database.checkpoint(.truncate)
        try hall.ask(
            "cat /box/out/\(name) >\(path) && rm -f \(path)-wal \(path)-shm && systemctl start spot-coordinator")
    }
}
