import PretendCloud
import Testing
import Wire

@testable import AgentCore

struct TerminateTests {
    static let target: InstanceID = "i-00000000000000001"

    func makeScene() -> ErrandScene {
        var scene = ErrandScene()
        scene.cloud.add(CloudInstance(id: Self.target, state: .running))
        return scene
    }

    @Test func `a machine is ended, and that is reported`() throws {
        var scene = makeScene()
        scene.deliver(
            scene.command(
                .terminateInstance(
                    Order.TerminateInstance(target: Self.target, reason: .replicaTerminated, replica: "r1"))))
        scene.pass(.seconds(10))
        #expect(scene.state(of: Self.target) != .running)
        #expect(scene.result?.facts == .terminated(Self.target))
        let report = try #require(scene.terminations.first)
        #expect(report.success)
        #expect(report.replica == "r1")
        #expect(report.command == "c1")
        #expect(report.terminatedAt != nil)
    }

    @Test func `a machine that is gone or unknown already is as good as ended`() {
        var scene = makeScene()
        scene.cloud.end(Self.target, because: "Server.SpotInstanceTermination", at: .zero)
        scene.deliver(
            scene.command(.terminate(Self.target)),
            scene.command(.terminate("i-00000000000000002"), id: "c2"))
        scene.pass(.seconds(10))
        #expect(scene.results.map(\.outcome) == [.done, .done])
        #expect(scene.changes == [])
    }

    @Test func `a machine that EC2 does not know for a moment only is ended all the same`() {
        var scene = makeScene()
        scene.cloud.fail(CloudFault(.notFound, "not yet")) { $0.isDescribe }
        scene.deliver(scene.command(.terminate(Self.target)))
        scene.pass(.seconds(10))
        #expect(scene.state(of: Self.target) != .running)
    }

    @Test(arguments: [
        (Role.primary, CommandResult.Outcome.refused), (.promoting, .refused), (.zombie, .done), (.replica, .done),
    ])
    func `this machine is not ended while it serves`(role: Role, outcome: CommandResult.Outcome) {
        var scene = makeScene()
        scene.standing.role = role
        scene.deliver(scene.command(.terminate(ErrandScene.own)))
        scene.pass(.seconds(10))
        #expect(scene.result?.outcome == outcome)
        #expect((scene.state(of: ErrandScene.own) == .running) == (outcome == .refused))
    }

    @Test func `a missing right is told with its remedy`() {
        var scene = makeScene()
        scene.cloud.fail(CloudFault(.notAllowed, "denied")) { $0.isTerminate }
        scene.deliver(scene.command(.terminate(Self.target)))
        scene.pass(.seconds(10))
        #expect(scene.result?.outcome == .failed)
        #expect(scene.result?.message.contains("ec2:TerminateInstances") == true)
        #expect(scene.result?.message.contains("ManagedBy=SpotOptimizer") == true)
        #expect(scene.terminations.map(\.success) == [false])
    }

    @Test(arguments: [true, false])
    func `an EC2 that does not answer is looked at again, then asked again`(isDone: Bool) {
        var scene = makeScene()
        scene.cloud.fail(CloudFault(.unreachable, "reset"), isDoneAllTheSame: isDone) { $0.isTerminate }
        scene.deliver(scene.command(.terminate(Self.target)))
        scene.pass(.seconds(20))
        #expect(scene.result?.outcome == .done)
        #expect(scene.cloud.requests.count(where: \.isTerminate) == (isDone ? 1 : 2))
    }

    @Test func `an EC2 that never answers ends the command after five minutes`() {
        var scene = makeScene()
        scene.cloud.fail(CloudFault(.unreachable, "away"), times: 10_000) { $0.isTerminate }
        scene.deliver(scene.command(.terminate(Self.target)))
        scene.pass(.seconds(310))
        #expect(scene.result?.outcome == .failed)
    }

    @Test func `an inspection tells what EC2 says`() {
        var scene = makeScene()
        scene.cloud.end(Self.target, because: "x", at: scene.now)
        scene.deliver(scene.command(.inspectInstance(Self.target)))
        scene.pass(.seconds(1))
        #expect(
            scene.result?.facts
                == .inspected([CommandResult.InspectedInstance(instance: Self.target, state: .shuttingDown)]))
    }

    @Test func `that EC2 does not know a machine counts when it says so twice`() {
        var scene = makeScene()
        scene.deliver(scene.command(.inspectInstance("i-00000000000000002")))
        scene.pass(.seconds(4))
        #expect(scene.result == nil)
        scene.pass(.seconds(2))
        #expect(
            scene.result?.facts
                == .inspected([CommandResult.InspectedInstance(instance: "i-00000000000000002", state: .notFound)]))
        #expect(scene.requestsBesideRights.count == 2)
    }
}
