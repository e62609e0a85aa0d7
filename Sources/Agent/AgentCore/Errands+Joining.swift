import JSON
import Wire

// Errands that have several things done side by side, and errands that make way for others.
extension Errands {
    /// No part waits for longer than it has.
    func left(_ within: Duration, _ at: Int, _ turn: Turn) -> Duration {
        runs[at].end.map { max(.milliseconds(1), min(within, $0 - turn.now)) } ?? within
    }

    mutating func join(_ parts: [Part], _ at: Int, _ standing: Standing, _ turn: inout Turn) {
        precondition(!parts.isEmpty, "an errand waits for something")
        runs[at].wait = .parts(Array(repeating: nil, count: parts.count))
        let whole = runs[at].id
        // All are there before the first begins: one that ends at once must not be taken for the last.
        let first = runs.count
        for (place, part) in parts.enumerated() {
            add(.part(part, of: whole, place: place), part.errand, startedAt: turn.wall, turn)
        }
        for part in first..<first + parts.count { advance(part, on: .began(progress: []), standing, &turn) }
    }

    /// Its time is over. What it has had done may still come to something, which is nobody's any more.
    mutating func overrun(_ at: Int, _ standing: Standing, _ turn: inout Turn) {
        guard case .part(let part, let whole, let place) = runs[at].cause else { return }
        runs[at].isOver = true
        endParts(of: runs[at].id)
        let obstacle = (runs[at].errand as? any UnboundedErrand)?.obstacle.map { ": \($0)" } ?? ""
        note(
            .failed("\(part.name) was not done in \(part.budget.seconds) s\(obstacle)"), .overran, of: part,
            part.budget, whole,
            place, standing, &turn)
    }

    private mutating func endParts(of whole: RunID) {
        for at in runs.indices where !runs[at].isOver {
            guard case .part(_, of: whole, _) = runs[at].cause else { continue }
            runs[at].isOver = true
            endParts(of: runs[at].id)
        }
    }

    mutating func note(
        _ end: ErrandEnd, _ outcome: LedgerStep.Outcome, of part: Part, _ took: Duration, _ whole: RunID, _ place: Int,
        _ standing: Standing, _ turn: inout Turn
    ) {
        guard let at = runs.firstIndex(where: { $0.id == whole && !$0.isOver }), case .parts(var ends) = runs[at].wait
        else { return }
        let step = LedgerStep(
            part, beganAt: standing.coordinatorTime(at: turn.wall - took), took: took, outcome)
        ends[place] = PartEnd(name: part.name, end: end, step: step)
        runs[at].wait = .parts(ends)
        let known = ends.compactMap(\.self)
        guard known.count == ends.count else { return }
        if runs[at].isGivenUp { return give(up: at, standing, &turn) }
        advance(at, on: .joined(known), standing, &turn)
    }

    // MARK: Making way

    /// Ends the runs that `isMeant`, and lets go of what they have had done: a start that is half done must not go on beside the
    /// stop that follows, nor that wait for it.
    mutating func giveUp(_ standing: Standing, _ turn: inout Turn, where isMeant: (Run) -> Bool) {
        let meant = runs.indices.filter { !runs[$0].isOver && !runs[$0].isGivenUp && isMeant(runs[$0]) }
        for at in meant { giveUp(at, standing, &turn) }
    }

    private mutating func giveUp(_ at: Int, _ standing: Standing, _ turn: inout Turn) {
        runs[at].isGivenUp = true
        switch runs[at].wait {
        case .act(let act, _):
            turn.add(.letGo(act))
            give(up: at, standing, &turn)
        case .parts:
            let whole = runs[at].id
            let parts = runs.indices.filter {
                if case .part(_, of: whole, _) = runs[$0].cause { !runs[$0].isOver } else { false }
            }
            for part in parts { giveUp(part, standing, &turn) }
        case .nothing, .answer, .retry, .rest, .disk: give(up: at, standing, &turn)
        }
    }

    /// What it waited for is over.
    mutating func give(up at: Int, _ standing: Standing, _ turn: inout Turn) {
        guard !runs[at].isOver else { return }
        runs[at].isOver = true
        switch runs[at].cause {
        case .part(let part, let whole, let place):
            note(
                .failed("\(part.name) made way"), .failed, of: part, turn.now - runs[at].beganAt, whole, place,
                standing,
                &turn)
        case .command(let command): overtaken.append(Overtaken(command: command, startedAt: runs[at].startedAt))
        case .own(let purpose): ownEnds.append(OwnEnd(purpose: purpose, end: .refused("it made way")))
        case .duty: break
        }
    }

    /// The workload was stopped here after all that was given up: now that can be said.
    mutating func concludeOvertaken(_ standing: Standing, _ turn: inout Turn) {
        let over = overtaken
        overtaken = []
        for one in over {
            conclude(
                one.command, .failed("it was overtaken, and the workload was stopped here"), startedAt: one.startedAt,
                standing, &turn)
        }
    }
}

extension Duration {
    /// For a sentence: with one decimal where it is short.
    var seconds: String {
        let tenths = Int64((self / .milliseconds(100)).rounded())
        return tenths % 10 == 0 || tenths >= 100 ? "\(tenths / 10)" : "\(tenths / 10).\(tenths % 10)"
    }
}
