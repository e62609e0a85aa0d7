package import AgentCore
package import Platform

/// The loop around the machine: tells it what happened, and carries out what it says. Lives on the loop's thread.
package final class AgentShell {
    private var machine: AgentMachine
    private let loop: any EventLoop
    private let uplink: Uplink
    private let surroundings: any Surroundings
    private let announce: (AgentMachine.Contact) -> Void
    private var alarm: (any LoopTimer)?
    /// The next input comes by then, whatever the coordinator does: an answer, its deadline, or the alarm.
    private var nextInputBy: Duration?

    /// How late the loop itself may be before something must be wrong with it.
    private static let slack: Duration = .seconds(2)

    package init(
        _ machine: AgentMachine, on loop: any EventLoop, uplink: Uplink, surroundings: any Surroundings,
        announce: @escaping (AgentMachine.Contact) -> Void
    ) throws(EventLoopError) {
        self.machine = machine
        self.loop = loop
        self.uplink = uplink
        self.surroundings = surroundings
        self.announce = announce
        alarm = try loop.makeTimer { [weak self] in self?.take(.wokeUp) }
    }

    package func take(_ input: AgentMachine.Input) {
        let moment = AgentMachine.Moment(
            monotonic: surroundings.monotonic(), wall: surroundings.wall(), chance: surroundings.random())
        for effect in machine.handle(input, at: moment) { carryOut(effect) }
    }

    /// What the agent knows of the coordinator.
    package var contact: AgentMachine.Contact { machine.contact }

    /// Whether the machinery moves: no duty is overdue. A dead coordinator does not change it, a stuck duty does; what
    /// feeds the watchdog asks here.
    package var moves: Bool { nextInputBy.map { surroundings.monotonic() <= $0 } ?? true }

    private func carryOut(_ effect: AgentMachine.Effect) {
        switch effect {
        case .askCoordinator(let deadline): ask(deadline)
        case .wake(let time):
            alarm?.arm(at: time)
            nextInputBy = time + Self.slack
        case .announce(let contact): announce(contact)
        }
    }

    private func ask(_ deadline: Duration) {
        let asked = surroundings.monotonic()
        nextInputBy = asked + deadline + Self.slack
        uplink.askTime(deadline: deadline) { [weak self] result in
            guard let self else { return }
            switch result {
            case .success(let time):
                take(.coordinatorAnswered(serverTime: time, asked: surroundings.monotonic() - asked))
            case .failure(let error): take(.coordinatorFailed(reason: error.description))
            }
        }
    }
}
