import JSON
import Platform

/// The coordinator's machine: its clocks, and chance of the seed.
final class CoordinatorClock: Surroundings, @unchecked Sendable {
    // Unchecked: a simulation is one thread.
    private let agenda: Agenda
    private let chance: Chance
    var clocks = Clocks(bootedAt: .zero - .seconds(100_000))

    init(_ agenda: Agenda, _ chance: Chance) {
        self.agenda = agenda
        self.chance = chance
    }

    func monotonic() -> Duration { clocks.monotonic(at: agenda.now) }
    func boot() -> Duration { clocks.boot(at: agenda.now) }
    func wall() -> Timestamp { clocks.wall(at: agenda.now) }
    func random() -> UInt64 { chance.next() }
}
