import JSON
import Wire

/// After a switch: this machine waits, and ends itself. Only when the coordinator has confirmed that another one serves.
struct Leaving: Errand {
    /// How long to wait for that beyond the wait itself. A coordinator that is away for longer ends the machine when it is
    /// back, by a command.
    static let patience = Duration.seconds(3600)
    static let pause = Duration.seconds(10)

    private enum Stage: Sendable {
        case waiting(until: Duration)
        case ending(Terminating)
    }

    let command: Command
    let wait: Duration
    let since: Timestamp
    private var stage = Stage.waiting(until: .zero)

    init(_ command: Command, wait seconds: Int, since: Timestamp) {
        self.command = command
        wait = .seconds(seconds)
        self.since = since
    }

    mutating func go(on event: ErrandEvent, _ standing: Standing, _ turn: inout Turn) -> ErrandStep {
        switch stage {
        case .ending(var terminating):
            let step = terminating.go(on: event, standing, &turn)
            stage = .ending(terminating)
            if case .end(let end) = step {
                turn.reportTermination(of: standing.facts.instance, end, command: command.id, standing)
            }
            return step
        case .waiting(let until):
            guard case .began = event else { return leave(by: until, standing, &turn) }
            guard wait > .zero else { return .done("this machine is kept, as the command says") }
            // The wall clock may have jumped since: no longer than was asked for, and not in the past.
            let left = max(.zero, min(wait, wait - (turn.wall - since)))
            stage = .waiting(until: turn.now + left + Self.patience)
            return .rest(left)
        }
    }

    private mutating func leave(by deadline: Duration, _ standing: Standing, _ turn: inout Turn) -> ErrandStep {
        guard standing.configuration.settings.autoTerminateEnabled else {
            return .done("this machine is kept: to terminate replaced machines was switched off meanwhile")
        }
        switch standing.role {
        case .zombie, .terminating, .terminated:
            var terminating = Terminating(standing.facts.instance)
            let step = terminating.go(on: .began(progress: []), standing, &turn)
            stage = .ending(terminating)
            return step
        case .launching, .replica, .promoting, .primary:
            guard turn.now < deadline else {
                return .done("this machine is kept: the coordinator has not confirmed that another one serves")
            }
            return .rest(Self.pause)
        }
    }
}
