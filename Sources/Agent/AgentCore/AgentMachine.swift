package import JSON
import Wire

/// The agent's whole decision logic: one input and the moment it came in, a list of effects out.
///
/// ```
///  metadata ──▶ Watch ──notices──▶ Notices ──┐
///                 │ who we are               ├──▶ questions to the coordinator
///                 ▼                          │
///              Contact ◀──── answers ────────┤
///                 │ commands                 │
///                 ▼                          │
///              Errands ──results──▶ Outbox ──┘
///                 └──▶ calls to the cloud
/// ```
package struct AgentMachine: Sendable {
    private var options: AgentOptions
    private var memory: Memory
    private var watch: Watch
    private var errands: Errands
    private var numbers = Turn.Numbers()
    private var batches = 0

    package init(_ options: AgentOptions, _ memory: Memory) {
        self.options = options
        self.memory = memory
        watch = Watch(options)
        errands = Errands(memory)
    }

    package mutating func handle(_ input: Input, now: Duration, wall: Timestamp, chance: UInt64) -> [Effect] {
        var turn = Turn(now: now, wall: wall, chance: chance, batch: batches + 1, numbers: numbers)
        switch input {
        case .started: watch.begin(&turn)
        default: break
        }
        numbers = turn.countedNumbers
        return turn.effects
    }
}
