import CoordinatorCore
import DroppingVFS
import JSON
import Wire

/// Slots with something of everything, out of a seed: each field takes every kind of value sooner or later.
struct SlotGenerator {
    var chance: SeededGenerator
    private var names = 0

    init(seed: UInt64) { chance = SeededGenerator(seed: seed) }

    mutating func slot(_ number: Int) -> Slot {
        var slot = Slot(
            id: slotID(number), client: clientID(1), logicalAgent: pick(["web", "Lager Süd", "a/b \"c\""]),
            createdAt: time(), settings: settings())
        slot.hosts = (0..<int(0...4)).map { host(number * 100 + $0) }
        slot.replicas = (0..<int(0...3)).map { _ in replica() }
        slot.commands = (0..<int(0...4)).map { _ in command() }
        slot.incidents = (0..<int(0...3)).map { _ in incident(of: slot.id) }
        change(&slot)
        return slot
    }

    /// Changes whatever may change, adds parts, and leaves some as they are.
    mutating func change(_ slot: inout Slot) {
        if flip() { slot.settings = settings() }
        slot.reportsPrices = flip()
        slot.configVersion = flip() ? slot.configVersion.next : slot.configVersion
        slot.epoch = flip() ? slot.epoch.next : slot.epoch
        slot.deletedAt = maybe { $0.time() }
        slot.dueAt = maybe { $0.time() }
        slot.launches = Attempts(made: int(0...17))
        slot.launchFailedAt = maybe { $0.time() }
        slot.contestedBy = maybe { instance($0.int(1...99)) }
        let first = slot.hosts.first.map { Int($0.instance.text.dropFirst(2), radix: 16) ?? 0 } ?? 0
        if flip() && slot.hosts.count < 6 { slot.hosts.append(host(first + 10 + slot.hosts.count)) }
        for index in slot.hosts.indices where flip() { change(&slot.hosts[index]) }
        assignRoles(&slot.hosts)
        if flip() { slot.replicas.append(replica()) }
        for index in slot.replicas.indices where flip() { change(&slot.replicas[index]) }
        assignInstances(&slot)
        if flip() { slot.commands.append(command()) }
        for index in slot.commands.indices where flip() { change(&slot.commands[index]) }
        if flip() { slot.incidents.append(incident(of: slot.id)) }
        for index in slot.incidents.indices where flip() { change(&slot.incidents[index]) }
    }

    // MARK: Parts

    private mutating func settings() -> SlotSettings {
        var settings = SlotSettings()
        settings.enabled = flip()
        settings.autoSwitchEnabled = flip()
        settings.autoTerminateEnabled = flip()
        settings.terminateWaitSeconds = int(0...900)
        settings.manualReplicaEnabled = flip()
        settings.replicaCount = int(0...4)
        settings.minSavingsPercent = JSONNumber(Int64(int(0...100)))
        settings.riskThreshold = JSONNumber("0.\(int(10...99))") ?? settings.riskThreshold
        settings.maxSwitchesPerWeek = int(0...100)
        settings.maxSwitchesPerDay = int(0...10)
        settings.minPoolDurationHours = int(0...24)
        settings.handOver = pick([.overlap, .exclusive])
        settings.failoverDeadlineSeconds = int(1...120)
        settings.leaseSeconds = int(0...60)
        settings.drainBudgetSeconds = int(0...110)
        settings.heartbeatSeconds = int(1...300)
        return settings
    }

    private mutating func host(_ number: Int) -> Host {
        var host = Host(
            instance: instance(number), role: .replica, roleSince: time(), registeredAt: time(), facts: HostFacts())
        change(&host)
        return host
    }

    private mutating func change(_ host: inout Host) {
        host.roleSince = time()
        host.facts.hostname = maybe { $0.pick(["ip-10-0-0-1", ""]) }
        host.facts.agentVersion = maybe { $0.pick(["1.2.3", "2.0.0-β"]) }
        host.facts.region = maybe { $0.pick(["us-east-1", "eu-central-1"]) }
        host.facts.zone = maybe { $0.pick(["us-east-1b", "us-west-2-lax-1a"]) }
        host.facts.instanceType = maybe { $0.pick(["m5.large", "u-6tb1.metal"]) }
        host.facts.mode = maybe { $0.pick([.spot, .ondemand]) }
        host.facts.image = maybe { _ in "ami-0a1b2c3d4e5f60718" }
        host.facts.privateAddress = maybe { _ in "10.0.0.1" }
        host.facts.publicAddress = maybe { _ in "2001:db8::1" }
        host.lacking = maybe { $0.pick([[], ["state folder"], ["a \"hook\"", "units"]]) }
        host.abilities = flip() ? .all : Abilities(rawValue: int(0...31))
        host.isOffline = flip()
        host.isProvenDead = flip()
        host.service = pick(Service.allCases)
        host.isBlind = flip()
        host.inspectedAt = maybe { $0.time() }
        host.inspectedBy = maybe { instance($0.int(1...99)) }
        host.terminationAskedAt = maybe { $0.time() }
        host.stops = Attempts(made: int(0...17))
        host.terminations = Attempts(made: int(0...17))
        host.inspections = Attempts(made: int(0...17))
        host.failingSince = maybe { $0.time() }
        host.lastHeardAt = maybe { $0.time() }
        host.leaseSeconds = maybe { $0.int(1...60) }
    }

    /// At most one primary and one successor. Whoever was primary is not chosen again as successor.
    private mutating func assignRoles(_ hosts: inout [Host]) {
        let before = hosts.map(\.role)
        for index in hosts.indices {
            hosts[index].role = pick([.launching, .replica, .zombie, .terminating, .terminated])
        }
        if let index = hosts.indices.randomElement(using: &chance), flip() { hosts[index].role = .primary }
        if let index = hosts.indices.randomElement(using: &chance), before[index] != .primary, flip() {
            hosts[index].role = .promoting
        }
    }

    private mutating func replica() -> Replica {
        names += 1
        var replica = Replica(
            id: name("replica", names), type: pick(ReplicaType.allCases), status: .launching, createdAt: time())
        change(&replica)
        return replica
    }

    private mutating func change(_ replica: inout Replica) {
        replica.status = pick([.launching, .syncing, .ready])
        replica.parent = maybe { instance($0.int(1...99)) }
        replica.pool = maybe { _ in "m5.large.us-east-1b" }
        replica.readyAt = maybe { $0.time() }
        replica.terminatedAt = maybe { $0.time() }
    }

    /// Each machine is one replica at most; those with a machine that is there may have ended.
    private mutating func assignInstances(_ slot: inout Slot) {
        for (index, host) in slot.hosts.enumerated() where index < slot.replicas.count {
            slot.replicas[index].instance = host.instance
            slot.replicas[index].status = pick(ReplicaStatus.allCases)
        }
    }

    private mutating func command() -> CommandRecord {
        names += 1
        var command = CommandRecord(
            id: name("command", names), instance: instance(int(1...99)), order: order(), priority: int(0...100),
            createdAt: time(), notBefore: maybe { $0.time() }, expiresAt: time(), leaseSeconds: int(1...100), epoch: 0,
            incident: maybe { name("incident", $0.int(1...99)) })
        change(&command)
        return command
    }

    private mutating func change(_ command: inout CommandRecord) {
        command.epoch = command.epoch.next
        command.state = pick(CommandState.allCases)
        command.attempt = int(0...5)
        command.deliveredAt = maybe { $0.time() }
        command.leaseUntil = maybe { $0.time() }
        command.finishedAt = command.state.isOpen ? nil : time()
        command.result = maybe { $0.result() }
    }

    private mutating func order() -> Order {
        pick([
            .switch(Order.Switch(mode: .spot, pool: "m5.large.us-east-1b", terminateWaitSeconds: 3, makesImage: true)),
            .createReplica(Order.CreateReplica(replica: "r-1", mode: .ondemand, avoidedZones: ["us-east-1a"])),
            .terminateInstance(
                Order.TerminateInstance(target: instance(5), reason: .zombieTimeout, replica: "r-2")),
            .promote(
                Order.Promote(handOver: .exclusive, awaitsFence: true, predecessor: instance(6), deadline: time())),
            .activate,
            .demote(
                Order.Demote(handOver: .overlap, successor: instance(7), drainBudgetSeconds: 5, fenceAt: time())),
            .inspectInstance(instance(8)), .applyConfig(9), .cleanup(Order.Cleanup()), .unknown("dance"),
        ])
    }

    private mutating func result() -> CommandResult {
        var result = CommandResult(
            pick(CommandResult.Outcome.allCases), message: pick(["", "done", "Grüße\n\"zitiert\""]),
            instance: instance(int(1...9)), attempt: int(1...9), epoch: 3, finishedAt: time())
        result.startedAt = maybe { $0.time() }
        result.facts = maybe { generator in
            let at = generator.time()
            return generator.pick([
                .terminated(instance(3)), .inspected([.init(instance: instance(4), state: .shuttingDown)]),
                .fenced(at: at), .activated(at: at, verifiedAt: nil), .configured(4),
                .launched(
                    .init(instance: instance(5), instanceType: "m5.large", zone: "us-east-1c", mode: .ondemand)),
            ])
        }
        result.ledger = ledger()
        return result
    }

    private mutating func ledger() -> [LedgerStep] {
        (0..<int(0...2)).map { step in
            LedgerStep(
                name: "step \(step)", budgetMilliseconds: 1000, tookMilliseconds: flip() ? nil : 5, outcome: .overran)
        }
    }

    private mutating func incident(of slot: SlotID) -> IncidentRecord {
        names += 1
        var record = IncidentRecord(
            Incident(
                id: name("incident", names), slot: slot, instance: instance(int(1...99)), kind: .silence, state: .open,
                detectedAt: time(), epoch: 0))
        record.incident.drill = flip()
        change(&record)
        return record
    }

    private mutating func change(_ record: inout IncidentRecord) {
        record.incident.kind = pick(Incident.Kind.allCases)
        record.incident.state = pick(Incident.State.allCases)
        record.incident.interruptionTime = maybe { $0.time() }
        record.incident.deadline = maybe { $0.time() }
        record.incident.epoch = record.incident.epoch.next
        record.incident.successor = maybe { instance($0.int(1...99)) }
        record.incident.verifiedAt = maybe { $0.time() }
        record.incident.closedAt = record.incident.state == .open ? nil : time()
        record.incident.ledger = ledger()
        record.ordered = maybe { name("replica", $0.int(1...99)) }
        record.maintenance = maybe { $0.pick(["instance-event-0d59937288b749b32", ""]) }
        record.isLate = flip()
        record.isBlocked = flip()
        record.endsAt = maybe { $0.time() }
    }

    // MARK: Chance

    mutating func flip() -> Bool { Bool.random(using: &chance) }
    mutating func int(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &chance) }
    mutating func time() -> Timestamp {
        Timestamp(nanosecondsSinceEpoch: newYear.nanosecondsSinceEpoch + Int64(int(0...99_999_999_999)))
    }
    mutating func pick<Value>(_ values: [Value]) -> Value {
        guard let value = values.randomElement(using: &chance) else { preconditionFailure("nothing to pick from") }
        return value
    }
    mutating func maybe<Value>(_ make: (inout SlotGenerator) -> Value) -> Value? { flip() ? make(&self) : nil }
}
