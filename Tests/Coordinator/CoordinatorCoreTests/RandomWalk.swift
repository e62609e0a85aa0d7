import CoordinatorCore
import JSON
import Wire

/// SplitMix64: any seed gives a full-period sequence, the same on every machine.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
        return mixed ^ mixed >> 31
    }
}

/// Whatever can happen to a slot, in any order, from a seed. Hosts lie, repeat themselves and come back from the dead; answers
/// get lost, reports come late, and the coordinator itself goes away.
struct RandomWalk {
    var scene: Scene
    var truth = Truth()
    private var chance: SeededGenerator
    /// The last steps, for whoever has to find out what went wrong.
    private(set) var steps: [String] = []
    /// Terminated, and not loaded unless they are named.
    private var gone: [Host] = []
    /// Finished, and not loaded unless they are named.
    private var finished: [CommandRecord] = []
    private var lastNotice: Notice?
    private let machines: [InstanceID] = (0..<7).map(instance)
    private let zones: [AvailabilityZone] = ["us-east-1a", "us-east-1b", "us-east-1c"]

    /// Every other machine's host has no token of its own.
    private let isMixed: Bool

    init(seed: UInt64, isMixed: Bool = false) {
        self.isMixed = isMixed
        var chance = SeededGenerator(seed: seed)
        scene = Scene { settings in
            settings.handOver = Bool.random(using: &chance) || isMixed ? .overlap : .exclusive
            settings.autoTerminateEnabled = Bool.random(using: &chance)
            settings.terminateWaitSeconds = [0, 30, 300].randomElement(using: &chance) ?? 0
            if settings.handOver == .exclusive, Bool.random(using: &chance) { settings.leaseSeconds = 20 }
            if Bool.random(using: &chance) {
                (settings.autoSwitchEnabled, settings.manualReplicaEnabled) = (false, true)
                settings.replicaCount = Int.random(in: 1...3, using: &chance)
            }
        }
        self.chance = chance
    }

    mutating func step() {
        let action = pick(isMixed ? RandomWalk.actions + RandomWalk.tokenless : RandomWalk.actions)
        // Whoever is named is loaded, and any of them may be named now.
        scene.slot.hosts += gone
        gone = []
        if truth.overlay(&scene) { scene.look() }
        let before = scene.slot
        var outcome = ""
        do { try action(&self) } catch { outcome = " refused" }
        steps.append(
            "\(said)\(outcome) → epoch \(scene.slot.epoch), \(scene.slot.hosts.map { "\($0.instance) \($0.role)" })")
        steps = steps.suffix(16)
        said = ""
        truth.look(at: scene, after: before)
        if before.deletedAt == nil, Int.random(in: 0..<10, using: &chance) == 0 { reload() }
    }

    private var said = ""
    private mutating func say(_ words: String) { said += words }
    private mutating func pick<Element>(_ list: [Element]) -> Element {
        guard let element = list.randomElement(using: &chance) else {
            preconditionFailure("a list to pick from is empty")
        }
        return element
    }
    private mutating func toss() -> Bool { Bool.random(using: &chance) }
    private mutating func known() -> InstanceID {
        scene.slot.hosts.isEmpty ? pick(machines) : pick(scene.slot.hosts.map(\.instance))
    }

    /// What the store would bring back.
    private mutating func reload() {
        let now = scene.now
        gone += scene.slot.hosts.filter { $0.role == .terminated }
        scene.slot.hosts.removeAll { $0.role == .terminated }
        finished = (finished + scene.slot.commands.filter { !$0.state.isOpen }).suffix(20)
        scene.slot.commands.removeAll { !$0.state.isOpen }
        scene.slot.replicas.removeAll { replica in
            !replica.status.isActive
                && !(replica.status == .failed && now - replica.createdAt < Rules.failureMemory)
        }
        scene.slot.incidents.removeAll { record in
            record.incident.closedAt.map { now - $0 > Rules.foldingTime } ?? false
        }
        scene.look()
    }

    // MARK: What can happen

    private typealias Action = @Sendable (inout RandomWalk) throws -> Void

    private static let actions: [Action] = [
        { try $0.register() }, { $0.hear() }, { $0.hear() }, { $0.hear() }, { $0.fallSilent() }, { try $0.announce() },
        { try $0.answer() }, { try $0.answer() }, { try $0.answer() }, { try $0.report() }, { try $0.meddle() },
        { try $0.configure() }, { $0.wait() }, { $0.wait() }, { $0.wait() }, { try $0.trouble() },
    ]

    private static let tokenless: [Action] = [
        { try $0.ask() }, { try $0.ask() }, { try $0.ask() }, { try $0.answerPlainly() }, { try $0.answerPlainly() },
        { try $0.announcePlainly() },
    ]

    /// What is rare and hits everybody.
    private mutating func trouble() throws {
        switch Int.random(in: 0..<6, using: &chance) {
        case 0, 1: restart()
        case 2: try storm()
        case 3: try announceAgain()
        case 4: try answerLate()
        default:
            guard Int.random(in: 0..<20, using: &chance) == 0 else { return }
            say("the agent is deleted")
            try scene.decide { $0.delete(&$1) }
        }
    }

    /// The coordinator goes away and comes back; its clock may have been set meanwhile.
    private mutating func restart() {
        let (away, set) = (pick([1, 20, 400, 2000]), pick([0, 0, 0, -7200, -30, 30, 7200]))
        say("the coordinator is away for \(away) s, and its clock is set by \(set) s")
        reload()
        scene.slot.hosts += gone
        gone = []
        truth.restart(&scene, away: .seconds(away), set: .seconds(set))
    }

    /// Everybody goes at once.
    private mutating func storm() throws {
        let end = scene.now + .seconds(120)
        say("all announce their end")
        for host in scene.slot.hosts.map(\.instance) {
            try announce(Notice.Signal.interruption(.terminate, at: end), of: host)
        }
    }

    private mutating func announceAgain() throws {
        guard let lastNotice, scene.slot.host(lastNotice.instance) != nil else { return }
        say("\(lastNotice.instance) announces the same again")
        try announce(lastNotice)
    }

    private mutating func answerLate() throws {
        guard let command = finished.randomElement(using: &chance), scene.slot.command(command.id) == nil else {
            return
        }
        say("late, ")
        scene.slot.commands.insert(command, at: 0)
        try answer(command)
    }

    private mutating func register() throws {
        let (machine, zone) = (pick(machines), pick(zones))
        say("\(machine) registers")
        guard !isMixed || machines.firstIndex(of: machine).map({ $0 % 2 == 0 }) ?? true else {
            return try scene.join(machine, zone: zone)
        }
        let role = try scene.register(machine, zone: zone, mode: toss() ? .spot : .ondemand)
        truth.answered(machine, scene, isLost: isLost())
        if role == .primary { truth.grant(machine, in: scene) }
    }

    private mutating func isLost() -> Bool { Int.random(in: 0..<6, using: &chance) == 0 }

    private mutating func hear() {
        let machine = known()
        let lacking: [String]? = pick([nil, [], [], [], ["hooks"]])
        let running = scene.open(for: machine).map(\.id).filter { _ in toss() }
        let status: HostStatus = Int.random(in: 0..<12, using: &chance) == 0 ? .offline : .online
        let role: Role? = scene.role(machine) == .primary && toss() ? .primary : nil
        say("\(machine) heard as \(role?.rawValue ?? "?"), \(status), lacking \(lacking ?? ["?"])")
        let commands = scene.hear(
            machine, as: role, lacking: lacking, running: running, status: status,
            knowing: truth.version(knownTo: machine))
        let isLost = isLost()
        truth.answered(machine, scene, isLost: isLost)
        if !isLost { truth.obey(commands, machine, in: scene) } else { say(", the answer is lost") }
    }

    private mutating func fallSilent() {
        let machine = known()
        guard scene.slot.host(machine)?.isOffline == false else { return }
        let isLong = toss()
        say("\(machine) silent\(isLong ? " for long" : "")")
        scene.silence(machine)
        if isLong { scene.offline(machine) }
    }

    private mutating func announce() throws {
        let machine = known()
        let time = scene.now + .seconds(pick([-100, 30, 120, 120, 3600]))
        let maintenance = Maintenance(event: "e", code: "reboot", notBefore: time, cancelled: toss())
        let signal: Notice.Signal = pick([
            .interruption(.terminate, at: time), .interruption(.stop, at: scene.now + .seconds(120)), .rebalance,
            .rebalance, .maintenance(maintenance), .lifecycle(target: "Terminated"), .shutdown,
        ])
        say("\(machine) announces \(signal)")
        try announce(signal, of: machine)
    }

    private mutating func announce(_ signal: Notice.Signal, of machine: InstanceID) throws {
        // Its clock is its own.
        let skew = Duration.seconds(pick([0, 0, 0, -90, 90, -3600, 3600]))
        try announce(Notice(instance: machine, signal: signal, detectedAt: scene.now + skew))
    }

    private mutating func announce(_ notice: Notice) throws {
        lastNotice = notice
        let reply = try scene.decide { slot, turn in try slot.take(notice, &turn) }
        if !isLost() { truth.obey(reply.commands, notice.instance, in: scene) }
    }

    private mutating func answer() throws {
        let open = scene.slot.commands.filter { $0.state.isOpen || Int.random(in: 0..<8, using: &chance) == 0 }
        guard let command = open.randomElement(using: &chance) else { return }
        try answer(command)
    }

    private mutating func answer(_ command: CommandRecord) throws {
        let good: [CommandResult.Outcome] =
            switch command.order {
            case .promote(let order): order.awaitsFence ? [.prepared, .prepared, .done] : [.done]
            case .demote(let order): order.handOver == .exclusive ? [.fenced] : [.done]
            default: [.done]
            }
        let outcome: CommandResult.Outcome =
            toss() || toss() ? pick(good) : pick([.failed, .refused, .expired, .fenceFailed, .done])
        say("\(command.instance) answers \(command.order.type) \(outcome)")
        let old = Int.random(in: 0..<10, using: &chance) == 0
        let facts = facts(for: command.order)
        let before = scene.slot
        try scene.answer(command, outcome, facts, epoch: old ? .zero : nil)
        truth.answer(command, outcome, facts, isOld: old, before: before, in: scene)
    }

    private mutating func facts(for order: Order) -> CommandResult.Facts? {
        let machine = pick(machines)
        switch order {
        case .switch, .createReplica:
            return toss() || toss()
                ? .launched(.init(instance: machine, instanceType: "m5.large", zone: pick(zones), mode: .spot)) : nil
        case .promote, .activate: return toss() ? .activated(at: scene.now, verifiedAt: scene.now) : nil
        case .terminateInstance(let order): return toss() ? .terminated(order.target) : nil
        case .inspectInstance(let target):
            return .inspected([.init(instance: target, state: pick(InstanceState.allCases))])
        default: return nil
        }
    }

    private mutating func report() throws {
        let (reporter, target) = (known(), known())
        let stamp = scene.stamp(reporter, epoch: Int.random(in: 0..<6, using: &chance) == 0 ? .zero : nil)
        if toss() {
            say("\(reporter) reports the termination of \(target)")
            let report = TerminationReport(stamp: stamp, target: target, success: toss())
            try scene.decide { $0.take(report, &$1) }
        } else {
            let new = pick(machines)
            say("\(reporter) reports a switch from \(target) to \(new)")
            var timing = SwitchTiming(initiatedAt: scene.now)
            if toss() { timing.oldTerminatedAt = scene.now }
            let report = SwitchReport(
                stamp: stamp, oldInstance: .init(instance: target), newInstance: .init(instance: new), timing: timing,
                trigger: .manual)
            try scene.decide { $0.take(report, &$1) }
        }
    }

    private mutating func meddle() throws {
        let replicas = scene.slot.replicas.map(\.id)
        let machine = pick(machines)
        switch Int.random(in: 0..<7, using: &chance) {
        case 0:
            say("switch asked")
            let target: ForceSwitch.Target = pick([.onDemand, .pool("c5.large.us-east-1b")])
            try scene.decide { _ = try $0.askSwitch(to: target, &$1) }
        case 1:
            say("promote \(machine)")
            try scene.decide { _ = try $0.promote(instance: machine, &$1) }
        case 2 where !replicas.isEmpty:
            let replica = pick(replicas)
            say("delete replica")
            let machine = scene.slot.replicas.first { $0.id == replica }?.instance
            try scene.decide { _ = try $0.deleteReplica(replica, &$1) }
            if let machine { truth.unwanted.insert(machine) }
        case 3 where !replicas.isEmpty:
            let (replica, progress) = (pick(replicas), ReplicaProgress(status: pick(ReplicaStatus.allCases)))
            say("replica is \(progress.status)")
            try scene.decide { _ = try $0.take(progress, of: replica, &$1) }
        case 4 where !replicas.isEmpty:
            let (replica, launch) = (pick(replicas), ReplicaLaunch(instance: machine, status: .syncing))
            say("replica is \(machine)")
            try scene.decide { _ = try $0.take(launch, for: replica, &$1) }
        default:
            var creation = ReplicaCreation(type: pick(ReplicaType.allCases))
            if toss() { creation.instance = machine }
            say("replica asked for")
            try scene.decide { [creation] in _ = try $0.take(creation, &$1) }
        }
    }

    private mutating func configure() throws {
        var change = SlotSettingsChange()
        let setting: SlotSetting = pick([
            .enabled, .autoTerminateEnabled, .autoSwitchEnabled, .manualReplicaEnabled, .replicaCount, .leaseSeconds,
            .handOver,
        ])
        change[setting] =
            switch setting {
            case .replicaCount: .whole(Int.random(in: 0...4, using: &chance))
            case .leaseSeconds: .whole(pick([0, 15, 40]))
            case .handOver: .handOver(toss() || toss() ? .exclusive : .overlap)
            default: .flag(toss())
            }
        say("\(setting) changed")
        let reports = toss()
        try scene.decide { [change] slot, turn in
            _ = try slot.change(change, &turn)
            slot.reportPrices(reports)
        }
    }

    // MARK: Hosts without a token of their own

    private mutating func ask() throws {
        let machine = known()
        let abilities: Abilities = pick([
            .switches, .launches, .terminates, [.switches, .launches, .terminates, .knowsRepeats],
        ])
        say("\(machine) asks for \(abilities.rawValue)")
        guard scene.slot.host(machine)?.isTokenless == true else { return }
        try scene.ask(machine, abilities)
    }

    private mutating func answerPlainly() throws {
        let its = scene.slot.commands.filter { scene.slot.host($0.instance)?.isTokenless == true }
        guard let command = its.randomElement(using: &chance) else { return }
        let (launched, isSuccess, isSeen) = (toss() ? pick(machines) : nil, toss() || toss(), toss())
        say("\(command.instance) says \(isSuccess) of \(command.order.type), launched \(launched?.text ?? "nothing")")
        _ = try scene.say(command, isSuccess, launched: isSuccess ? launched : nil, isSeenRunning: isSeen)
    }

    private mutating func announcePlainly() throws {
        let machine = known()
        guard scene.slot.host(machine)?.isTokenless == true else { return }
        let time: Timestamp? = pick([nil, nil, scene.now + .seconds(120), scene.now - .seconds(60)])
        let notice = PlainNotice(
            pick([.interruption(.terminate, at: time), .interruption(.stop, at: nil), .rebalance]))
        let shown: Abilities = pick([[], .launches, .launchesAtItsEnd])
        say("\(machine) announces \(notice.kind)")
        _ = try scene.decide { slot, turn in try slot.take(notice, by: machine, showing: shown, &turn) }
    }

    private mutating func wait() {
        let seconds = pick([1, 3, 10, 30, 60, 200, 700])
        say("\(seconds) s pass")
        scene.wait(seconds)
    }
}
