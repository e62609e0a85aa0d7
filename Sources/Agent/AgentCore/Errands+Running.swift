import JSON
import Wire

extension Errands {
    mutating func noteRecorded(_ at: Int, upTo batch: Int, _ turn: inout Turn) {
        runs[at].noteRecorded(upTo: batch)
        if case .disk(let step, let within, _) = runs[at].wait, runs[at].unsaved == nil {
            runs[at].goOn(with: step, within: left(within, at, turn), &turn)
        }
    }

    mutating func wake(_ at: Int, _ standing: Standing, _ turn: inout Turn) {
        guard let due = runs[at].due, turn.now >= due, !runs[at].isOver else { return }
        if let end = runs[at].end, turn.now >= end { return overrun(at, standing, &turn) }
        switch runs[at].wait {
        case .nothing, .parts: break
        case .act:
            acted(at, .failure(ActFault(.late, "no answer came from this machine")), standing, &turn)
        case .answer:
            answer(at, .failure(CloudFault(.unreachable, "no answer came from the cloud")), standing, &turn)
        case .retry(let request, _, let until): runs[at].askNow(request, until: until, &turn)
        case .disk(let step, let within, _): runs[at].goOn(with: step, within: left(within, at, turn), &turn)
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

    mutating func acted(
        _ at: Int, _ result: Result<Acted, ActFault>, _ standing: Standing, _ turn: inout Turn
    ) {
        advance(at, on: .acted(result), standing, &turn)
    }

    /// Lets an errand do steps until it has to wait.
    mutating func advance(_ at: Int, on first: ErrandEvent, _ standing: Standing, _ turn: inout Turn) {
        var event = first
        runs[at].wait = .nothing
        while true {
            switch runs[at].errand.go(on: event, standing, &turn) {
            case .call(let request, let within): return runs[at].ask(request, within: left(within, at, turn), &turn)
            case .act(let act, let within): return runs[at].act(act, within: left(within, at, turn), &turn)
            case .join(let parts): return join(parts, at, standing, &turn)
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
        // What we decided ourselves is decided anew after a restart, from what is so then.
        guard let command = runs[at].command else { return }
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
        case .own(let purpose):
            ownEnds.append(OwnEnd(purpose: purpose, end: end))
            if case .halt = purpose { dropBringing() }
        case .part(let part, let whole, let place):
            let took = turn.now - runs[at].beganAt
            let outcome: LedgerStep.Outcome = end.outcome == .done ? .done : .failed
            note(end, outcome, of: part, took, whole, place, standing, &turn)
        case .command(let command):
            if let answered = runs[at].answered {
                turn.tell(.step(command.id, end.message))
                turn.remember(.commandEnded(command.id, answered))
            } else {
                conclude(command, told(end, at), startedAt: runs[at].startedAt, standing, &turn)
            }
            if command.isDemotion { demotionEnd = end.outcome.isSuccess }
            if command.brings, end.outcome == .done { brought = end.doubts.isEmpty ? .whole : .inPart }
        }
    }

    private func told(_ end: ErrandEnd, _ at: Int) -> ErrandEnd {
        guard runs[at].wentUnremembered else { return end }
        var end = end
        end.message += "; the disk did not take down in time how far it had come"
        return end
    }
}
