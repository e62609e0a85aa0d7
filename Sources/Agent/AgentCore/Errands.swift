import JSON
import Wire

/// The errands under way: takes commands in, each once, runs them, and has their results reported.
///
/// ```
///  commands ─▶ refused, expired ──────────────────────────────┐
///     │ │                                                     ▼
///     │ └─▶ waiting for their time or for room ─▶ Run ──▶ result, remembered and reported
///     └───▶ known: the same result again          ▲
///                                   duties ───────┘
/// ```
struct Errands: Sendable {
    /// So many commands are worked on side by side; an emergency waits for nobody.
    static let atOnceMax = 4
    static let emergencyPriority = 100
    /// A result that the coordinator does not seem to have is told again, but not while the last one may be under way.
    static let repeatPause = Duration.seconds(30)
    /// The times in commands are on a wall clock, which may be set: looked at as often as this.
    static let lookPause = Duration.seconds(60)

    /// When it wants to be woken.
    private(set) var nextDue: Duration?
    var runs: [Run] = []
    private var runsCounted = 0
    /// What we had decided ourselves and is over; the machine takes it from here.
    var ownEnds: [OwnEnd] = []
    /// Whether a demotion that has just ended was seen to stop the workload; the machine takes note of it.
    var demotionEnd: Bool?
    /// An order has just brought the workload here.
    var brought: Brought?
    /// Commands that made way for a stop, and are answered when that is done.
    var overtaken: [Overtaken] = []
    /// Begun before the restart, and not gone on with before the coordinator has said that it is still so.
    private var held: [Memory.OpenCommand] = []
    /// Not begun, and not remembered: the coordinator delivers them again.
    private var waiting: [Command] = []
    private var ended: [Ended] = []
    /// What the last start left, until it is known who we are.
    private var unfinished: [Memory.OpenCommand]
    var duties = Duties()

    struct OwnEnd: Sendable {
        let purpose: Purpose
        let end: ErrandEnd
    }

    struct Overtaken: Sendable {
        let command: Command
        let startedAt: Timestamp
    }

    /// The coordinator has said who serves under which epoch.
    mutating func answerHeld(_ standing: Standing, _ turn: inout Turn) {
        let waiting = held
        held = []
        for known in waiting {
            let isStill = known.command.epoch == standing.epoch && [.promoting, .primary].contains(standing.role)
            guard isStill, let errand = known.command.errand(takenAt: known.takenAt, standing.options.takeOver) else {
                overtaken.append(Overtaken(known))
                continue
            }
            let at = add(.command(known.command), errand, startedAt: known.takenAt, turn)
            advance(at, on: .began(progress: known.progress), standing, &turn)
        }
        settle(standing, &turn)
    }

    private struct Ended: Sendable {
        let command: CommandID
        let result: CommandResult
        var toldAt: Duration?
    }

    init(_ memory: Memory) {
        unfinished = memory.open
        ended = memory.ended.suffix(Memory.endedMax).map { Ended(command: $0.command, result: $0.result) }
    }

    /// What heartbeats name, which renews the leases.
    var running: [CommandID] {
        runs.compactMap { $0.answered != nil ? nil : $0.command?.id } + waiting.map(\.id) + overtaken.map(\.command.id)
            + held.map(\.command.id)
    }

    /// After a start, once it is known who and where we are: goes on with what was not ended. `isExclusive`: what brings the
    /// workload up waits for the coordinator's word, because somebody else may have been chosen meanwhile.
    mutating func resume(_ standing: Standing, isExclusive: Bool = false, _ turn: inout Turn) {
        var open = unfinished
        unfinished = []
        // What made way for a stop before the restart does not come back after it.
        let isStopping = open.contains { $0.command.isDemotion }
        overtaken += open.filter { isStopping && $0.command.brings }.map(Overtaken.init)
        if isExclusive, !isStopping { held = open.filter(\.command.brings) }
        open.removeAll { $0.command.brings && (isStopping || isExclusive) }
        for known in open where known.command.instance == standing.facts.instance {
            guard let errand = known.command.errand(takenAt: known.takenAt, standing.options.takeOver) else { continue }
            let at = add(.command(known.command), errand, startedAt: known.takenAt, turn)
            advance(at, on: .began(progress: known.progress), standing, &turn)
        }
        settle(standing, &turn)
    }

    mutating func take(_ commands: [Command], _ standing: Standing, _ turn: inout Turn) {
        for command in commands where command.instance == standing.facts.instance { take(command, &turn) }
        settle(standing, &turn)
    }

    private mutating func take(_ command: Command, _ turn: inout Turn) {
        if let at = ended.firstIndex(where: { $0.command == command.id }) {
            repeatResult(at, attempt: command.attempt, &turn)
        } else if let at = runs.firstIndex(where: { $0.command?.id == command.id }) {
            runs[at].attempt = command.attempt
        } else if let at = waiting.firstIndex(where: { $0.id == command.id }) {
            waiting[at] = command
        } else if !unfinished.contains(where: { $0.command.id == command.id }),
            !overtaken.contains(where: { $0.command.id == command.id }),
            !held.contains(where: { $0.command.id == command.id })
        {
            waiting.append(command)
            guard running.count > Limits.commandsRunningMax else { return }
            // What cannot be named is not kept; it is not lost, but delivered again.
            waiting.sort(by: Command.goesFirst)
            waiting.removeLast()
        }
    }

    private mutating func repeatResult(_ at: Int, attempt: Int, _ turn: inout Turn) {
        if let toldAt = ended[at].toldAt, turn.now - toldAt < Self.repeatPause { return }
        ended[at].toldAt = turn.now
        var result = ended[at].result
        result.attempt = attempt
        let command = ended[at].command
        turn.report(as: .of("result", command), .result(result, of: command))
    }

    /// What came before a doubt was over is older than the coordinator's next word; it is delivered again.
    mutating func dropBringing() { waiting.removeAll(where: \.brings) }

    mutating func take(
        _ call: CallID, _ result: Result<CloudAnswer, CloudFault>, _ standing: Standing, _ turn: inout Turn
    ) {
        if let at = runs.firstIndex(where: { $0.isWaiting(for: call) }) { answer(at, result, standing, &turn) }
        settle(standing, &turn)
    }

    mutating func take(
        _ act: ActID, _ result: Result<Acted, ActFault>, _ standing: Standing, _ turn: inout Turn
    ) {
        if let at = runs.firstIndex(where: { $0.isWaiting(for: act) && !$0.isOver }) {
            acted(at, result, standing, &turn)
        }
        settle(standing, &turn)
    }

    mutating func noteRecorded(upTo batch: Int, _ standing: Standing, _ turn: inout Turn) {
        for at in runs.indices { noteRecorded(at, upTo: batch, &turn) }
        settle(standing, &turn)
    }

    /// Time has passed, or `standing` is another one.
    mutating func wake(_ standing: Standing, _ turn: inout Turn) {
        // By their number: what one does may add others, and they are not due.
        for at in runs.indices { wake(at, standing, &turn) }
        settle(standing, &turn)
    }

    // MARK: Beginning

    /// After every input: what ended makes room, and what can begin begins.
    private mutating func settle(_ standing: Standing, _ turn: inout Turn) {
        runs.removeAll(where: \.isOver)
        beginWaiting(standing, &turn)
        beginDuties(standing, &turn)
        runs.removeAll(where: \.isOver)
        nextDue = dues(standing, turn).min()
    }

    private func dues(_ standing: Standing, _ turn: Turn) -> [Duration] {
        let time = standing.coordinatorTime(at: turn.wall)
        let looks = waiting.map { command in
            let next = [command.notBefore, command.expiresAt].compactMap(\.self).filter { $0 > time }.min()
            return turn.now + max(.milliseconds(100), min(Self.lookPause, (next ?? .latest) - time))
        }
        return runs.compactMap(\.due) + looks + duties.dues
    }

    private mutating func beginWaiting(_ standing: Standing, _ turn: inout Turn) {
        let time = standing.coordinatorTime(at: turn.wall)
        // Whoever is to stop does not go on starting.
        if waiting.contains(where: { $0.isDemotion && $0.refusal(standing, at: time) == nil }) {
            giveUp(standing, &turn) { $0.brings }
        }
        for command in waiting.sorted(by: Command.goesFirst) {
            if let refusal = command.refusal(standing, at: time), refusal.outcome == .expired, command.brings {
                // An earlier life may have begun it, and have forgotten that.
                guard hasRoom(for: command) else { continue }
                waiting.removeAll { $0.id == command.id }
                begin(command, Withdrawal(standing.options.takeOver, refusal), standing, &turn)
            } else if let refusal = command.refusal(standing, at: time) {
                waiting.removeAll { $0.id == command.id }
                conclude(command, refusal, startedAt: nil, standing, &turn)
            } else if command.notBefore ?? .earliest <= time, hasRoom(for: command),
                let errand = command.errand(takenAt: turn.wall, standing.options.takeOver)
            {
                waiting.removeAll { $0.id == command.id }
                begin(command, errand, standing, &turn)
            }
        }
    }

    private func hasRoom(for command: Command) -> Bool {
        if command.order.movesTheWorkload { return !moves }
        if command.priority >= Self.emergencyPriority { return true }
        let others = runs.filter { !$0.isOver && $0.answered == nil }.compactMap(\.command)
        return others.count < Self.atOnceMax
            && !(command.order.goesAlone && others.contains { $0.order.type == command.order.type })
    }

    private mutating func begin(
        _ command: Command, _ errand: any Errand, _ standing: Standing, _ turn: inout Turn
    ) {
        turn.remember(.commandTaken(command, at: turn.wall))
        turn.tell(.commandTaken(command.id, type: command.order.type, attempt: command.attempt, command.incident))
        let at = add(.command(command), errand, startedAt: turn.wall, turn)
        runs[at].noteRemembered(turn)
        advance(at, on: .began(progress: []), standing, &turn)
    }

    /// Decided on this machine, and begun at once.
    mutating func begin(_ purpose: Purpose, _ errand: any Errand, _ standing: Standing, _ turn: inout Turn) {
        advance(add(.own(purpose), errand, startedAt: turn.wall, turn), on: .began(progress: []), standing, &turn)
        settle(standing, &turn)
    }

    @discardableResult
    mutating func add(_ cause: Run.Cause, _ errand: any Errand, startedAt: Timestamp, _ turn: Turn) -> Int {
        runsCounted += 1
        runs.append(Run(RunID(number: runsCounted), cause, errand, startedAt: startedAt, at: turn.now))
        return runs.count - 1
    }

    // MARK: Ending

    /// Reports a command's result, and keeps it for whoever asks again.
    mutating func conclude(
        _ command: Command, _ end: ErrandEnd, startedAt: Timestamp?, _ standing: Standing, _ turn: inout Turn
    ) {
        let result = report(command, end, startedAt: startedAt, standing, &turn)
        turn.remember(.commandEnded(command.id, result))
    }

    /// Tells the coordinator, and whoever delivers the command again.
    mutating func report(
        _ command: Command, _ end: ErrandEnd, startedAt: Timestamp?, _ standing: Standing, _ turn: inout Turn
    ) -> CommandResult {
        // A host that knows a newer epoch says so; a command's own may be newer than what was told yet.
        var result = CommandResult(
            end.outcome, message: end.message, instance: command.instance, attempt: command.attempt,
            epoch: max(standing.epoch, command.epoch), finishedAt: turn.wall)
        result.startedAt = startedAt
        result.facts = end.facts
        result.ledger = Array(end.ledger.prefix(Limits.stepsMax))
        turn.report(as: .of("result", command.id), .result(result, of: command.id))
        turn.tell(
            .commandEnded(command.id, type: command.order.type, end.outcome, message: end.message, command.incident))
        ended.append(Ended(command: command.id, result: result, toldAt: turn.now))
        if ended.count > Memory.endedMax { ended.removeFirst() }
        return result
    }
}

extension Errands.Overtaken {
    init(_ known: Memory.OpenCommand) { self.init(command: known.command, startedAt: known.takenAt) }
}
