import CoordinatorCore
import JSON
import Testing
import Wire

@Suite struct NoticeTests {
    private func lone() throws -> Scene {
        var scene = Scene()
        try scene.register(alpha)
        return scene
    }

    private func maintenance(at time: Timestamp, cancelled: Bool = false, _ name: String = "e") -> Notice.Signal {
        .maintenance(Maintenance(event: name, code: "system-reboot", notBefore: time, cancelled: cancelled))
    }

    @Test func `repeats fold into one incident and say nothing`() throws {
        var scene = try lone()
        let time = scene.now + .seconds(120)
        let first = try scene.notice(alpha, .interruption(.terminate, at: time)).incident
        let said = scene.events.count
        for _ in 0..<10 {
            scene.wait(1)
            #expect(try scene.notice(alpha, .interruption(.terminate, at: time)).incident == first)
        }
        #expect(scene.events.count == said)
    }

    @Test func `another time is another incident`() throws {
        var scene = try lone()
        try scene.interrupt(alpha, in: 120)
        try scene.interrupt(alpha, in: 200)
        #expect(scene.slot.incidents.count == 2)
    }

    @Test func `a machine that announces ever other ends gets sixteen incidents, and the earliest stands for the rest`()
        throws
    {
        var scene = try lone()
        let month = 2_600_000
        for number in 0..<50 { try scene.interrupt(alpha, in: month + number) }
        #expect(scene.slot.incidents.count == 16)
        let first = try #require(scene.slot.incidents.first).id
        let reply = try scene.interrupt(alpha, in: 120)
        #expect(reply.incident == first)
        #expect(scene.slot.incident(first)?.incident.interruptionTime == scene.now + .seconds(120))
        #expect(try scene.notice(alpha, maintenance(at: scene.now + .seconds(month))).incident != first)
        #expect(scene.slot.incidents.count == 17)
    }

    @Test func `another machine is another incident`() throws {
        var scene = try Scene.pair()
        try scene.notice(alpha, .rebalance)
        try scene.notice(bravo, .rebalance)
        #expect(scene.slot.incidents.count == 2)
    }

    @Test(arguments: [Notice.Signal.shutdown, .lifecycle(target: "Terminated"), .rebalance])
    func `a signal without a time belongs to the incident that is open`(_ signal: Notice.Signal) throws {
        var scene = try lone()
        let known = try scene.interrupt(alpha).incident
        #expect(try scene.notice(alpha, signal).incident == known)
        #expect(scene.incident?.kind == .interruption)
    }

    @Test func `a stronger signal takes a recommendation over`() throws {
        var scene = try lone()
        let known = try scene.notice(alpha, .rebalance).incident
        #expect(scene.incident?.deadline == nil)
        scene.wait(60)
        #expect(try scene.interrupt(alpha).incident == known)
        #expect(scene.incident?.kind == .interruption)
        #expect(scene.incident?.interruptionTime == scene.now + .seconds(120))
        #expect(scene.incident?.deadline == scene.now + .seconds(15))
        #expect(scene.count(.terminationNotice) == 1)
    }

    @Test func `a recommendation that becomes a shutdown hours later is not given up at once`() throws {
        var scene = try lone()
        try scene.notice(alpha, .rebalance)
        try scene.launched(bravo, by: alpha)
        scene.wait(500)
        try scene.register(bravo)
        scene.wait(3000)
        try scene.notice(alpha, .shutdown)
        #expect(scene.incident?.state == .open)
        scene.hear(bravo)
        #expect(scene.role(bravo) == .promoting)
    }

    @Test func `a closed incident absorbs repeats for ten minutes`() throws {
        var scene = try Scene.pair()
        let time = scene.now + .seconds(120)
        let known = try scene.notice(alpha, .interruption(.terminate, at: time)).incident
        try scene.activate(bravo)
        #expect(scene.incident?.state == .met)
        scene.wait(600)
        #expect(try scene.notice(alpha, .interruption(.terminate, at: time)).incident == known)
        #expect(try scene.notice(alpha, .shutdown).incident == known)
        #expect(scene.slot.incidents.count == 1)
    }

    @Test func `a closed recommendation does not absorb the interruption that follows`() throws {
        var scene = try lone()
        let known = try scene.notice(alpha, .rebalance).incident
        scene.wait(7200)
        #expect(scene.incident?.state == .averted)
        #expect(try scene.notice(alpha, .rebalance).incident == known)
        #expect(try scene.interrupt(alpha).incident != known)
        #expect(scene.incident?.state == .open)
    }

    @Test func `maintenance weeks away stands apart from what is announced meanwhile`() throws {
        var scene = try lone()
        try scene.notice(alpha, maintenance(at: scene.now + .seconds(1_000_000)))
        try scene.notice(alpha, .rebalance)
        try scene.notice(alpha, .shutdown)
        #expect(scene.slot.incidents.map(\.incident.kind) == [.maintenance, .shutdown])
        #expect(scene.incident.map { $0.lastMoment <= scene.now + .seconds(120) } == true)
    }

    @Test func `maintenance orders its replica shortly before and moves the workload when it is due`() throws {
        var scene = try lone()
        try scene.notice(alpha, maintenance(at: scene.now + .seconds(100_000)))
        #expect(scene.asked(of: alpha) == [])
        scene.wait(100_000 - 1500)
        #expect(scene.asked(of: alpha) == ["create_replica"])
        try scene.launched(bravo, by: alpha)
        try scene.stand(bravo)
        #expect(scene.role(bravo) == .replica)
        scene.wait(600)
        #expect(scene.role(bravo) == .promoting)
    }

    @Test func `maintenance that is called off closes its incident, known or not`() throws {
        var scene = try lone()
        let time = scene.now + .seconds(600)
        try scene.notice(alpha, maintenance(at: time + .seconds(9000)))
        try scene.notice(alpha, maintenance(at: time + .seconds(9000), cancelled: true))
        #expect(scene.incident?.state == .averted)
        try scene.notice(alpha, maintenance(at: time, cancelled: true, "unheard of"))
        #expect(scene.slot.incidents.map(\.incident.state) == [.averted, .averted])
        #expect(scene.asked(of: alpha) == [])
    }

    @Test func `maintenance that is put off does not move the workload on its old date, and is called off as a whole`()
        throws
    {
        var scene = try Scene.pair()
        let (soon, later) = (scene.now + .seconds(3000), scene.now + .seconds(90_000))
        let known = try scene.notice(alpha, maintenance(at: soon)).incident
        scene.wait(60)
        #expect(try scene.notice(alpha, maintenance(at: later)).incident == known)
        #expect(scene.count(.maintenanceNotice) == 2)
        scene.wait(3600)
        #expect(scene.role(bravo) == .replica)
        #expect(scene.incident?.interruptionTime == later)
        try scene.notice(alpha, maintenance(at: later, cancelled: true))
        #expect(scene.slot.incidents.map(\.incident.state) == [.averted])
        #expect(try scene.notice(alpha, maintenance(at: later + .seconds(60))).incident != known)
    }

    @Test func `maintenance that is brought forward moves the workload on its new date`() throws {
        var scene = try Scene.pair()
        try scene.notice(alpha, maintenance(at: scene.now + .seconds(90_000)))
        try scene.notice(alpha, maintenance(at: scene.now + .seconds(600)))
        #expect(scene.slot.incidents.count == 1)
        #expect(scene.role(bravo) == .promoting)
    }

    @Test func `two works that are planned are two incidents`() throws {
        var scene = try lone()
        let time = scene.now + .seconds(90_000)
        try scene.notice(alpha, maintenance(at: time, "one"))
        try scene.notice(alpha, maintenance(at: time, "two"))
        #expect(scene.slot.incidents.count == 2)
    }

    @Test func `maintenance that is over when it is announced moves nothing`() throws {
        var scene = try Scene.pair()
        try scene.notice(alpha, maintenance(at: scene.now - .seconds(3600)))
        #expect(scene.incident?.state == .averted)
        #expect(scene.role(bravo) == .replica)
    }

    @Test func `a recommendation makes sure of a replica, and undoes it when nothing follows`() throws {
        var scene = try lone()
        try scene.notice(alpha, .rebalance)
        try scene.launched(bravo, by: alpha)
        try scene.stand(bravo)
        scene.wait(7199)
        #expect(scene.role(bravo) == .replica)
        scene.wait(1)
        #expect(scene.incident?.state == .averted)
        #expect(scene.role(bravo) == .terminating)
    }

    @Test func `a recommendation with a replica at hand orders none`() throws {
        var scene = try Scene.pair()
        try scene.notice(alpha, .rebalance)
        #expect(scene.asked(of: alpha) == [])
    }

    @Test func `a machine that outlived its announced end was announced falsely`() throws {
        var scene = try lone()
        try scene.interrupt(alpha)
        scene.wait(419)
        #expect(scene.incident?.state == .open)
        scene.wait(1)
        #expect(scene.incident?.state == .averted)
    }

    @Test func `a machine that went and was not replaced was missed`() throws {
        var scene = try lone()
        try scene.interrupt(alpha)
        scene.silence(alpha)
        scene.wait(420)
        #expect(scene.incident?.state == .missed)
        #expect(scene.count(.incidentLate) == 1)
    }

    @Test func `a replica that announces its end is replaced by none and moves nothing`() throws {
        var scene = try Scene.pair()
        let reply = try scene.interrupt(bravo)
        #expect(reply.action == .monitor)
        #expect(scene.incident?.state == .averted)
        #expect(scene.role(bravo) == .zombie)
        #expect(scene.primary == alpha)
    }

    @Test func `an unknown machine is told to register`() throws {
        var scene = try lone()
        #expect(refusal { try scene.interrupt(bravo) } == .notFound)
    }

    @Test func `a notice says that its host is there`() throws {
        var scene = try lone()
        scene.silence(alpha)
        scene.offline(alpha)
        try scene.interrupt(alpha)
        #expect(scene.slot.host(alpha)?.presence == .fresh)
        #expect(scene.asked(of: alpha) == ["create_replica"])
    }

    @Test func `the answer names the successor and carries the order for the host`() throws {
        var scene = try Scene.pair { $0.handOver = .exclusive }
        let reply = try scene.interrupt(alpha)
        #expect(reply.action == .replicaPromoted)
        #expect(reply.successor == bravo)
        #expect(reply.commands.map(\.order.type) == ["demote"])
        #expect(reply.epoch == 2)
    }

    @Test func `emergency status tells the strongest open incident`() throws {
        var scene = try lone()
        #expect(scene.slot.emergencyStatus.noticeStatus == .none)
        try scene.notice(alpha, .rebalance)
        #expect(scene.slot.emergencyStatus.noticeStatus == .rebalance)
        try scene.interrupt(alpha)
        #expect(scene.slot.emergencyStatus.noticeStatus == .termination)
        #expect(scene.slot.emergencyStatus.noticeDeadline == scene.now + .seconds(120))
        #expect(scene.slot.emergencyStatus.replica?.type == .automaticRebalance)
    }

    // MARK: What is told late

    @Test func `the deadline counts from when the machine saw its end, not from when we heard`() throws {
        var scene = try Scene.pair()
        let seen = scene.now - .seconds(12)
        var notice = Notice(instance: alpha, signal: .shutdown, detectedAt: seen)
        notice.seenAt = seen
        let reply = try scene.notice(notice)
        #expect(reply.deadline == seen + .seconds(15))
        #expect(scene.incident?.detectedAt == seen)
        scene.wait(4)
        try scene.activate(bravo)
        #expect(scene.incident?.state == .missed)
    }

    @Test func `planned work that was seen days ago is not late when its date is near`() throws {
        var scene = try Scene.pair()
        let work = Maintenance(event: "event-1", code: "system-reboot", notBefore: scene.now + .seconds(600))
        var notice = Notice(instance: alpha, signal: .maintenance(work), detectedAt: scene.now - .seconds(86_400))
        notice.seenAt = notice.detectedAt
        #expect(try scene.notice(notice).deadline == scene.now + .seconds(15))
        #expect(scene.count(.incidentLate) == 0)
    }

    /// In seconds from now: what the host says, and what we take.
    @Test(arguments: [(-5, -5), (0, 0), (60, 0), (-120, -120), (-86_400, -120)])
    func `its word on when it saw that is bounded`(_ row: (Int, Int)) throws {
        var scene = try Scene.pair()
        var notice = Notice(instance: alpha, signal: .shutdown, detectedAt: scene.now)
        notice.seenAt = scene.now + .seconds(row.0)
        try scene.notice(notice)
        #expect(scene.incident?.detectedAt == scene.now + .seconds(row.1))
        #expect(scene.role(bravo) == .promoting)
    }

    @Test func `a successor that goes while nobody was told to stop is given up, and is said to be not to serve`()
        throws
    {
        var scene = try Scene.pair()
        try scene.interrupt(alpha)
        #expect(scene.role(bravo) == .promoting)
        try scene.interrupt(bravo)
        #expect(scene.role(bravo) == .zombie)
        #expect(scene.primary == alpha)
        #expect(scene.slot.incidents.first { $0.incident.instance == bravo }?.incident.state == .averted)
        let line = try #require(scene.events.last { $0.kind == .incidentAverted })
        #expect(line.sentence == "\(bravo) is not to serve: nothing has to move")
    }

    // MARK: Clocks that differ

    /// In seconds from now, by our clock: the announced end, when its host saw it, and what we make of it.
    @Test(arguments: [
        (120, 0, 120), (-310, 0, -310), (1_000_000_000, 0, 600),
        // The host's clock is ten minutes ahead, or behind.
        (120, 600, 120), (120, -600, 120),
        // Ours is.
        (-480, -600, 120), (720, 600, 120),
    ])
    func `an end is dated by the clock that leaves the least time, but some`(_ row: (Int, Int, Int)) throws {
        var scene = try lone()
        let (end, seen) = (scene.now + .seconds(row.0), scene.now + .seconds(row.1))
        try scene.notice(alpha, .interruption(.terminate, at: end), detectedAt: seen)
        #expect(scene.slot.incidents.last?.endsAt == scene.now + .seconds(row.2))
        #expect(scene.incident?.interruptionTime == end)
    }

    @Test(arguments: [(-480, -600, Role.promoting), (120, 600, .promoting), (-310, 0, .replica)])
    func `an end that has passed by one clock alone moves the workload`(_ row: (Int, Int, Role)) throws {
        var scene = try Scene.pair()
        let (end, seen) = (scene.now + .seconds(row.0), scene.now + .seconds(row.1))
        try scene.notice(alpha, .interruption(.terminate, at: end), detectedAt: seen)
        #expect(scene.role(bravo) == row.2)
        #expect(scene.incident?.state == (row.2 == .replica ? .averted : .open))
    }

    @Test func `an incident is not given up while its host announces an end that is ahead by its clock`() throws {
        var scene = try lone()
        let end = scene.now - .seconds(480)
        for _ in 0..<20 {
            try scene.notice(alpha, .interruption(.terminate, at: end), detectedAt: end - .seconds(120))
            scene.wait(60)
        }
        #expect(scene.slot.incidents.count == 1)
        #expect(scene.incident?.state == .open)
        scene.wait(500)
        #expect(scene.incident?.state == .averted)
    }
}
