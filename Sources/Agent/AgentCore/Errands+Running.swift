import JSON
import Wire

/// One errand under way: what it waits for.
struct Run: Sendable {
    enum Cause: Sendable, Equatable {
        case command(Command)
        case duty(Duties.Duty)
    }

    enum Wait: Sendable {
        case nothing
        case answer(CallID, CloudRequest, until: Duration)
        /// To be asked again.
        case retry(CloudRequest, at: Duration, until: Duration)
        case rest(until: Duration)
        /// For the disk, to be asked then.
        case disk(CloudRequest, within: Duration, until: Duration)
    }

    /// A machine in danger does not wait longer for its own disk.
    static let diskPatience = Duration.seconds(5)
    /// Nobody's answer takes longer than this without being lost; then it is asked again.
    static let attemptMax = Duration.seconds(10)

    var cause: Cause
    var errand: any Errand
    var startedAt: Timestamp
    var wait = Wait.nothing
    var backoff = Backoff()
    /// The newest batch with an entry of it, until that is on the disk.
    private(set) var unsaved: (batch: Int, since: Duration)?
    /// Something was done that a crash would have made us forget.
    var wentUnremembered = false
    /// The coordinator has the result; what it does now is ours alone.
    var answered: CommandResult?
    var isOver = false

    init(_ cause: Cause, _ errand: any Errand, startedAt: Timestamp) {
        self.cause = cause
        self.errand = errand
        self.startedAt = startedAt
    }

    var command: Command? { if case .command(let command) = cause { command } else { nil } }

    /// The newest delivery.
    var attempt: Int {
        get { command?.attempt ?? 0 }
        set {
            guard var command else { return }
            command.attempt = newValue
            cause = .command(command)
        }
    }

    /// When it wants to be woken; what waits for an answer gets one.
    var due: Duration? {
        switch wait {
        case .nothing, .answer: nil
        case .retry(_, let at, _): at
        case .rest(let until), .disk(_, _, let until): until
        }
    }

    func isWaiting(for call: CallID) -> Bool { if case .answer(call, _, _) = wait { true } else { false } }

    mutating func noteRemembered(_ turn: Turn) { unsaved = (turn.batch, unsaved?.since ?? turn.now) }
    mutating func noteRecorded(upTo batch: Int) { if let unsaved, unsaved.batch <= batch { self.unsaved = nil } }

    mutating func ask(_ request: CloudRequest, within: Duration, _ turn: inout Turn) {
        if request.changesSomething, let unsaved {
            let until = unsaved.since + Self.diskPatience
            guard turn.now >= until else {
                wait = .disk(request, within: within, until: until)
                return
            }
            wentUnremembered = true
        }
        askNow(request, until: turn.now + within, &turn)
    }

    mutating func askNow(_ request: CloudRequest, until: Duration, _ turn: inout Turn) {
        let left = until - turn.now
        let call = turn.call(request, within: request.changesSomething ? left : min(left, Self.attemptMax))
        wait = .answer(call, request, until: until)
    }
}

extension Errands {
    mutating func noteRecorded(_ at: Int, upTo batch: Int, _ turn: inout Turn) {
        runs[at].noteRecorded(upTo: batch)
        if case .disk(let request, let within, _) = runs[at].wait, runs[at].unsaved == nil {
            runs[at].ask(request, within: within, &turn)
        }
    }

    mutating func wake(_ at: Int, _ standing: Standing, _ turn: inout Turn) {
        guard let due = runs[at].due, turn.now >= due else { return }
        switch runs[at].wait {
        case .nothing, .answer: break
        case .retry(let request, _, let until): runs[at].askNow(request, until: until, &turn)
        case .disk(let request, let within, _): runs[at].ask(request, within: within, &turn)
        case .rest: advance(at, on: .rested, standing, &turn)
        }
    }

    mutating func answer(
        _ at: Int, _ result: Result<CloudAnswer, CloudFault>, _ standing: Standing, _ turn: inout Turn
    ) {
        guard case .answer(_, let request, let until) = runs[at].wait else { return }
        if case .failure(let fault) = result, fault.isPassing, !request.changesSomething {
            let again = turn.now + runs[at].backoff.next(chance: turn.draw())
            if again < until {
                runs[at].wait = .retry(request, at: again, until: until)
                return
            }
        }
        runs[at].backoff.reset()
        advance(at, on: .answered(result), standing, &turn)
    }

    /// Lets an errand do steps until it has to wait.
    mutating func advance(_ at: Int, on first: ErrandEvent, _ standing: Standing, _ turn: inout Turn) {
        var event = first
        runs[at].wait = .nothing
        while true {
            switch runs[at].errand.go(on: event, standing, &turn) {
            case .call(let request, let within): return runs[at].ask(request, within: within, &turn)
            case .rest(let pause):
                runs[at].wait = .rest(until: turn.now + pause)
                return
            case .remember(let progress):
                remember(progress, at, &turn)
                event = .remembered
            case .report(let end):
                report(end, at, standing, &turn)
                event = .reported
            case .end(let end): return self.end(at, end, standing, &turn)
            }
        }
    }

    private mutating func remember(_ progress: Progress, _ at: Int, _ turn: inout Turn) {
        guard let command = runs[at].command else { preconditionFailure("a duty begins anew after a restart") }
        turn.remember(.progressed(command.id, progress))
        runs[at].noteRemembered(turn)
    }

    private mutating func report(_ end: ErrandEnd, _ at: Int, _ standing: Standing, _ turn: inout Turn) {
        guard let command = runs[at].command else { preconditionFailure("nobody waits for the result of a duty") }
        runs[at].answered = report(command, told(end, at), startedAt: runs[at].startedAt, standing, &turn)
    }

    private mutating func end(_ at: Int, _ end: ErrandEnd, _ standing: Standing, _ turn: inout Turn) {
        runs[at].isOver = true
        switch runs[at].cause {
        case .duty(let duty): duties.note(end, of: duty, &turn)
        case .command(let command):
            if let answered = runs[at].answered {
                turn.tell(.step(command.id, end.message))
                turn.remember(.commandEnded(command.id, answered))
            } else {
                conclude(command, told(end, at), startedAt: runs[at].startedAt, standing, &turn)
            }
        }
    }

    private func told(_ end: ErrandEnd, _ at: Int) -> ErrandEnd {
        guard runs[at].wentUnremembered else { return end }
        var end = end
        end.message += "; the disk did not take down in time how far it had come"
        return end
    }
}
