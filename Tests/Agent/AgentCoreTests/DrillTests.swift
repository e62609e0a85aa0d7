import JSON
import Testing
import Wire

@testable import AgentCore

@Suite struct DrillTests {
    private func drilled(_ kind: Drill.Kind = .terminate, _ change: (inout Scene) -> Void = { _ in }) -> Scene {
        var scene = Scene.inContact()
        change(&scene)
        scene.feed(.drillWanted(Drill.Request(kind, name: "one")))
        return scene
    }

    private func refusals(_ scene: Scene) -> [String] {
        scene.told.compactMap { if case .drillRefused(let reason) = $0 { reason } else { nil } }
    }

    @Test func `a drill is told like a real notice, at once, and says that it is one`() throws {
        let scene = drilled()
        let notice = try #require(scene.notices().first)
        #expect(notice.drill && notice.epoch == 1)
        #expect(notice.signal == .interruption(.terminate, at: scene.wall + .seconds(120)))
        #expect(scene.open(.notice).first?.deadline == .seconds(1))
        #expect(scene.times { $0 == .drillBegun(.terminate) } == 1)
        #expect(scene.times { if case .noticed = $0 { true } else { false } } == 0)
        let recommendation = try #require(drilled(.rebalance).notices().first)
        #expect(recommendation.drill && recommendation.signal == .rebalance)
    }

    @Test func `a real notice is no drill`() throws {
        var scene = Scene.inContact()
        scene.metadata[.instanceAction] = .value(#"{"action":"terminate","time":"2026-11-20T12:02:00Z"}"#)
        scene.pass(.milliseconds(1_100))
        #expect(try #require(scene.notices().first).drill == false)
    }

    @Test func `what its answer orders is done as in earnest, and its incident shows`() throws {
        var scene = drilled()
        scene.pass(.milliseconds(20))
        scene.answer(.notice, scene.stored())
        let drill = try #require(scene.machine.status(now: scene.now, wall: scene.wall).drills.first)
        #expect(drill.name == "one" && drill.incident == "incident-1" && drill.storedAfterMilliseconds == 20)
        let shown = scene.machine.status(now: scene.now, wall: scene.wall).notices
        #expect(shown.count == 1 && shown[0].what.hasPrefix("a drill: ") && shown[0].incident == "incident-1")
    }

    @Test func `nobody stops the workload for it of its own accord, however long nobody takes over`() {
        var scene = drilled()
        scene.answer(.notice, scene.stored())
        #expect(scene.machine.position.endsAt == nil && scene.machine.position.lastMoment == nil)
        scene.pass(.seconds(200)) { if !$0.open(.heartbeat).isEmpty { $0.answer(.heartbeat, $0.heard()) } }
        #expect(scene.times { if case .halting = $0 { true } else { false } } == 0)
    }

    @Test(arguments: [refused(409, .conflict), refused(400), refused(404, .notFound)])
    func `a refusal ends it at once, with the coordinator's sentence`(_ failure: AskFailure) throws {
        var scene = drilled()
        scene.fail(.notice, failure)
        #expect(refusals(scene) == [failure.sentence])
        #expect(scene.machine.notices.visible.isEmpty)
        scene.pass(.seconds(10))
        #expect(scene.count(.notice) == 1)
        #expect(scene.machine.status(now: scene.now, wall: scene.wall).drills.first?.refusal == failure.sentence)
    }

    @Test func `one that the coordinator does not take is given up`() {
        var scene = drilled()
        scene.pass(.seconds(29)) { if !$0.open(.notice).isEmpty { $0.fail(.notice, .unreachable("gone")) } }
        #expect(scene.count(.notice) > 10 && refusals(scene).isEmpty)
        scene.pass(.seconds(2)) { if !$0.open(.notice).isEmpty { $0.fail(.notice, .unreachable("gone")) } }
        #expect(refusals(scene).count == 1 && scene.machine.notices.visible.isEmpty)
    }

    @Test func `one follows another after a minute, and is the one that is under way then`() throws {
        var scene = drilled()
        scene.answer(.notice, scene.stored())
        scene.feed(.drillWanted(Drill.Request(.terminate, name: "two")))
        #expect(scene.count(.notice) == 1)
        #expect(
            try #require(refusals(scene).first).contains(
                "a drill has just begun (incident incident-1): the next one can in 60 s"))
        let drills = scene.machine.status(now: scene.now, wall: scene.wall).drills
        #expect(drills.map(\.name) == ["one", "two"] && drills[0].refusal == nil && drills[1].refusal != nil)
        scene.pass(.seconds(61)) { if !$0.open(.heartbeat).isEmpty { $0.answer(.heartbeat, $0.heard()) } }
        scene.feed(.drillWanted(Drill.Request(.terminate, name: "three")))
        #expect(scene.count(.notice) == 2)
        #expect(scene.machine.notices.visible.count == 1)
        #expect(scene.machine.status(now: scene.now, wall: scene.wall).drills.map(\.name) == ["three"])
    }

    @Test func `it is over when another host is the primary`() {
        var scene = drilled()
        scene.answer(.notice, scene.stored())
        #expect(!scene.machine.notices.visible.isEmpty)
        scene.pass(.seconds(1))
        scene.answer(.heartbeat, scene.heard(.zombie, 2))
        #expect(scene.machine.notices.visible.isEmpty && refusals(scene).isEmpty)
    }

    @Test func `one that was stored is never told again: it might become another`() {
        var scene = drilled()
        scene.answer(.notice, scene.stored())
        scene.fail(.heartbeat, .unreachable("gone"))
        scene.pass(.seconds(1))
        scene.answer(.heartbeat, scene.heard())
        scene.feed(.networkChanged)
        scene.pass(.seconds(2))
        #expect(scene.count(.notice) == 1)
    }

    @Test func `it neither takes the place of a real notice nor goes with it`() throws {
        var scene = drilled()
        scene.answer(.notice, scene.stored())
        scene.metadata[.instanceAction] = .value(#"{"action":"terminate","time":"2026-11-20T12:02:00Z"}"#)
        scene.pass(.milliseconds(1_100))
        #expect(scene.machine.notices.visible.map(\.isDrill) == [true, false])
        #expect(try #require(scene.notices().first).drill == false)
        #expect(scene.machine.position.endsAt != nil)
        scene.metadata[.instanceAction] = .absent
        scene.pass(.seconds(6)) { if !$0.notices().isEmpty { $0.answer(.notice, $0.stored()) } }
        #expect(scene.machine.notices.visible.map(\.isDrill) == [true])
    }

    @Test func `nothing is rehearsed while EC2 takes the machine, or without the coordinator`() throws {
        let real = drilled {
            $0.metadata[.instanceAction] = .value(#"{"action":"terminate","time":"2026-11-20T12:02:00Z"}"#)
            $0.pass(.milliseconds(1_100))
        }
        #expect(try #require(refusals(real).first).contains("this is no time for it"))
        #expect(real.notices().allSatisfy { !$0.drill })
        let alone = drilled { $0.fail(.heartbeat, .unreachable("gone")) }
        #expect(try #require(refusals(alone).first).contains("no contact"))
        #expect(alone.count(.notice) == 0)
    }

    @Test func `drills and requests survive being written and read`() throws {
        var drill = Drill(.rebalance, name: "ab12", beganAt: Samples.time)
        drill.incident = "incident-1"
        drill.storedAfterMilliseconds = 12
        #expect(try decodeJSON(Drill.self, from: encodeJSON(drill)) == drill)
        let request = Drill.Request(.terminate, name: "ab12")
        #expect(try decodeJSON(Drill.Request.self, from: encodeJSON(request)) == request)
        #expect(throws: JSONError.self) {
            try decodeJSON(Drill.Request.self, from: Array(#"{"kind":"stop","request":"1"}"#.utf8))
        }
    }
}

@Suite struct ScorecardTests {
    private func incident(_ state: Incident.State, provenAfter: Duration?, kind: Incident.Kind = .interruption)
        -> Incident
    {
        var incident = Incident(
            id: "incident-1", slot: "slot-1", instance: Scene.instance, kind: kind, state: state,
            detectedAt: Samples.time, epoch: 2)
        incident.drill = true
        if kind == .interruption { incident.deadline = Samples.time + .seconds(15) }
        incident.verifiedAt = provenAfter.map { Samples.time + $0 }
        return incident
    }

    private func text(_ card: Scorecard) -> String { card.text { $0 } }

    @Test func `one that was met says by how much, counted from the notice`() {
        let card = Scorecard(incident(.met, provenAfter: .milliseconds(1_250)), storedAfterMilliseconds: 40)
        #expect(card.isMet && card.provenAfterMilliseconds == 1_250 && card.spareMilliseconds == 13_750)
        for word in ["noticed to stored  40 ms", "1250 ms", "met, with 13750 ms to spare", "none"] {
            #expect(text(card).contains(word), "\(text(card))")
        }
    }

    @Test func `one that came too late, or never, is missed and says so`() {
        let late = Scorecard(incident(.missed, provenAfter: .seconds(17)), storedAfterMilliseconds: 40)
        #expect(!late.isMet && text(late).contains("missed by 2000 ms"))
        let never = Scorecard(incident(.missed, provenAfter: nil), storedAfterMilliseconds: 40)
        #expect(!never.isMet && text(never).contains("never") && text(never).contains("no successor was proven"))
        #expect(!Scorecard(incident(.open, provenAfter: nil), storedAfterMilliseconds: nil).isMet)
    }

    @Test func `steps that failed or overran are named with their host, others are not`() {
        var one = incident(.met, provenAfter: .seconds(1))
        one.ledger = [LedgerStep.Outcome.done, .failed, .overran, .dropped].map { outcome in
            var step = LedgerStep(
                name: "step \(outcome.rawValue)", budgetMilliseconds: 100, tookMilliseconds: 100, outcome: outcome)
            step.instance = Scene.instance
            return step
        }
        let card = Scorecard(one, storedAfterMilliseconds: 1)
        #expect(card.troubles.map(\.outcome) == [.failed, .overran])
        #expect(
            text(card).contains("step failed on \(Scene.instance): failed; step overran on \(Scene.instance): overran"))
    }

    @Test func `a recommendation asks for a replica, not for a move`() {
        let ready = Scorecard(incident(.averted, provenAfter: nil, kind: .rebalance), storedAfterMilliseconds: 5)
        #expect(ready.isMet && text(ready).contains("a replica is ready"))
        #expect(!Scorecard(incident(.averted, provenAfter: nil), storedAfterMilliseconds: 5).isMet)
        #expect(!Scorecard(incident(.missed, provenAfter: nil, kind: .rebalance), storedAfterMilliseconds: 5).isMet)
    }
}
