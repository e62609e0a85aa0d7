import JSON
import PretendCloud
import Testing
import Wire

@testable import AgentCore

/// Which commands are taken, in which order, and how they are answered.
struct ErrandsTests {
    @Test func `a command for another host is nobody's here`() {
        var scene = ErrandScene()
        var command = scene.command(.inspectInstance("i-00000000000000001"))
        command.instance = "i-00000000000000002"
        scene.deliver(command)
        #expect(scene.errands.running == [])
        #expect(scene.reports == [])
    }

    @Test(arguments: [
        (Order.unknown("dance"), "does not know the command dance"),
        (.malformed("switch", why: "target_mode: missing"), "target_mode: missing"),
    ])
    func `what cannot be obeyed is refused with the reason, and nothing is called`(order: Order, reason: String) {
        var scene = ErrandScene()
        scene.deliver(scene.command(order))
        #expect(scene.result?.outcome == .refused)
        #expect(scene.result?.message.contains(reason) == true)
        #expect(scene.result?.success == false)
        #expect(scene.cloud.requests == [])
    }

    @Test func `a command of an older epoch is refused`() {
        var scene = ErrandScene()
        scene.standing.epoch = 4
        scene.deliver(scene.command(.inspectInstance("i-00000000000000001")))
        #expect(scene.result?.outcome == .refused)
        #expect(scene.result?.epoch == 4)
    }

    @Test(arguments: [(Duration.seconds(3601), nil), (.seconds(1), Duration.seconds(3600))] as [(Duration, Duration?)])
    func `a command that comes too late by the coordinator's clock has expired`(late: Duration, offset: Duration?) {
        var scene = ErrandScene()
        let command = scene.command(.inspectInstance("i-00000000000000001"))
        scene.pass(late)
        scene.standing.clockOffset = offset
        scene.deliver(command)
        #expect(scene.result?.outcome == .expired)
    }

    @Test func `a command waits for its time, and is named while it does`() {
        var scene = ErrandScene()
        var command = scene.command(.inspectInstance(ErrandScene.own))
        command.notBefore = scene.wall + .seconds(30)
        scene.deliver(command)
        scene.pass(.seconds(29))
        #expect(scene.requestsBesideRights == [])
        #expect(scene.errands.running == ["c1"])
        scene.pass(.seconds(2))
        #expect(scene.result?.outcome == .done)
        #expect(scene.errands.running == [])
    }

    @Test func `a command that waits for room until it is too late has expired`() {
        var scene = ErrandScene()
        scene.cloud.runsAfter = .seconds(250)
        let first = scene.command(.createReplica(Order.CreateReplica(replica: "r1", mode: .spot)))
        var second = scene.command(.createReplica(Order.CreateReplica(replica: "r2", mode: .spot)), id: "c2")
        second.expiresAt = scene.wall + .seconds(100)
        scene.deliver(first, second)
        scene.pass(.seconds(110))
        #expect(scene.results.map(\.outcome) == [.expired])
        #expect(scene.launches.count == 1)
    }

    @Test func `four commands run at once, the more urgent first, and an emergency beside them`() {
        var scene = ErrandScene()
        scene.cloud.fail(CloudFault(.busy, "slow"), times: 1000) { _ in true }
        for number in 1...6 {
            let priority = number == 6 ? 50 : 10
            scene.deliver(
                scene.command(
                    .inspectInstance("i-00000000000000001"), id: CommandID(text: "c\(number)"), priority: priority))
        }
        func taken() -> [CommandID] {
            scene.told.compactMap { if case .commandTaken(let id, _, _, _) = $0 { id } else { nil } }
        }
        #expect(taken() == ["c1", "c2", "c3", "c4"])
        scene.deliver(scene.command(.inspectInstance("i-00000000000000001"), id: "c7", priority: 100))
        #expect(taken().last == "c7")
        scene.pass(.seconds(40))
        #expect(Array(taken().dropFirst(5)) == ["c6", "c5"])
        #expect(scene.errands.running.sorted() == ["c5", "c6"])
    }

    @Test func `no more commands are taken than a heartbeat can name`() {
        var scene = ErrandScene()
        for number in 1...40 {
            scene.deliver(scene.command(.inspectInstance("i-00000000000000001"), id: CommandID(text: "c\(number)")))
        }
        #expect(scene.errands.running.count == Limits.commandsRunningMax)
        scene.deliver(scene.command(.inspectInstance("i-00000000000000001"), id: "urgent", priority: 100))
        #expect(scene.errands.running.count == Limits.commandsRunningMax)
        #expect(scene.errands.running.contains("urgent"))
    }

    @Test func `a command that is delivered again while it runs is not begun again`() {
        var scene = ErrandScene()
        scene.deliver(scene.command(.inspectInstance(ErrandScene.own)))
        scene.deliver(scene.command(.inspectInstance(ErrandScene.own), attempt: 2))
        scene.pass(.seconds(10))
        #expect(scene.requestsBesideRights.count == 1)
        #expect(scene.results.map(\.attempt) == [2])
    }

    @Test func `a command that ended is answered again, also after a restart, but not all the time`() {
        var scene = ErrandScene()
        scene.deliver(scene.command(.inspectInstance(ErrandScene.own)))
        scene.pass(.seconds(10))
        scene.deliver(scene.command(.inspectInstance(ErrandScene.own), attempt: 2))
        #expect(scene.results.count == 1)
        scene.pass(.seconds(30))
        scene.deliver(scene.command(.inspectInstance(ErrandScene.own), attempt: 3))
        scene.pass(.seconds(1))
        scene.crash()
        scene.deliver(scene.command(.inspectInstance(ErrandScene.own), attempt: 4))
        #expect(scene.results.map(\.attempt) == [1, 3, 4])
        #expect(Set(scene.results.map(\.facts?.isInspection)) == [true])
        #expect(scene.requestsBesideRights.count == 1)
    }

    @Test func `nothing is changed before the disk knows of it`() {
        var scene = ErrandScene()
        scene.diskWorks = false
        scene.cloud.add(CloudInstance(id: "i-00000000000000001", state: .running))
        scene.deliver(scene.command(.terminate("i-00000000000000001")))
        scene.pass(.milliseconds(4900))
        #expect(scene.changes == [])
        scene.diskWorks = true
        scene.pass(.milliseconds(200))
        #expect(scene.changes == [.terminate("i-00000000000000001")])
        #expect(scene.result?.message.contains("disk") == false)
    }

    @Test func `the look before a launch is not from before the wait for the disk`() throws {
        var scene = ErrandScene()
        scene.diskWorks = false
        scene.deliver(scene.command(LaunchTests.replica()))
        scene.pass(.milliseconds(4900))
        #expect(!scene.cloud.requests.contains { if case .findInstances = $0 { true } else { false } })
        scene.pass(.seconds(10))
        #expect(scene.cloud.machines.count { $0.launch != nil } == 1)
    }

    @Test func `a disk that takes nothing stops nothing, and the result says so`() {
        var scene = ErrandScene()
        scene.diskWorks = false
        scene.cloud.add(CloudInstance(id: "i-00000000000000001", state: .running))
        scene.deliver(scene.command(.terminate("i-00000000000000001")))
        scene.pass(.seconds(6))
        #expect(scene.changes == [.terminate("i-00000000000000001")])
        #expect(scene.result?.outcome == .done)
        #expect(scene.result?.message.contains("disk") == true)
    }

    @Test(arguments: [CloudFault.Kind.busy, .unreachable])
    func `what only reads is asked again until its time is over`(kind: CloudFault.Kind) {
        var scene = ErrandScene()
        scene.cloud.fail(CloudFault(kind, "away"), times: 5) { _ in true }
        scene.deliver(scene.command(.inspectInstance(ErrandScene.own)))
        scene.pass(.seconds(20))
        #expect(scene.result?.outcome == .done)
        scene.cloud.fail(CloudFault(kind, "away"), times: 1000) { _ in true }
        scene.deliver(scene.command(.inspectInstance(ErrandScene.own), id: "c2"))
        scene.pass(.seconds(31))
        #expect(scene.result?.outcome == .failed)
        #expect(scene.result?.message.contains("away") == true)
    }

    @Test func `an errand does not wait for ever for an answer that does not come`() {
        var scene = ErrandScene()
        scene.losesAnswers = true
        scene.deliver(scene.command(.inspectInstance(ErrandScene.own)))
        scene.pass(.seconds(40))
        #expect(scene.result?.outcome == .failed)
    }

    @Test func `a configuration is asked for, and the command is done when it is in force`() {
        var scene = ErrandScene()
        scene.deliver(scene.command(.applyConfig(9)))
        scene.pass(.seconds(5))
        #expect(scene.wantsConfiguration)
        scene.standing.configuration = Configuration(version: 10)
        scene.pass(.seconds(1))
        #expect(scene.result?.facts == .configured(10))
        #expect(!scene.wantsConfiguration)
    }

    @Test func `a configuration that does not come fails its command after a minute`() {
        var scene = ErrandScene()
        scene.deliver(scene.command(.applyConfig(9)))
        scene.pass(.seconds(59))
        #expect(scene.result == nil)
        scene.pass(.seconds(2))
        #expect(scene.result?.outcome == .failed)
    }
}

extension Order {
    static func terminate(_ target: InstanceID) -> Order {
        .terminateInstance(TerminateInstance(target: target, reason: .manual))
    }
}

extension CommandID {
    init(text: String) { do { try self.init(text) } catch { preconditionFailure("\(error)") } }
}

extension CommandResult.Facts {
    var isInspection: Bool { if case .inspected = self { true } else { false } }
}
