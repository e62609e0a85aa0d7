import JSON
import Testing
import Wire

@testable import AgentCore

/// A command's way through the whole machine.
@Suite struct CommandTests {
    private func command(_ order: Order, epoch: Epoch = 1) -> Command {
        Command(
            id: "command-1", instance: Scene.instance, order: order, priority: 75, createdAt: Samples.time,
            expiresAt: Samples.time + .seconds(100_000), leaseSeconds: 10, attempt: 1, epoch: epoch)
    }

    private func results(_ scene: Scene) -> [CommandResult.Outcome] {
        scene.asked.compactMap { one in
            if case .report(let report, _, _) = one.question, case .result(let result, _) = report.content {
                result.outcome
            } else {
                nil
            }
        }
    }

    @Test func `a command of an unknown type is refused with a result`() {
        var scene = Scene.inContact()
        scene.answer(.heartbeat, scene.heard { $0.commands = [self.command(.unknown("dance"))] })
        scene.pass(.seconds(1))
        #expect(results(scene) == [.refused])
        #expect(scene.machine.memory.ended.map(\.command) == ["command-1"])
    }

    @Test func `a command that is being worked on is named at once`() throws {
        var scene = Scene.inContact()
        scene.answer(.heartbeat, scene.heard { $0.commands = [self.command(.inspectInstance("i-0000000000000000c"))] })
        scene.pass(.milliseconds(250))
        #expect(try scene.heartbeat().heartbeat.running == ["command-1"])
    }

    @Test func `a command that is done at once is named until its result has arrived, or it would be delivered again`()
        throws
    {
        var scene = Scene.inContact()
        scene.answer(.heartbeat, scene.heard { $0.commands = [self.command(.unknown("dance"))] })
        scene.pass(.milliseconds(250))
        #expect(try scene.heartbeat().heartbeat.running == ["command-1"])
        #expect(results(scene) == [.refused])
        scene.answer(.report, .reported)
        scene.pass(.milliseconds(250))
        #expect(try scene.heartbeat().heartbeat.running.isEmpty)
    }

    @Test func `a command in the answer to a notice is obeyed`() {
        var scene = Scene.inContact()
        scene.metadata[.instanceAction] = .value(#"{"action":"terminate","time":"2026-11-20T12:02:00Z"}"#)
        scene.pass(.milliseconds(1_100))
        var reply = NoticeReply(incident: "incident-1", action: .monitor, role: .primary, epoch: 1)
        reply.commands = [command(.unknown("dance"))]
        scene.answer(.notice, .noticed(reply))
        scene.pass(.seconds(1))
        #expect(results(scene) == [.refused])
    }

    @Test func `after a crash behind any batch the result arrives, and the command is done once`() {
        var first = Scene.inContact(remembering: Scene.enrolled)
        first.answer(.heartbeat, first.heard { $0.commands = [self.command(.unknown("dance"))] })
        first.pass(.seconds(1))
        first.answer(.report, .reported)
        #expect(first.batches.count >= 2)
        for count in 0...first.batches.count {
            var scene = Scene.inContact(remembering: Scene.enrolled + first.batches.prefix(count).joined())
            // Nobody knows a result that did not arrive, so it is delivered again.
            if count < first.batches.count {
                scene.answer(.heartbeat, scene.heard { $0.commands = [self.command(.unknown("dance"))] })
            }
            scene.pass(.seconds(3)) { if !$0.open(.report).isEmpty { $0.answer(.report, .reported) } }
            #expect(scene.machine.memory.ended.map(\.command) == ["command-1"], "\(count) batches")
            #expect(scene.machine.memory.open.isEmpty && scene.machine.memory.reports.isEmpty)
            #expect(Set(results(scene)).isSubset(of: [.refused]))
            if count < first.batches.count { #expect(!results(scene).isEmpty, "\(count) batches") }
        }
    }
}
