import Platform
import TestSupport

/// A client that knows only the balancer's address: one request after the other, and each is to be answered.
final class Customer: Sendable {
    struct Tally: Sendable {
        var asked = 0
        var lost: [String] = []
        /// Who answered last.
        var name = ""
    }

    private struct State {
        var tally = Tally()
        var isOver = false
    }

    private let state = Monitor(State())

    init(_ host: String, port: UInt16) throws {
        _ = try DedicatedThread(name: "customer") { [state] in
            while !state.change({ $0.isOver }) {
                let answer = Result { try PlainClient(port: port, host: host).ask("GET", "/", within: .seconds(5)) }
                state.change { state in
                    state.tally.asked += 1
                    switch answer {
                    case .success(let reply) where reply.status == 200: state.tally.name = reply.text
                    case .success(let reply): state.tally.lost.append("\(reply.status)")
                    case .failure(let error): state.tally.lost.append("\(error)")
                    }
                }
            }
        }
    }

    var tally: Tally { state.change { $0.tally } }
    func stop() { state.change { $0.isOver = true } }
}

/// A drill behind a balancer, in which whoever goes through it loses nothing.
func balance(_ town: Town) throws {
    try town.settle(["TARGET_GROUP_ARNS=\(try town.sandbox.targetGroup())", "DRAIN_BUDGET_SECONDS=10"])
    let (old, new, begin) = (town.primary, town.replica, town.journal.count)
    let customer = try Customer(Network.own, port: Sandbox.balancerPort)
    defer { customer.stop() }
    try eventually("answers through the balancer") { customer.tally.name == old.box.name }
    let before = customer.tally
    let said = try old.box.ask("spot-agent drill", within: .seconds(60))
    try eventually("answers of the new primary", within: .seconds(30)) { customer.tally.name == new.box.name }
    try town.expectLine(since: begin, from: old.box.name, "command ended: demote", within: .seconds(30))
    try eventually("the end of the workload on \(old.box.name)") { try old.state(of: "web") == "inactive" }
    // What the old one still had to answer.
    let asked = customer.tally.asked
    try eventually("more answers") { customer.tally.asked > asked + 100 }
    let after = customer.tally
    let lost = after.lost.dropFirst(before.lost.count)
    guard lost.isEmpty else { throw Broken("the client lost \(lost.count) requests: \(Set(lost)); \(said)") }
    say("measured: \(town.handOver), a drill behind a balancer: \(after.asked - before.asked) requests, none lost")
}
