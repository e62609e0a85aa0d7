package import AgentCore
package import Platform
package import Systemd
package import Wire

/// The agent's hands on its own machine: has PID 1 run hooks, start and stop units, and hold the fence, and looks whether the
/// workload serves. Lives on the loop's thread.
///
/// ```
///  act ──▶ a deed ──▶ BusLine ──▶ PID 1: transient services, jobs, timers     where a systemd runs the machine
///              └────▶ ChildRun: a process group of ours                       elsewhere, for programs alone
/// ```
/// Every act is answered once, at its deadline at the latest. What is under way does not change with the settings, and goes on
/// when they are read again.
package final class Acting {
    static let noManager =
        "there is no service manager that could be asked: this takes a machine that systemd runs"

    /// By stage, as they were found when the settings were read.
    package var hooks: HookFolder.All
    /// Told to hooks once it is known.
    package var instance: InstanceID?
    private let loop: Loop
    private let line: BusLine?
    private var isOrdered = false
    private let surroundings: any Surroundings
    private let said: (String, String) -> Void
    private var deeds: [Key: Deed] = [:]

    private enum Key: Hashable {
        case act(ActID)
        /// A later one takes the place of an earlier one.
        case order
    }

    private var named: UInt64 = 0

    /// More than this at once asks in a circle: there is one take-over, a duty that looks whether it could be, and a fence.
    private static let deedsMax = 32

    /// `line` is nil where no systemd runs the machine. `said` gets what programs print there, by line, with what they are
    /// called; elsewhere it is in the journal.
    package init(
        loop: Loop, line: BusLine?, hooks: HookFolder.All, surroundings: any Surroundings,
        said: @escaping (_ identifier: String, _ line: String) -> Void
    ) {
        self.loop = loop
        self.line = line
        self.hooks = hooks
        self.surroundings = surroundings
        self.said = said
    }

    /// `completion` is called once, on the loop, perhaps inside this call.
    package func act(
        _ id: ActID, _ act: Act, within time: Duration, _ completion: @escaping (Result<Acted, ActFault>) -> Void
    ) {
        begin(.act(id), within: time) { [self] deadline, end throws(EventLoopError) in
            try deed(for: act, by: deadline, end)
        } _: {
            completion($0)
        }
    }

    /// Nothing more is done of it, and it is not answered.
    package func letGo(_ id: ActID) {
        deeds.removeValue(forKey: .act(id))?.letGo()
        if deeds.isEmpty { line?.letRest() }
    }

    private func begin(
        _ key: Key, within time: Duration,
        _ make: (Duration, @escaping (Result<Acted, ActFault>) -> Void) throws(EventLoopError) -> Deed,
        _ completion: @escaping (Result<Acted, ActFault>) -> Void
    ) {
        guard deeds.count < Self.deedsMax else {
            return completion(
                .failure(ActFault(.failed, "\(Self.deedsMax) acts are under way: no further one is begun")))
        }
        do throws(EventLoopError) {
            let deed = try make(loop.now + time) { [weak self] outcome in
                guard let self else { return }
                deeds[key] = nil
                if deeds.isEmpty { line?.letRest() }
                completion(outcome)
            }
            deeds[key] = deed
            deed.begin()
        } catch { completion(.failure(ActFault(.failed, "prepare an act: \(error)"))) }
    }

    /// Has the machine's shutdown stop us before `units`. Where no systemd runs it, nothing stops anybody in an order.
    package func stopBefore(_ units: [UnitName], _ completion: @escaping (ActFault?) -> Void) {
        // Also to take away an order of other settings; one of an earlier life does no harm, and costs no connection.
        guard line != nil, isOrdered || !units.isEmpty else { return completion(nil) }
        isOrdered = true
        begin(.order, within: OrderDeed.patience) { [self] deadline, end throws(EventLoopError) in
            try OrderDeed(units, named: uniqueName, loop: loop, line: line, deadline: deadline, end)
        } _: { outcome in
            if case .failure(let fault) = outcome { completion(fault) } else { completion(nil) }
        }
    }

    /// What is under way is not answered any more. PID 1 goes on with what it was given.
    package func close() { deeds = [:] }

    private func deed(
        for act: Act, by deadline: Duration, _ end: @escaping (Result<Acted, ActFault>) -> Void
    ) throws(EventLoopError) -> Deed {
        switch act {
        case .runHooks(let stage, let facts): return try hookDeed(stage, facts, deadline, end)
        case .start(let units): return try StartDeed(units, loop: loop, line: line, deadline: deadline, end)
        case .stop(let units, let atOnce):
            return try StopDeed(units, atOnce: atOnce, loop: loop, line: line, deadline: deadline, end)
        case .inspect(let units): return try InspectDeed(units, loop: loop, line: line, deadline: deadline, end)
        case .armFence(let units, let time):
            guard !units.isEmpty else { return try NoDeed("arm a fence: no unit is named to be stopped", loop, end) }
            let timer = Fence.timer(named: uniqueName, stopping: units, at: time)
            return try ArmDeed(timer, loop: loop, line: line, deadline: deadline, end)
        // Nobody ever had a fence here.
        case .disarmFence where line == nil: return try NoDeed(.success(.done), loop, end)
        case .disarmFence: return try DisarmDeed(loop: loop, line: line, deadline: deadline, end)
        case .probe(let probe): return try probeDeed(probe, deadline, end)
        case .powerOff: return try PowerOffDeed(named: uniqueName, loop: loop, line: line, deadline: deadline, end)
        }
    }

    private func hookDeed(
        _ stage: HookStage, _ facts: HookFacts, _ deadline: Duration,
        _ end: @escaping (Result<Acted, ActFault>) -> Void
    ) throws(EventLoopError) -> Deed {
        let folder = hooks[stage]
        if let refusal = folder?.refusal { return try NoDeed(refusal, loop, end) }
        return try HookDeed(
            stage, facts, instance, folder?.hooks ?? [], loop: loop, deadline: deadline,
            makeName: { [unowned self] in "spot-\($0)-\(uniqueName).service" }, run: runner, end)
    }

    private func probeDeed(
        _ probe: Probe, _ deadline: Duration, _ end: @escaping (Result<Acted, ActFault>) -> Void
    ) throws(EventLoopError) -> Deed {
        switch probe {
        case .url(let url): return try PageProbe(url, loop: loop, deadline: deadline, end)
        case .port(let host, let port): return try PortProbe(host, port, loop: loop, deadline: deadline, end)
        case .program(let words):
            guard let path = words.first else { return try NoDeed("probe: no program is named", loop, end) }
            let program = Program(
                name: "spot-probe-\(uniqueName).service", description: "spot: whether the workload serves",
                identifier: "spot-probe", path: path, arguments: Array(words.dropFirst()))
            return try ProgramProbe(program, loop: loop, deadline: deadline, run: runner, end)
        }
    }

    private var runner: HookDeed.Runner {
        { [loop, line, said] program, end, completion throws(EventLoopError) in
            if let line {
                let run = try ServiceRun(program, loop: loop, line: line, until: end, completion)
                run.begin()
                return run
            }
            var program = program
            // As PID 1 gives it to services.
            program.environment.append("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
            let run = try ChildRun(
                program, loop: loop, until: end, said: { said(program.identifier, $0) }, completion)
            run.begin()
            return run
        }
    }

    /// No unit was ever called so in this life of the machine: what an earlier life of ours left running is not met again.
    private var uniqueName: String {
        named += 1
        return "\(Int64(surroundings.boot() / .microseconds(1)))-\(named)"
    }
}

/// What is over before it has begun.
private final class NoDeed: Deed {
    private let outcome: Outcome

    init(_ outcome: Outcome, _ loop: Loop, _ completion: @escaping (Outcome) -> Void) throws(EventLoopError) {
        self.outcome = outcome
        try super.init(loop: loop, line: nil, deadline: loop.now + .seconds(1), completion)
    }

    convenience init(_ reason: String, _ loop: Loop, _ completion: @escaping (Outcome) -> Void) throws(EventLoopError) {
        try self.init(.failure(ActFault(.failed, reason)), loop, completion)
    }

    override func begin() { end(outcome) }
}
