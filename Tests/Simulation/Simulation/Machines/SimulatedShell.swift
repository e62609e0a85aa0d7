import AgentCore
import AgentHost
import JSON
import Wire

/// What `AgentHost.AgentShell` is for the real world: tells the real machine what happened, and carries out what it says. Both
/// switch over every effect, so that the compiler holds this one to what that one does.
final class SimulatedShell: @unchecked Sendable {
    // Unchecked: a simulation is one thread.
    private(set) var agent: AgentMachine
    private unowned let machine: Machine
    private(set) var isRunning = true
    private var open: Set<ExchangeID> = []
    /// What came back, until the agent has read it: one that it has abandoned meanwhile it does not read.
    private var unread: [ExchangeID: () -> Void] = [:]
    private var calls: Set<CallID> = []
    private var acts: Set<ActID> = []
    /// Each reading that is under way, so that its deadline does not end a later one.
    private var reading = 0
    private var alarm = 0
    private var waiting: [Input] = []
    private var isHandling = false

    init(_ options: AgentOptions, remembering memory: Memory, on machine: Machine) {
        agent = AgentMachine(options, memory, boot: machine.boot, slept: machine.clocks.suspended)
        self.machine = machine
    }

    private var world: World { machine.world }
    private var agenda: Agenda { machine.world.agenda }

    /// The process is gone; what was under way comes to nothing.
    func end() { isRunning = false }

    func take(_ input: Input) {
        guard isRunning else { return }
        waiting.append(input)
        guard !isHandling, machine.isAwake else { return }
        handleWaiting()
    }

    /// The machine was suspended: that is known before anything else is done.
    func resume(after pause: Duration) {
        if isRunning { waiting.insert(.resumed(after: pause), at: 0) }
    }

    /// Also after the machine stood still.
    func handleWaiting() {
        isHandling = true
        defer { isHandling = false }
        while isRunning, !waiting.isEmpty {
            let input = waiting.removeFirst()
            if case .answered(let id, _) = input { unread.removeValue(forKey: id)?() }
            let effects = agent.handle(
                input, now: machine.clocks.boot(at: agenda.now),
                wall: machine.clocks.wall(at: agenda.now), chance: world.chance.next())
            for effect in effects where isRunning {
                carryOut(effect)
                if world.killsAgent(after: effect) { machine.crashInHandOver() }
            }
        }
    }

    // MARK: Effects

    private func carryOut(_ effect: Effect) {
        switch effect {
        case .ask(let id, let question, let deadline): ask(id, question, deadline)
        case .abandon(let id):
            open.remove(id)
            unread[id] = nil
        case .read(let item, let deadline): read(item, deadline)
        case .call(let id, let request, let deadline): call(id, request, deadline)
        case .act(let id, let act, let deadline): self.act(id, act, deadline)
        case .letGo(let id): acts.remove(id)
        case .dropConnections: break
        case .record(let entries): machine.disk.record(entries)
        case .forgetEverything: machine.disk.putAside()
        case .wake(let time): wake(at: time)
        case .tell(let announcement): machine.noteAnnouncement(announcement)
        case .stop: machine.agentStopped()
        }
    }

    private func ask(_ id: ExchangeID, _ question: Question, _ deadline: Duration) {
        open.insert(id)
        let sentAt = agenda.now
        machine.send(question) { [self] response in
            guard isRunning, open.contains(id) else { return }
            guard let response else { return finish(id, .failure(.unreachable("the connection ended"))) }
            let answer = question.answer(
                from: "coordinator", status: response.status, retryAfter: response.retryAfter, response.body)
            unread[id] = { [machine] in machine.noteAnswer(answer, to: question, sentAt: sentAt) }
            finish(id, world.mutations.heard(answer, by: machine))
        }
        agenda.plan(after: deadline) { [self] in
            if isRunning, open.contains(id) { finish(id, .failure(.unreachable("nobody answered in time"))) }
        }
    }

    private func finish(_ id: ExchangeID, _ answer: Result<Answer, AskFailure>) {
        open.remove(id)
        take(.answered(id, answer))
    }

    private func read(_ item: MetadataItem, _ deadline: Duration) {
        reading += 1
        let number = reading
        let answer = machine.metadata.read(item)
        let delay = answer == nil ? deadline : .milliseconds(1)
        agenda.plan(after: delay) { [self] in
            if isRunning, reading == number { take(.metadata(item, answer ?? .failed("no answer in time"))) }
        }
    }

    private func call(_ id: CallID, _ request: CloudRequest, _ deadline: Duration) {
        calls.insert(id)
        world.sky.call(request, by: machine, within: deadline) { [self] result in
            if isRunning, calls.remove(id) != nil { take(.cloud(id, result)) }
        }
    }

    private func act(_ id: ActID, _ act: Act, _ deadline: Duration) {
        acts.insert(id)
        if let words = act.words { world.story.tell(machine.id.short, words) }
        world.checks.acts(machine, act)
        machine.manager.carryOut(
            act,
            for: ServiceManager.Asker(
                within: deadline, isThere: { [self] in isRunning && acts.contains(id) },
                answer: { [self] result in end(id, act, result) }))
        agenda.plan(after: deadline) { [self] in
            end(id, act, .failure(ActFault(.late, "\(act.words ?? "it") was not done in time")))
        }
    }

    private func end(_ id: ActID, _ act: Act, _ result: Result<Acted, ActFault>) {
        guard isRunning, acts.remove(id) != nil else { return }
        if case .failure(let fault) = result { world.story.tell(machine.id.short, "could not: \(fault)") }
        take(.acted(id, result))
    }

    private func wake(at time: Duration) {
        alarm += 1
        let number = alarm
        agenda.plan(at: machine.clocks.time(ofBoot: time)) { [self] in
            if isRunning, alarm == number { take(.wokeUp) }
        }
    }
}
