import AgentCore
import AgentHost
import CoordinatorCore
import HTTPServer
import JSON
import OldAgents
import Wire

/// One machine of EC2 with an agent on it: its clocks, its disk, its metadata service, its way to the coordinator, and one process
/// of the agent after another.
final class Machine: @unchecked Sendable {
    // Unchecked: a simulation is one thread.
    let id: InstanceID
    let place: Place
    unowned let world: World
    var clocks: Clocks
    let disk: RecordDisk
    let metadata: MetadataService
    let link = Link()
    let address: PeerAddress
    let dialect: Dialect
    private(set) lazy var manager = ServiceManager(
        self, units: place.workload.units, startsWithMachine: place.workload.startsWithMachine)
    private(set) var shell: SimulatedShell?
    /// It has not ended: EC2 has not, and nobody pulled the plug.
    private(set) var isRunning = true
    /// It was told to shut down, or is about to be.
    var isGoingDown = false
    /// What goes on when the agent has stopped, on the way down.
    var afterAgent: (() -> Void)?
    private(set) var sleepsUntil = Duration.zero
    /// By how much it was suspended since it last did anything.
    private var suspension = Duration.zero
    /// Names its boots.
    var boots = 1
    /// When the lease ends under which it may serve, by its own count; nil without one.
    private(set) var leaseEndsAt: Duration?
    /// When the coordinator last heard something of it, by the world's clock.
    var spokeAt: Duration?
    /// What it lacks to take over, as the coordinator heard last.
    private var lastWord: [String]?
    private var readyWordAt: Duration?
    /// What its last process knew, which the disk need not have.
    private(set) var memoryAtEnd: Memory?
    private(set) var goneAt: Duration?
    /// When somebody last had its agent read its settings again.
    private(set) var reloadedAt: Duration?
    /// When it last asked for what it then was told: what it is, and under which lease.
    private(set) var toldAskedAt: Duration?
    /// It heard that its agent was deleted, and has not enrolled anew.
    private(set) var isAway = false
    /// When EC2 takes it, as the metadata service was told.
    var announcedEnd: Duration?
    /// Counts the agent's processes.
    private(set) var life = 0

    init(_ instance: CloudInstance, in place: Place, of world: World, running build: OldBuild?) {
        id = instance.id
        address = Request.address("10.0.\(world.machines.count >> 8).\(world.machines.count & 255)")
        self.place = place
        self.world = world
        let isWrong = world.faults.wrongClocks && world.chance.happens(0.5)
        clocks = Clocks(
            bootedAt: world.agenda.now - .seconds(20),
            wallError: isWrong ? world.chance.seconds(-600...600) : world.chance.milliseconds(-50...50),
            drift: isWrong ? world.chance.whole(-500...500) : 0)
        disk = RecordDisk(world.agenda, world.chance, world.mutations)
        metadata = MetadataService(instance, world.chance)
        metadata.errors = world.faults.metadata * 0.5
        let isMixed = build == nil && world.faults.mixedVersions
        dialect = isMixed ? world.chance.pick(Dialect.allCases) ?? .current : .current
        old = build.map { OldProgram($0, on: self) }
    }

    /// Nil: it has an agent of today.
    private(set) var old: OldProgram?

    var agent: AgentMachine? { shell?.agent }
    var isAwake: Bool { sleepsUntil <= world.agenda.now }

    // MARK: The agent's processes

    var options: AgentOptions {
        var options = AgentOptions(hostname: id.text, proposed: place.proposed)
        options.logicalAgent = place.upgradedName ?? place.name
        options.takeOver = place.workload.takeOver
        return options
    }

    func startAgent() {
        guard isRunning, manager.isUp, shell == nil else { return }
        guard isAwake else { return plan(after: .milliseconds(1)) { [self] in startAgent() } }
        if let old { return old.start() }
        life += 1
        let number = life
        let remembered = disk.open(
            snapshot: { [unowned self] in agent?.memory ?? Memory() },
            report: { [unowned self] report in
                guard life == number else { return }
                switch report {
                case .recorded(let batches): self.shell?.take(.recorded(batches: batches))
                case .failed(let reason): self.shell?.take(.recordingFailed(reason: reason))
                }
            })
        world.checks.remembers(self, remembered.memory)
        disk.settle(on: remembered.memory)
        let shell = SimulatedShell(
            options, remembering: world.mutations.recalled(remembered.memory), on: self)
        self.shell = shell
        if remembered.isDamaged { disk.putAside() }
        world.story.tell(id.short, "its agent starts\(remembered.isDamaged ? ", with a damaged record" : "")")
        shell.take(.started)
    }

    /// Killed, with whatever it had not given to the disk.
    func crashAgent(restartsAfter pause: Duration?) {
        guard shell != nil || old?.player != nil else { return }
        world.story.tell(id.short, "its agent is killed")
        endProcess()
        if let afterAgent { return afterAgent() }
        if let old { return old.startLater() }
        if let pause { plan(after: pause) { [self] in startAgent() } }
    }

    func endProcess() {
        old?.end()
        memoryAtEnd = shell?.agent.memory
        shell?.end()
        shell = nil
        life += 1
        disk.crash()
        if world.mutations.are(.fenceDiesWithAgent) { manager.timer = nil }
    }

    /// It said that it stops, and has: the manager starts it again, unless the machine goes down.
    func agentStopped() {
        world.story.tell(id.short, "its agent stops")
        endProcess()
        if let afterAgent { return afterAgent() }
        if !isGoingDown { plan(after: .seconds(2)) { [self] in startAgent() } }
    }

    func reload() {
        reloadedAt = world.agenda.now
        old?.restart()
        shell?.take(.reconfigured(options))
    }

    /// The agent of today is installed in place of the old program, as its guide says.
    func upgrade() {
        guard let old else { return }
        world.story.tell(id.short, "has the agent of today installed")
        // Where the old program had no name for the workload it is called as the coordinator shows it.
        place.upgradedName = old.slot.flatMap { world.coordinator.slots[$0]?.logicalAgent }
        old.stop()
        self.old = nil
        plan(after: .seconds(2)) { [self] in startAgent() }
    }

    // MARK: The machine

    /// When it has had so much time: what it does stands still with it.
    func plan(after takes: Duration, _ then: @escaping () -> Void) {
        world.agenda.plan(after: takes) { [self] in
            guard isRunning else { return }
            if isAwake { return then() }
            plan(after: sleepsUntil - world.agenda.now + world.chance.milliseconds(0...20), then)
        }
    }

    func sleep(for pause: Duration, isSuspended: Bool) {
        world.story.tell(id.short, "stands still for \(Story.text(pause))\(isSuspended ? ", suspended" : "")")
        let until = max(sleepsUntil, world.agenda.now + pause)
        if isSuspended {
            // What it stands still already is counted.
            let more = until - max(sleepsUntil, world.agenda.now)
            clocks.suspend(for: more)
            suspension += more
        }
        sleepsUntil = until
        manager.changed()
        world.agenda.plan(at: sleepsUntil) { [self] in if isAwake, isRunning { goOn() } }
    }

    private func goOn() {
        let pause = suspension
        suspension = .zero
        world.checks.wentOn(self, after: pause)
        // As AgentShell has it: what counts from the boot ran ahead of what stands still meanwhile.
        if pause > .seconds(1), !world.mutations.are(.pauseUnnoticed) { shell?.resume(after: pause) }
        shell?.handleWaiting()
        old?.handleWaiting()
        manager.changed()
    }

    func heal() {
        link.heal()
        metadata.heal()
        disk.isFull = false
        disk.writeTakes = .milliseconds(4)
        manager.heal()
        if !isGoingDown { (metadata.interruption, metadata.rebalanceAt, metadata.maintenance) = (nil, nil, []) }
    }

    /// It is no more. Whatever ran on it does not.
    func end() {
        guard isRunning else { return }
        world.story.tell(id.short, "is gone")
        isRunning = false
        goneAt = world.agenda.now
        endProcess()
        manager.goDown()
    }

    // MARK: The coordinator

    /// Nil to `receive`: nobody is there, or the connection ended.
    func send(_ question: Question, _ receive: @escaping (Response?) -> Void) {
        var heard: () -> Void = {}
        if case .heartbeat(let heartbeat, _, _, _) = question {
            heard = { [self] in noteWord(heartbeat.lacking) }
        }
        let form = dialect.spoken(world.mutations.said(question)).form
        var request = Request(form.route, form.values, query: form.query, token: form.token ?? place.clientToken)
        request.address = address
        if case .report(let report, _, _) = question { request.said = Said(report) }
        request.body = dialect.written(form.body ?? [])
        request.ifNoneMatch = form.ifNoneMatch?.etag
        world.send(request, from: self, heard, receive)
    }

    private func noteWord(_ lacks: [String]?) {
        lastWord = lacks
        if lacks == [] { readyWordAt = world.agenda.now }
    }

    /// What arrived since the coordinator had nothing left to decide, it decides one after the other.
    var lacksByItsWord: [String]? {
        if let readyWordAt, readyWordAt >= world.coordinator.idleAt { return [] }
        return lastWord
    }

    /// What an answer means for the right to serve: a lease counts from before its request was sent.
    func noteAnswer(_ answer: Result<Answer, AskFailure>, to question: Question, sentAt: Duration) {
        switch answer {
        case .success(.heard), .success(.registered): toldAskedAt = max(toldAskedAt ?? .zero, sentAt)
        default: break
        }
        switch answer {
        case .success(.heard(let reply)): noteLease(reply.leaseSeconds, reply.role, sentAt)
        case .success(.registered(let reply)):
            noteLease(reply.leaseSeconds, reply.role, sentAt)
            place.noteSlot(reply.slot)
        default: break
        }
        world.checks.answered(self, answer, to: question)
    }

    private func noteLease(_ seconds: Int?, _ role: Role, _ sentAt: Duration) {
        guard role == .primary || role == .promoting || role == .replica else { return }
        leaseEndsAt = world.mutations.leaseEnd(seconds.map { sentAt + .seconds($0) })
    }

    /// Whether its workload may run, if it was ever told to serve.
    var mayStillServe: Bool { isRunning && (leaseEndsAt.map { $0 > world.agenda.now } ?? true) }

    func noteAnnouncement(_ announcement: Announcement) {
        world.story.tell(id.short, announcement.words)
        switch announcement {
        case .deleted: isAway = true
        case .registered: isAway = false
        case .halted where world.mutations.are(.servesUnasked): serveUnasked()
        default: break
        }
        world.checks.announced(self, announcement)
    }
}

extension Machine {
    private func serveUnasked() {
        let act = Act.start(place.workload.units)
        world.checks.acts(self, act)
        manager.carryOut(act, for: .init(within: .seconds(10), isThere: { true }, answer: { _ in }))
    }
}

extension InstanceID {
    /// Its last digits tell machines apart.
    var short: String { "i-…\(text.suffix(4))" }
}
