import AgentCore
import PretendHost

// Hooks, and the look whether the workload serves.
extension ServiceManager {
    /// One after another, all within the time that the stage has; what still runs at its end is killed.
    func run(_ stage: HookStage, _ asker: Asker) {
        run(host.hooks[stage] ?? [], of: stage, ran: [], until: now + asker.within - .milliseconds(50), asker)
    }

    private func run(
        _ hooks: [HookRun], of stage: HookStage, ran: [HookRun], until end: Duration, _ asker: Asker
    ) {
        guard let hook = hooks.first else { return asker.answer(.success(.ran(ran))) }
        let isCut = hook.outcome == .overran || now + hook.took > end
        plan(after: isCut ? max(.zero, end - now) : hook.took) { [self] in
            // The agent has the next one run, not we.
            guard asker.isThere() else { return }
            var run = hook
            if isCut { run.outcome = .overran }
            let isOver = run.outcome != .done && stage.stopsAtFailure
            self.run(isOver ? [] : Array(hooks.dropFirst()), of: stage, ran: ran + [run], until: end, asker)
        }
    }

    func probe(_ asker: Asker) {
        guard !host.isDeaf || chance.happens(0.5) else {
            return plan(after: max(.zero, asker.within - .milliseconds(10))) {
                asker.answer(.success(.servesNot("no answer in time")))
            }
        }
        plan(after: chance.milliseconds(1...20)) { [self] in
            if serves { world.checks.probed(machine) }
            let isTold = serves || world.mutations.are(.proofAssumed)
            asker.answer(.success(isTold ? .serves : .servesNot("connection refused")))
        }
    }
}
