import CoordinatorCore
import JSON
import Testing
import Wire

extension Scene {
    /// A host that speaks with its client's token, and has asked for what it can do.
    mutating func join(
        _ instance: InstanceID, zone: AvailabilityZone = "us-east-1a", asking abilities: Abilities = []
    ) throws {
        var registration = Registration(
            logicalAgent: "web", instance: instance, region: "us-east-1", hostname: instance.text)
        registration.zone = zone
        registration.instanceType = "m5.large"
        registration.mode = .spot
        let joined = registration
        try decide { slot, turn in _ = try slot.register(joined, withToken: false, &turn) }
        _ = try ask(instance, abilities)
    }

    @discardableResult
    mutating func ask(_ instance: InstanceID, _ abilities: Abilities) throws -> [Command] {
        try decide { slot, turn in slot.hearQuestion(for: abilities, by: instance, &turn) }
    }

    mutating func say(
        _ command: CommandRecord, _ isSuccess: Bool = true, launched: InstanceID? = nil, isSeenRunning: Bool = false
    ) throws -> ReportReply.Outcome {
        var result = PlainResult(isSuccess: isSuccess, message: "said")
        result.launched = launched
        result.isSeenRunning = isSeenRunning
        let said = result
        return try decide { slot, turn in try slot.take(said, of: command.id, &turn) }
    }
}

/// Hosts without a token of their own, which prove nothing.
struct TokenlessTests {
    @Test func `nothing is asked of one but what it has asked for`() throws {
        var scene = Scene()
        try scene.join(alpha)
        #expect(refusal { _ = try scene.decide { try $0.askSwitch(to: .onDemand, &$1) } } == .conflict)
        try scene.join(bravo, zone: "us-east-1b")
        scene.silence(bravo)
        try scene.interrupt(alpha)
        scene.wait(60)
        #expect(scene.slot.commands.filter(\.state.isOpen).isEmpty)
        #expect(scene.primary == alpha)
        try scene.ask(bravo, [])
        #expect(scene.primary == bravo)
        let asked = Set(scene.slot.commands.filter { $0.attempt > 0 }.map(\.order.type))
        #expect(asked.isEmpty)
    }

    @Test func `its promotion is a matter of the books, and no proof`() throws {
        var scene = Scene()
        try scene.join(alpha)
        try scene.join(bravo, zone: "us-east-1b")
        let epoch = scene.slot.epoch
        let command = try scene.decide { try $0.promote(instance: bravo, &$1) }
        #expect(scene.primary == bravo)
        #expect(scene.slot.epoch == epoch.next)
        #expect(scene.slot.command(command.id)?.state == .done)
        try scene.interrupt(bravo)
        #expect(scene.primary == bravo)
        scene.hear(alpha)
        #expect(scene.role(alpha) == .zombie)
    }

    @Test func `a failover to one is missed, because nothing proved it`() throws {
        var scene = Scene()
        try scene.join(alpha)
        try scene.join(bravo, zone: "us-east-1b")
        try scene.interrupt(alpha)
        #expect(scene.primary == bravo)
        #expect(scene.incident?.state == .missed)
        #expect(scene.incident?.verifiedAt == nil)
        #expect(scene.switches.map(\.trigger) == [.emergency])
    }

    @Test func `it takes over from one that can prove what it says at the last moment alone, or by a person's word`()
        throws
    {
        var scene = Scene()
        try scene.register(alpha)
        scene.hear(alpha, as: .primary)
        try scene.join(bravo, zone: "us-east-1b", asking: [.switches, .launches])
        try scene.interrupt(alpha)
        scene.wait(70)
        #expect(scene.primary == alpha)
        var ordered = scene
        #expect(refusal { _ = try ordered.decide { try $0.promote(instance: bravo, &$1) } } == nil)
        #expect(ordered.primary == bravo)
        scene.wait(20)
        #expect(scene.primary == bravo)
    }

    @Test func `what it launched and saw running is a replica, for as long as nobody says otherwise`() throws {
        var scene = Scene { $0.manualReplicaEnabled = true }
        try scene.join(alpha)
        try scene.ask(alpha, .launches)
        scene.look()
        let command = try #require(scene.open(for: alpha).first)
        #expect(try scene.say(command, launched: charlie, isSeenRunning: true) == .accepted)
        #expect(scene.slot.replica(of: charlie)?.status == .ready)
        scene.wait(3600)
        #expect(scene.slot.replica(of: charlie)?.status == .ready)
        scene.hear(alpha)
        try scene.interrupt(alpha)
        #expect(scene.primary == charlie)
    }

    /// Alpha was handed the order for a replica, and charlie has joined meanwhile.
    private func launching() throws -> (Scene, order: CommandRecord, replica: ReplicaID) {
        var scene = Scene { $0.manualReplicaEnabled = true }
        try scene.join(alpha, asking: .launches)
        scene.look()
        try scene.ask(alpha, .launches)
        let order = try scene.order("create_replica", of: alpha)
        try scene.join(charlie)
        return (scene, order, try #require(scene.slot.replica(of: charlie)).id)
    }

    @Test func `that its replica is ready is the answer, where the one that named the machine was lost`() throws {
        var (scene, order, replica) = try launching()
        try scene.decide { _ = try $0.take(ReplicaProgress(status: .ready), of: replica, &$1) }
        #expect(scene.slot.command(order.id)?.state == .done)
        scene.wait(900)
        #expect(scene.role(charlie) == .replica)
        #expect(scene.slot.replica(of: charlie)?.status == .ready)
        #expect(scene.slot.replicas.count == 1)
    }

    @Test func `that it launched a machine that is here already ends the order for it`() throws {
        var (scene, order, replica) = try launching()
        var creation = ReplicaCreation(type: .manual)
        creation.instance = charlie
        let told = creation
        #expect(try scene.decide { try $0.take(told, by: alpha, &$1) }.replica == replica)
        #expect(scene.slot.command(order.id)?.state == .done)
        scene.wait(900)
        #expect(scene.count(.commandFailed) == 0)
    }

    @Test func `what came while it was launching takes its place when it dies`() throws {
        var (scene, _, replica) = try launching()
        scene.offline(alpha)
        #expect(scene.primary == charlie)
        #expect(scene.slot.replicas.first { $0.id == replica }?.status == .failed)
    }

    @Test func `a launch that its host had begun when it was started anew keeps no other from being ordered`() throws {
        var scene = Scene()
        try scene.join(alpha, asking: [.launches, .switches])
        try scene.notice(alpha, .rebalance)
        try scene.ask(alpha, .launches)
        let order = try scene.order("create_replica", of: alpha)
        try scene.join(alpha)
        #expect(scene.slot.command(order.id)?.state == .failed)
        try scene.interrupt(alpha)
        scene.wait(10)
        #expect(try scene.ask(alpha, .launches).map(\.order.type) == ["create_replica"])
        // It may have been done: whatever comes is welcome.
        try scene.join(bravo, zone: "us-east-1b")
        scene.offline(alpha)
        #expect(scene.primary == bravo)
    }

    @Test func `that a launch failed says nothing against what came meanwhile`() throws {
        var (scene, order, replica) = try launching()
        try scene.decide { _ = try $0.take(ReplicaProgress(status: .failed), of: replica, &$1) }
        #expect(scene.slot.command(order.id)?.state == .failed)
        #expect(scene.role(charlie) == .replica)
        #expect(scene.slot.replica(of: charlie)?.parent == nil)
    }

    @Test func `a person is told once of a machine that it cannot end, and who can is asked to`() throws {
        var scene = Scene()
        try scene.join(alpha)
        try scene.join(bravo, zone: "us-east-1b")
        try scene.decide { _ = try $0.promote(instance: bravo, &$1) }
        scene.wait(599)
        #expect(scene.count(.terminationFailed) == 0)
        scene.wait(86_400)
        #expect(scene.count(.terminationFailed) == 1)
        var deleted = scene
        try deleted.decide { $0.delete(&$1) }
        #expect(deleted.slot.isOver)
        try scene.ask(bravo, .terminates)
        #expect(scene.asked(of: bravo) == ["terminate_instance"])
    }

    @Test func `of the replica of a deleted agent that its primary cannot end a person is told at once, and once`()
        throws
    {
        var scene = Scene()
        try scene.join(alpha)
        try scene.join(bravo, zone: "us-east-1b")
        try scene.decide { $0.delete(&$1) }
        #expect(scene.role(bravo) == .terminating)
        #expect(scene.count(.terminationFailed) == 1)
        try scene.ask(alpha, .switches)
        scene.wait(86_400)
        try scene.ask(alpha, .switches)
        #expect(scene.count(.terminationFailed) == 1)
    }

    @Test func `nobody is told of one that was replaced and is not heard: it has ended itself`() throws {
        var scene = Scene()
        try scene.join(alpha)
        try scene.join(bravo, zone: "us-east-1b")
        try scene.decide { _ = try $0.promote(instance: bravo, &$1) }
        scene.offline(alpha)
        scene.wait(86_400)
        #expect(scene.count(.terminationFailed) == 0)
    }

    @Test func `what it launched and did not see running is given up`() throws {
        var scene = Scene { $0.manualReplicaEnabled = true }
        try scene.join(alpha)
        try scene.ask(alpha, .launches)
        scene.look()
        let command = try #require(scene.open(for: alpha).first)
        #expect(try scene.say(command, launched: charlie) == .accepted)
        scene.wait(650)
        #expect(scene.slot.replica(of: charlie)?.status == .failed)
        #expect(scene.role(charlie) == .terminating)
    }

    @Test func `a command belongs to it for as long as it may take, and comes again only where that does no harm`()
        throws
    {
        for (abilities, isRepeated) in [(Abilities.switches, false), ([.switches, .knowsRepeats], true)] {
            var scene = Scene()
            try scene.join(alpha, asking: abilities)
            let command = try scene.decide { try $0.askSwitch(to: .onDemand, &$1) }
            #expect(try scene.ask(alpha, .switches).count == 1)
            scene.wait(300)
            scene.hear(alpha)
            #expect(try scene.ask(alpha, .switches).isEmpty)
            scene.wait(100)
            #expect(try scene.ask(alpha, .switches).isEmpty != isRepeated)
            scene.wait(2100)
            #expect(scene.slot.command(command.id)?.state == (isRepeated ? .pending : .failed))
        }
    }

    @Test func `a switch belongs to it for as long as it is told to wait`() throws {
        var scene = Scene {
            $0.autoTerminateEnabled = true
            $0.terminateWaitSeconds = 3600
        }
        try scene.join(alpha, asking: .switches)
        let command = try scene.decide { try $0.askSwitch(to: .onDemand, &$1) }
        #expect(try scene.ask(alpha, .switches).count == 1)
        scene.wait(3600 + 1700)
        #expect(scene.slot.command(command.id)?.state == .delivered)
        scene.wait(200)
        #expect(scene.slot.command(command.id)?.state == .failed)
    }

    @Test(arguments: [Abilities.switches, [.switches, .launches, .knowsRepeats]])
    func `what it had begun is not handed to the program that takes its place`(abilities: Abilities) throws {
        var scene = Scene()
        try scene.join(alpha, asking: abilities)
        let command = try scene.decide { try $0.askSwitch(to: .onDemand, &$1) }
        #expect(try scene.ask(alpha, .switches).count == 1)
        try scene.register(alpha)
        #expect(scene.slot.command(command.id)?.state == .failed)
        #expect(scene.hear(alpha) == [])
        // The machine that it launched joins, and no second one is made.
        try scene.register(bravo)
        #expect(scene.role(bravo) == .replica)
        #expect(scene.primary == alpha)
    }

    @Test func `what it has not begun waits for the program that takes its place`() throws {
        var scene = Scene()
        try scene.join(alpha, asking: .switches)
        let command = try scene.decide { try $0.askSwitch(to: .onDemand, &$1) }
        try scene.register(alpha)
        #expect(scene.hear(alpha).map(\.id) == [command.id])
    }

    @Test func `a replica that is heard only when the primary has been given up takes over`() throws {
        var scene = Scene()
        try scene.join(alpha)
        try scene.join(bravo, zone: "us-east-1b")
        for host in [bravo, alpha] {
            scene.silence(host)
            scene.offline(host)
        }
        #expect(scene.primary == alpha)
        try scene.ask(bravo, [])
        #expect(scene.primary == bravo)
    }

    /// The machine of a switch, say, which registers while a replica is ordered.
    @Test func `who registers before an ordered machine is known is not taken for it, nor ended in its place`() throws {
        var scene = Scene { $0.manualReplicaEnabled = true }
        try scene.join(alpha)
        try scene.ask(alpha, .launches)
        scene.look()
        let replica = try #require(scene.slot.replicas.first?.id)
        try scene.ask(alpha, .launches)
        try scene.join(bravo)
        #expect(scene.slot.replica(of: bravo)?.id == replica)
        let launch = ReplicaLaunch(instance: charlie, status: .syncing)
        let reply = try scene.decide { try $0.take(launch, for: replica, &$1) }
        #expect(reply.instance == charlie)
        #expect(scene.slot.replica(of: charlie)?.id == replica)
        #expect(scene.role(bravo) == .replica)
        #expect(scene.slot.replica(of: bravo)?.parent == nil)
        // From then on it is that one.
        let late = ReplicaLaunch(instance: delta, status: .syncing)
        #expect(refusal { _ = try scene.decide { try $0.take(late, for: replica, &$1) } } == .conflict)
    }

    /// The programs that have no name for the workload enrol on a new machine under that machine's name: the one that launched it may
    /// say so only then.
    @Test func `a switch to a machine that has become another agent fails, and who served goes on`() throws {
        var scene = Scene()
        try scene.join(alpha, asking: [.switches, .knowsRepeats])
        let command = try scene.decide { try $0.askSwitch(to: .onDemand, &$1) }
        try scene.ask(alpha, [.switches])
        scene.slot.liveElsewhere = [bravo: .own]
        _ = try scene.say(command, launched: bravo)
        #expect(scene.slot.command(command.id)?.state == .failed)
        #expect(scene.primary == alpha)
        #expect(scene.slot.host(bravo) == nil)
    }

    @Test func `nobody calls off the end of one that may be at work, and so is taken for there`() throws {
        var scene = Scene()
        try scene.join(alpha, asking: .switches)
        _ = try scene.decide { try $0.askSwitch(to: .onDemand, &$1) }
        #expect(try scene.ask(alpha, .switches).count == 1)
        try scene.interrupt(alpha)
        scene.wait(500)
        #expect(scene.slot.incidents.contains { $0.isOpen })
        scene.silence(alpha)
        scene.offline(alpha)
        scene.wait(3_000)
        #expect(!scene.slot.incidents.contains { $0.incident.state == .averted })
    }

    @Test func `where nobody serves, one that can prove it goes before one that cannot`() throws {
        var scene = Scene()
        try scene.register(alpha)
        scene.hear(alpha, as: .primary)
        try scene.join(bravo, zone: "us-east-1b")
        try scene.stand(charlie)
        scene.silence(alpha)
        try scene.inspected(alpha, .terminated, by: charlie)
        #expect(scene.asked(of: charlie).contains("promote"))
        #expect(scene.role(bravo) == .replica)
    }

    @Test func `a recommendation names the replica that is there already`() throws {
        var scene = Scene { $0.manualReplicaEnabled = true }
        try scene.join(alpha)
        try scene.ask(alpha, .launches)
        scene.look()
        let command = try #require(scene.open(for: alpha).first)
        _ = try scene.say(command, launched: charlie, isSeenRunning: true)
        let reply = try scene.notice(alpha, .rebalance)
        #expect(reply.action == .replicaCreated)
        #expect(reply.replica == scene.slot.replica(of: charlie)?.id)
    }

    @Test func `a token of its own makes it one like all others, in its place`() throws {
        var scene = Scene()
        try scene.join(alpha)
        let epoch = scene.slot.epoch
        try scene.register(alpha)
        #expect(scene.slot.host(alpha)?.abilities == .all)
        #expect(scene.primary == alpha)
        #expect(scene.slot.epoch == epoch)
        try scene.stand(bravo)
        try scene.interrupt(alpha)
        #expect(scene.asked(of: bravo) == ["promote"])
    }

    @Test func `where two must never serve there is none`() throws {
        var scene = Scene { $0.handOver = .exclusive }
        try scene.register(alpha)
        #expect(refusal { try scene.join(bravo) } == .conflict)
        var other = Scene()
        try other.join(alpha)
        var change = SlotSettingsChange()
        change[.handOver] = .handOver(.exclusive)
        let wanted = change
        #expect(refusal { _ = try other.decide { try $0.change(wanted, &$1) } } == .conflict)
    }

    @Test func `silence alone makes nobody the primary, and one that is heard does after the whole time-out`() throws {
        var scene = Scene()
        try scene.join(alpha)
        try scene.join(bravo, zone: "us-east-1b")
        scene.silence(alpha)
        #expect(scene.primary == alpha)
        scene.offline(alpha)
        #expect(scene.primary == bravo)
        #expect(scene.incident?.kind == .silence)
    }

    @Test func `a result without an epoch answers its own command, and no command of a host with a token`() throws {
        var scene = try Scene.pair()
        let command = try scene.decide { try $0.askSwitch(to: .onDemand, &$1) }
        #expect(refusal { _ = try scene.say(command) } == .forbidden)
    }
}
