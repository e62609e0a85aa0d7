import JSON
import Testing
import Wire

@testable import AgentCore

@Suite struct NoticeTests {
    private static let interruption = #"{"action":"terminate","time":"2026-11-20T12:02:00Z"}"#
    private static func isInterruption(_ notice: Notice) -> Bool {
        if case .interruption = notice.signal { true } else { false }
    }

    private func interrupted(_ change: (inout Scene) -> Void = { _ in }) -> Scene {
        var scene = Scene.inContact()
        change(&scene)
        scene.metadata[.instanceAction] = .value(Self.interruption)
        scene.pass(.milliseconds(1_100))
        return scene
    }

    @Test func `it is told at once, on an exchange of its own, within a second`() throws {
        let scene = interrupted()
        #expect(scene.notices().count == 1)
        #expect(scene.open(.heartbeat).count == 1)
        #expect(scene.open(.notice).first?.deadline == .seconds(1))
        #expect(scene.notices().first?.epoch == 1)
        #expect(scene.times { if case .noticed = $0 { true } else { false } } == 1)
    }

    @Test func `nothing is written before it is told`() {
        var scene = interrupted()
        scene.answer(.notice, scene.stored(.zombie, 2))
        let record = scene.last.firstIndex { if case .record = $0 { true } else { false } }
        let ask = scene.last.lastIndex { if case .ask = $0 { true } else { false } }
        #expect(record != nil && ask != nil && ask! < record!)
    }

    @Test(arguments: OutageTests.passing + [refused(400), refused(403, .forbidden), refused(404), refused(409)])
    func `it is told until it is stored, and then no more`(_ failure: AskFailure) {
        var scene = interrupted()
        var tries: [Duration] = []
        scene.pass(.seconds(60)) {
            guard !$0.open(.notice).isEmpty else { return }
            tries.append($0.now)
            $0.fail(.notice, failure)
        }
        #expect(tries.count >= 55)
        #expect(zip(tries, tries.dropFirst()).allSatisfy { $1 - $0 <= .milliseconds(1_050) })
        scene.pass(.milliseconds(1_050))
        scene.answer(.notice, scene.stored())
        let count = scene.count(.notice)
        scene.pass(.seconds(30))
        #expect(scene.count(.notice) == count)
        #expect(scene.times { if case .noticeStored("incident-1", .monitor, _) = $0 { true } else { false } } == 1)
    }

    @Test func `a coordinator that does not answer at all is asked a dozen times in the first half minute`() {
        var scene = interrupted()
        scene.pass(.seconds(30))
        #expect((8...30).contains(scene.count(.notice)))
        #expect(scene.asked.allSatisfy { $0.question.kind != .notice || $0.deadline <= .seconds(4) })
    }

    @Test func `one that says something else is told again`() {
        var scene = interrupted()
        scene.answer(.notice, scene.stored())
        scene.metadata[.instanceAction] = .value(#"{"action":"stop","time":"2026-11-20T12:02:00Z"}"#)
        scene.pass(.milliseconds(1_100))
        guard case .interruption(.stop, _) = scene.notices().first?.signal else {
            Issue.record("a stop is told")
            return
        }
        #expect(scene.machine.notices.visible.count == 1)
    }

    @Test func `one that was seen before the machine was enrolled is told as soon as it is`() {
        var scene = Scene()
        scene.metadata[.instanceAction] = .value(Self.interruption)
        scene.feed(.started)
        scene.pass(.seconds(2))
        #expect(scene.count(.notice) == 0)
        scene.answer(.register, scene.registered())
        #expect(scene.notices().count == 1)
    }

    @Test func `an interruption that is gone is not told any more`() {
        var scene = interrupted()
        scene.metadata[.instanceAction] = .absent
        scene.pass(.seconds(6))
        let count = scene.count(.notice)
        #expect(scene.times { if case .noticeGone = $0 { true } else { false } } == 1)
        scene.pass(.seconds(10))
        #expect(scene.count(.notice) == count)
        #expect(scene.notices().isEmpty)
    }

    @Test func `a maintenance that is called off is told as such, until it is stored`() throws {
        var scene = Scene.inContact()
        scene.metadata[.maintenance] = .value(
            """
            [{"Code":"system-reboot","EventId":"event-1","State":"active","NotBefore":"21 Jan 2027 09:00:43 GMT",
              "NotAfter":"21 Jan 2027 09:17:23 GMT","Description":"scheduled reboot"}]
            """)
        scene.pass(.seconds(70)) { if !$0.notices().isEmpty { $0.answer(.notice, $0.stored()) } }
        #expect(scene.count(.notice) == 1)
        scene.metadata[.maintenance] = .value("[]")
        var told: [Notice] = []
        scene.pass(.seconds(400)) {
            guard let notice = $0.notices().first else { return }
            told.append(notice)
            told.count < 3 ? $0.fail(.notice, refused(500)) : $0.answer(.notice, $0.stored())
        }
        let calledOff = told.map { if case .maintenance(let one) = $0.signal { one.cancelled } else { false } }
        #expect(calledOff == [true, true, true])
        #expect(scene.machine.notices.visible.isEmpty)
    }

    @Test func `after an outage what is still to be seen is told again`() {
        var scene = interrupted()
        scene.answer(.notice, scene.stored())
        scene.fail(.heartbeat, .unreachable("gone"))
        scene.pass(.seconds(1))
        let count = scene.count(.notice)
        scene.answer(.heartbeat, scene.heard())
        #expect(scene.count(.notice) == count + 1)
    }

    @Test func `a refused token is replaced at once and the notice told with the new one`() throws {
        var scene = interrupted()
        scene.fail(.notice, refused(401, .invalidToken))
        scene.answer(.register, scene.registered(token: "second"))
        guard case .notice(_, _, let token) = try #require(scene.open(.notice).first).question else { return }
        #expect(token == Samples.token("second"))
    }

    @Test func `a notice that is under way with the old token is asked anew with the new one`() throws {
        var scene = interrupted()
        scene.fail(.heartbeat, refused(401, .invalidToken))
        scene.answer(.register, scene.registered(token: "second"))
        #expect(scene.open(.notice).count == 1)
        guard case .notice(_, _, let token) = try #require(scene.open(.notice).first).question else { return }
        #expect(token == Samples.token("second"))
    }

    @Test func `what the answer says of this machine counts`() {
        var scene = interrupted()
        scene.answer(.notice, scene.stored(.zombie, 2))
        #expect(scene.machine.memory.role == .zombie)
        #expect(scene.machine.memory.epoch == 2)
    }

    @Test func `many maintenances do not push out an interruption`() {
        var scene = interrupted()
        let events = (0..<40).map {
            """
            {"Code":"system-reboot","EventId":"event-\($0)","State":"active","NotBefore":"21 Jan 2027 09:00:43 GMT",
             "NotAfter":"21 Jan 2027 09:17:23 GMT","Description":"scheduled reboot"}
            """
        }
        scene.metadata[.maintenance] = .value("[\(events.joined(separator: ","))]")
        scene.pass(.seconds(70))
        #expect(scene.machine.notices.visible.count == Notices.visibleMax)
        #expect(scene.open(.notice).count <= Notices.visibleMax)
        #expect(scene.machine.notices.visible.contains { if case .interruption = $0.signal { true } else { false } })
    }
}

@Suite struct StoppingTests {
    @Test func `a restart says farewell and stops`() throws {
        var scene = Scene.inContact()
        scene.feed(.stopping(hostGoesDown: false))
        let (heartbeat, wait, _, deadline) = try scene.heartbeat()
        #expect(heartbeat.status == .offline)
        #expect(wait == 0)
        #expect(deadline == .seconds(2))
        #expect(!scene.hasStopped)
        scene.answer(.heartbeat, scene.heard { $0.commands = [Samples.command("c")] })
        #expect(scene.hasStopped)
        #expect(scene.last.last == .stop)
        #expect(scene.count(.notice) == 0)
    }

    @Test func `a coordinator that does not answer holds nobody up for more than two seconds`() {
        var scene = Scene.inContact()
        scene.feed(.stopping(hostGoesDown: false))
        scene.pass(.seconds(2))
        #expect(scene.hasStopped)
    }

    @Test func `one that was never enrolled, or was deleted, stops at once`() {
        var stranger = Scene()
        stranger.feed(.started)
        stranger.feed(.stopping(hostGoesDown: false))
        #expect(stranger.hasStopped)
        var deleted = Scene.inContact()
        deleted.fail(.heartbeat, refused(404, .notFound))
        deleted.feed(.stopping(hostGoesDown: true))
        #expect(deleted.hasStopped)
    }

    @Test func `a host that goes down is an interruption, told until it is stored`() throws {
        var scene = Scene.inContact()
        scene.feed(.stopping(hostGoesDown: true))
        #expect(scene.notices().map(\.signal) == [.shutdown])
        scene.fail(.notice, .unreachable("reset"))
        #expect(!scene.hasStopped)
        scene.pass(.milliseconds(300))
        scene.answer(.notice, scene.stored())
        #expect(scene.hasStopped)
        #expect(
            !scene.asked.contains {
                if case .heartbeat(let one, _, _, _) = $0.question { one.status == .offline } else { false }
            })
    }

    @Test func `a host that goes down has time to replace a refused token`() throws {
        var scene = Scene.inContact()
        scene.feed(.stopping(hostGoesDown: true))
        scene.fail(.notice, refused(401, .invalidToken))
        #expect(!scene.hasStopped)
        scene.answer(.register, scene.registered(token: "second"))
        scene.answer(.notice, scene.stored())
        #expect(scene.hasStopped)
    }

    @Test func `a host that goes down is not held up for more than five seconds`() {
        var scene = Scene.inContact()
        scene.feed(.stopping(hostGoesDown: true))
        scene.pass(.milliseconds(4_900))
        #expect(!scene.hasStopped)
        scene.pass(.milliseconds(100))
        #expect(scene.hasStopped)
    }

    @Test func `after the stop nothing happens any more`() {
        var scene = Scene()
        scene.feed(.started)
        scene.feed(.stopping(hostGoesDown: false))
        for input in [Input.wokeUp, .networkChanged, .started, .stopping(hostGoesDown: true)] {
            scene.feed(input)
            #expect(scene.last.isEmpty)
        }
    }
}
