import JSON
import Wire

/// One errand under way: what it waits for.
struct Run: Sendable {
    enum Cause: Sendable {
        case command(Command)
        case duty(Duties.Duty)
        /// Decided on this machine.
        case own(Purpose)
        case part(Part, of: RunID, place: Int)
    }

    enum Wait: Sendable {
        case nothing
        case answer(CallID, CloudRequest, until: Duration)
        case act(ActID, until: Duration)
        /// What has come of its parts; nil: under way.
        case parts([PartEnd?])
        /// To be asked again.
        case retry(CloudRequest, at: Duration, until: Duration)
        case rest(until: Duration)
        /// For the disk, to be done then.
        case disk(Step, within: Duration, until: Duration)
    }

    enum Step: Sendable {
        case ask(CloudRequest)
        case act(Act)
    }

    /// A machine in danger does not wait longer for its own disk.
    static let diskPatience = Duration.seconds(5)
    /// Nor does a workload that nobody serves.
    static let startPatience = Duration.seconds(1)
    /// Nobody's answer takes longer than this without being lost; then it is asked again.
    static let attemptMax = Duration.seconds(10)
    /// Nobody waits for a duty: a machine without a role, or an account that is throttled, is not asked all the time.
    private static let longestDutyPause = Duration.seconds(60)

    let id: RunID
    var cause: Cause
    var errand: any Errand
    var startedAt: Timestamp
    var wait = Wait.nothing
    var backoff: Backoff
    /// The newest batch with an entry of it, until that is on the disk.
    private(set) var unsaved: (batch: Int, since: Duration)?
    /// Something was done that a crash would have made us forget.
    var wentUnremembered = false
    /// The coordinator has the result; what it does now is ours alone.
    var answered: CommandResult?
    /// Something else goes before: it ends with what it waits for.
    var isGivenUp = false
    var isOver = false
    let beganAt: Duration

    init(_ id: RunID, _ cause: Cause, _ errand: any Errand, startedAt: Timestamp, at now: Duration) {
        self.id = id
        beganAt = now
        self.cause = cause
        backoff = if case .duty = cause { Backoff(upTo: Self.longestDutyPause) } else { Backoff() }
        self.errand = errand
        self.startedAt = startedAt
    }

    var command: Command? { if case .command(let command) = cause { command } else { nil } }

    var duty: Duties.Duty? { if case .duty(let duty) = cause { duty } else { nil } }

    /// The newest delivery.
    var attempt: Int {
        get { command?.attempt ?? 0 }
        set {
            guard var command else { return }
            command.attempt = newValue
            cause = .command(command)
        }
    }

    /// An answer that is later than this after its time will not come.
    static let grace = Duration.seconds(5)

    /// When it wants to be woken.
    var due: Duration? {
        [waitDue, end].compactMap(\.self).min()
    }

    /// A part is over then, whatever it does.
    var end: Duration? {
        if case .part(let part, _, _) = cause, part.isCut { beganAt + part.budget } else { nil }
    }

    private var waitDue: Duration? {
        switch wait {
        case .nothing: nil
        case .answer(_, _, let until): until + Self.grace
        case .act(_, let until): until + Self.grace
        case .parts: nil
        case .retry(_, let at, _): at
        case .rest(let until), .disk(_, _, let until): until
        }
    }

    func isWaiting(for call: CallID) -> Bool { if case .answer(call, _, _) = wait { true } else { false } }
    func isWaiting(for act: ActID) -> Bool { if case .act(act, _) = wait { true } else { false } }

    mutating func noteRemembered(_ turn: Turn) { unsaved = (turn.batch, unsaved?.since ?? turn.now) }
    mutating func noteRecorded(upTo batch: Int) { if let unsaved, unsaved.batch <= batch { self.unsaved = nil } }

    mutating func ask(_ request: CloudRequest, within: Duration, _ turn: inout Turn) {
        if request.waitsForDisk, let unsaved {
            let until = unsaved.since + Self.diskPatience
            guard turn.now >= until else {
                wait = .disk(.ask(request), within: within, until: until)
                return
            }
            wentUnremembered = true
        }
        askNow(request, until: turn.now + within, &turn)
    }

    mutating func act(_ act: Act, within: Duration, _ turn: inout Turn) {
        if act.waitsForDisk, turn.isRemembering {
            noteRemembered(turn)
            wait = .disk(.act(act), within: within, until: turn.now + Self.startPatience)
        } else {
            actNow(act, within: within, &turn)
        }
    }

    /// What it waited for the disk for, which has it now or takes too long.
    mutating func goOn(with step: Step, within: Duration, _ turn: inout Turn) {
        switch step {
        case .ask(let request): ask(request, within: within, &turn)
        case .act(let act): actNow(act, within: within, &turn)
        }
    }

    private mutating func actNow(_ act: Act, within: Duration, _ turn: inout Turn) {
        wait = .act(turn.act(act, within: within), until: turn.now + within)
    }

    mutating func askNow(_ request: CloudRequest, until: Duration, _ turn: inout Turn) {
        let left = until - turn.now
        let call = turn.call(request, within: request.changesSomething ? left : min(left, Self.attemptMax))
        wait = .answer(call, request, until: until)
    }
}

extension CloudRequest {
    /// What a crash must not make us forget, and the look before it, which would be out of date by the time the disk has answered.
    fileprivate var waitsForDisk: Bool { if case .findInstances = self { true } else { changesSomething } }
}

extension Act {
    /// After a crash what comes up here must be known to: nobody would stop it when its time is over.
    fileprivate var waitsForDisk: Bool { if case .start = self { true } else { false } }
}

/// Counts the runs of one life of the agent.
struct RunID: Sendable, Hashable { let number: Int }
