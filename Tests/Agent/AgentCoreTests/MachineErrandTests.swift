import JSON
import Testing
import Wire

@testable import AgentCore

/// Commands through the whole machine, from the heartbeat's answer to the report.
struct MachineErrandTests {
    static let target: InstanceID = "i-00000000000000001"

    func makeScene() -> Scene {
        var scene = Scene.inContact()
        let command = Command(
            id: "c1", instance: Scene.instance, order: .inspectInstance(Self.target), priority: 75,
            createdAt: scene.wall, expiresAt: scene.wall + .seconds(600), leaseSeconds: 10, attempt: 1, epoch: 1)
        scene.answer(.heartbeat, scene.heard { $0.commands = [command] })
        return scene
    }

    func look(of scene: Scene) -> CallID? {
        scene.last.compactMap { effect in
            if case .call(let id, .describeInstances([Self.target]), _) = effect { id } else { nil }
        }.first
    }

    @Test func `a command is taken, remembered, named, carried out and reported`() throws {
        var scene = makeScene()
        let call = try #require(look(of: scene))
        #expect(scene.batches.last?.contains { if case .commandTaken = $0 { true } else { false } } == true)
        scene.pass(.milliseconds(500))
        #expect(try scene.heartbeat().heartbeat.running == ["c1"])
        scene.feed(.cloud(call, .success(.instances([CloudInstance(id: Self.target, state: .stopped)]))))
        guard case .report(let report, _, _)? = scene.open(.report).first?.question,
            case .result(let result, of: "c1") = report.content
        else {
            Issue.record("the result is not reported")
            return
        }
        #expect(
            result.facts == .inspected([CommandResult.InspectedInstance(instance: Self.target, state: .stopped)]))
        scene.pass(.milliseconds(500))
        #expect(try scene.heartbeat().heartbeat.running == ["c1"])
        scene.answer(.report, .reported)
        scene.pass(.milliseconds(500))
        #expect(try scene.heartbeat().heartbeat.running == [])
    }

    @Test func `a command that a crash interrupted is gone on with, and named again`() throws {
        let before = makeScene()
        var scene = Scene(remembering: before.batches.flatMap(\.self))
        scene.feed(.started)
        let call = try #require(look(of: scene))
        #expect(try scene.heartbeat().heartbeat.running == ["c1"])
        scene.feed(.cloud(call, .failure(CloudFault(.notAllowed, "denied"))))
        scene.answer(.heartbeat, scene.heard())
        #expect(scene.open(.report).count == 1)
    }
}
