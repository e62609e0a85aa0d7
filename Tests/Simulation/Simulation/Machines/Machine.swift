import AgentCore
import AgentHost
import JSON
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
    let dialect: Dialect
    private(set) var shell: SimulatedShell?
    /// It has not ended: EC2 has not, and nobody pulled the plug.
    private(set) var isRunning = true
    /// It was told to shut down, or is about to be.
    var isGoingDown = false
    private var sleepsUntil = Duration.zero
    /// When the lease ends under which it may serve, by its own count; nil without one.
    private(set) var leaseEndsAt: Duration?
    /// When the coordinator last heard something of it, by the world's clock.
    var spokeAt: Duration?
    /// What it lacks to take over, as it said last.
    private(set) var lacksByItsWord: [String]?
    private(set) var goneAt: Duration?
    /// When somebody last had its agent read its settings again.
    private(set) var reloadedAt: Duration?
    /// Counts the agent's processes.
    private var life = 0

    init(_ instance: CloudInstance, in place: Place, of world: World) {
        id = instance.id
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
        dialect = world.faults.mixedVersions ? world.chance.pick(Dialect.allCases) ?? .current : .current
    }

    var agent: AgentMachine? { shell?.agent }
    var isAwake: Bool { sleepsUntil <= world.agenda.now }

    // MARK: The agent's processes

    var options: AgentOptions {
        var options = AgentOptions(hostname: id.text, proposed: place.proposed)
        options.logicalAgent = place.name
        return options
    }

    func startAgent() {
        guard isRunning, shell == nil else { return }
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
        let shell = SimulatedShell(options, remembering: remembered.memory, on: self)
        self.shell = shell
        if remembered.isDamaged { disk.putAside() }
        world.story.tell(id.short, "its agent starts\(remembered.isDamaged ? ", with a damaged record" : "")")
        shell.take(.started)
    }

    /// Killed, with whatever it had not given to the disk.
    func crashAgent(restartsAfter pause: Duration?) {
        guard shell != nil else { return }
        world.story.tell(id.short, "its agent is killed")
        endProcess()
        if let pause { world.agenda.plan(after: pause) { [self] in startAgent() } }
    }

    private func endProcess() {
        shell?.end()
        shell = nil
        life += 1
        disk.crash()
    }

    /// It said that it stops, and has: the manager starts it again, unless the machine goes down.
    func agentStopped() {
        world.story.tell(id.short, "its agent stops")
        endProcess()
        if !isGoingDown { world.agenda.plan(after: .seconds(2)) { [self] in startAgent() } }
    }

    func reload() {
        reloadedAt = world.agenda.now
        shell?.take(.reconfigured(options))
    }

    // MARK: The machine

    func sleep(for pause: Duration, isSuspended: Bool) {
        world.story.tell(id.short, "stands still for \(Story.text(pause))")
        sleepsUntil = max(sleepsUntil, world.agenda.now + pause)
        if isSuspended { clocks.suspend(for: pause) }
        world.agenda.plan(at: sleepsUntil) { [self] in if isAwake { shell?.handleWaiting() } }
    }

    func heal() {
        link.heal()
        metadata.heal()
        disk.isFull = false
        disk.writeTakes = .milliseconds(4)
        if !isGoingDown { (metadata.interruption, metadata.rebalanceAt, metadata.maintenance) = (nil, nil, []) }
    }

    /// It is no more. Whatever ran on it does not.
    func end() {
        guard isRunning else { return }
        world.story.tell(id.short, "is gone")
        isRunning = false
        goneAt = world.agenda.now
        endProcess()
    }

    // MARK: The coordinator

    /// Nil to `receive`: nobody is there, or the connection ended.
    func send(_ question: Question, _ receive: @escaping (Response?) -> Void) {
        if case .heartbeat(let heartbeat, _, _, _) = question { lacksByItsWord = heartbeat.lacking }
        let form = dialect.spoken(question).form
        var request = Request(route: form.route)
        request.values = form.values.map(\.description)
        for (parameter, value) in form.query { request.query[parameter.rawValue] = value }
        if case .report(let report, _, _) = question { request.said = Said(report) }
        request.body = dialect.written(form.body ?? [])
        request.token = form.token ?? place.clientToken
        request.ifNoneMatch = form.ifNoneMatch?.etag
        world.send(request, from: self, receive)
    }

    /// What an answer means for the right to serve: a lease counts from before its request was sent.
    func noteAnswer(_ answer: Result<Answer, AskFailure>, to question: Question, sentAt: Duration) {
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
        world.checks.announced(self, announcement)
    }
}

extension InstanceID {
    /// Its last digits tell machines apart.
    var short: String { "i-…\(text.suffix(4))" }
}
