package import AgentCore
package import Platform

/// The loop around the machine: tells it what happened, and carries out what it says. Lives on the loop's thread.
package final class AgentShell {
    private var machine: AgentMachine
    private let surroundings: any Surroundings

    package init(_ machine: AgentMachine, surroundings: any Surroundings) {
        self.machine = machine
        self.surroundings = surroundings
    }

    package func take(_ input: Input) {
        _ = machine.handle(
            input, now: surroundings.boot(), wall: surroundings.wall(), chance: surroundings.random())
    }
}
