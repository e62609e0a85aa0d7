import AgentCore
import CoordinatorCore
import PretendHost
import Wire

// A machine comes up, goes down and comes up again, with its workload and its agent.
extension Machine {
    /// Another with each start of the machine, and only then.
    var trueBoot: BootID { BootID("\(id.text)-\(boots)") }
    /// As it looks to the agent.
    var boot: BootID { world.mutations.are(.bootUnnoticed) ? BootID("boot") : trueBoot }

    /// Somebody could be answered by its workload.
    var isReached: Bool { isRunning && isAwake && manager.runs }

    /// What was installed to start with the machine does, but for a fresh one where two must never serve: whoever sets such a
    /// machine up leaves it to the agent.
    func bootFirst(isFromImage: Bool) {
        let isExclusive = (world.slot(of: place)?.settings.handOver ?? place.proposedHandOver) == .exclusive
        world.checks.booted(self)
        manager.comeUp(starting: manager.startsWithMachine && (isFromImage || !isExclusive))
        startAgent()
    }

    /// The manager of the machine stops everything: the agent first of all, then the workload.
    func shutDown() {
        afterAgent = { [self] in
            afterAgent = nil
            guard isRunning, manager.isUp else { return }
            let all = manager.host.units.keys.sorted()
            manager.stop(all, atOnce: false, .init(within: .seconds(90), isThere: { true }, answer: { _ in }))
        }
        old?.stop()
        guard let shell else { return afterAgent?() ?? () }
        shell.take(.stopping(hostGoesDown: true))
    }

    /// In good order, or as after a panic of its kernel.
    func reboot(inOrder: Bool, for pause: Duration) {
        guard isRunning, manager.isUp, !isGoingDown, afterAgent == nil else { return }
        world.story.tell(id.short, "is started anew\(inOrder ? "" : ", suddenly")")
        guard inOrder else { return fall(for: pause) }
        afterAgent = { [self] in
            afterAgent = nil
            let all = manager.host.units.keys.sorted()
            manager.stop(
                all, atOnce: false,
                .init(within: .seconds(90), isThere: { true }, answer: { [self] _ in fall(for: pause) }))
        }
        old?.stop()
        guard let shell else { return afterAgent?() ?? () }
        shell.take(.stopping(hostGoesDown: true))
    }

    private func fall(for pause: Duration) {
        guard isRunning, manager.isUp else { return }
        world.story.tell(id.short, "is down")
        afterAgent = nil
        endProcess()
        manager.goDown()
        world.agenda.plan(after: pause) { [self] in rise() }
    }

    private func rise() {
        guard isRunning, !isGoingDown else { return }
        boots += 1
        clocks.reboot(at: world.agenda.now)
        world.story.tell(id.short, "is up again")
        world.checks.booted(self)
        manager.comeUp(starting: manager.startsWithMachine)
        plan(after: world.chance.milliseconds(200...3000)) { [self] in startAgent() }
    }

    /// The last resort of a fence. EC2 is told by the machine's end.
    func switchOff() {
        guard isRunning else { return }
        world.story.tell(id.short, "switches itself off")
        world.sky.end(id, because: "Client.InstanceInitiatedShutdown")
        end()
    }

    /// Whoever waits for something on it holds on to it.
    func letGo() {
        afterAgent = nil
        (manager.jobs, manager.whenFencesAreOver) = ([:], [])
    }

    /// Between two effects of a hand-over.
    func crashInHandOver() {
        world.counts.agentCrashes += 1
        crashAgent(restartsAfter: world.chance.tailed(.milliseconds(300)))
    }
}
