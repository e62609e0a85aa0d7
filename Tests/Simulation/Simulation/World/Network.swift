/// What lies between one host and the coordinator.
final class Link {
    var isCutUpward = false
    var isCutDownward = false

    func heal() { (isCutUpward, isCutDownward) = (false, false) }
}

/// Carries messages, or does not: each arrives once, never, twice, late, or behind a later one.
final class Network {
    enum Direction { case up, down }

    private let agenda: Agenda
    private let chance: Chance
    var faults: Faults

    init(_ agenda: Agenda, _ chance: Chance, _ faults: Faults) {
        self.agenda = agenda
        self.chance = chance
        self.faults = faults
    }

    func carry(_ direction: Direction, over link: Link?, _ arrive: @escaping () -> Void) {
        let isCut = direction == .up ? link?.isCutUpward : link?.isCutDownward
        guard isCut != true, !chance.happens(faults.loss) else { return }
        agenda.plan(after: delay(), arrive)
        if chance.happens(faults.duplication) { agenda.plan(after: delay(), arrive) }
    }

    private func delay() -> Duration {
        let usual = chance.milliseconds(0...3)
        return chance.happens(faults.delay) ? usual + chance.tailed(.milliseconds(200)) : usual
    }
}
