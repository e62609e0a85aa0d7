import AgentCore
import Platform
import Systemd
import Wire

/// Runs the hooks of a stage, one after the other, each with what is left of the time.
final class HookDeed: Deed {
    typealias Runner = (Program, Duration, @escaping (ProgramEnd) -> Void) throws(EventLoopError) -> any ProgramRun

    /// For the answer of the last to come before the end of all.
    private static let reserve = Duration.milliseconds(20)

    private let stage: HookStage
    private let facts: HookFacts
    private let instance: InstanceID?
    private let startedAt: Duration
    private let makeName: (String) -> String
    private let run: Runner
    private var open: ArraySlice<HookFolder.Hook>
    private var runs: [HookRun] = []
    private var current: (any ProgramRun)?
    private var currentSince = Duration.zero

    init(
        _ stage: HookStage, _ facts: HookFacts, _ instance: InstanceID?, _ hooks: [HookFolder.Hook], loop: Loop,
        deadline: Duration, makeName: @escaping (String) -> String, run: @escaping Runner,
        _ completion: @escaping (Outcome) -> Void
    ) throws(EventLoopError) {
        (self.stage, self.facts, self.instance) = (stage, facts, instance)
        open = hooks[...]
        startedAt = loop.now
        self.makeName = makeName
        self.run = run
        try super.init(loop: loop, line: nil, deadline: deadline, completion)
    }

    override var late: Outcome {
        if let hook = open.first, current != nil { note(.overran, of: hook) }
        return .success(.ran(runs + open.map { hook in Self.unrun(hook) }))
    }

    override func letGo() { current = nil }

    override func begin() {
        guard let hook = open.first else { return end(.success(.ran(runs))) }
        doing = "run \(hook.path)"
        currentSince = loop.now
        if let refusal = hook.refusal { return goOn(after: hook, .unknown(refusal)) }
        guard left > Self.reserve else { return end(late) }
        do throws(EventLoopError) {
            current = try run(program(for: hook), deadline - Self.reserve) { [weak self] end in
                self?.goOn(after: hook, end)
            }
        } catch { goOn(after: hook, .unknown("\(error)")) }
    }

    private func goOn(after hook: HookFolder.Hook, _ end: ProgramEnd) {
        guard !isOver else { return }
        note(end, of: hook)
        guard end.fault == nil || !stage.stopsAtFailure else { return self.end(.success(.ran(runs))) }
        // In a turn of its own: what has just ended is still at it.
        wait(.zero) { [weak self] in self?.begin() }
    }

    private func note(_ end: ProgramEnd, of hook: HookFolder.Hook) {
        current = nil
        open.removeFirst()
        let outcome: HookRun.Outcome =
            if end == .overran { .overran } else if let fault = end.fault { .failed(fault) } else { .done }
        runs.append(HookRun(name: hook.name, took: loop.now - currentSince, outcome: outcome))
    }

    private static func unrun(_ hook: HookFolder.Hook) -> HookRun {
        HookRun(name: hook.name, took: .zero, outcome: .failed("it was not run: no time was left"))
    }

    private func program(for hook: HookFolder.Hook) -> Program {
        let left = max(.zero, facts.left - (loop.now - startedAt))
        var environment = [
            "SPOT_STAGE=\(stage.rawValue)", "SPOT_ROLE=\(facts.role.rawValue)", "SPOT_EPOCH=\(facts.epoch)",
            "SPOT_DEADLINE_LEFT_MS=\(Int64(left / .milliseconds(1)))",
        ]
        if let incident = facts.incident { environment.append("SPOT_INCIDENT=\(incident)") }
        if let instance { environment.append("SPOT_INSTANCE=\(instance)") }
        return Program(
            name: makeName("hook-\(stage.rawValue)"), description: "spot hook \(hook.path)",
            identifier: "spot-hook-\(stage.rawValue)", path: hook.path, environment: environment)
    }
}
