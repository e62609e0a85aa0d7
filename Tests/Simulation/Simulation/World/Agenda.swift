/// What is to happen, by virtual time, and at one time in the order in which it was planned.
final class Agenda {
    private struct Entry {
        let time: Duration
        let number: Int
        let action: () -> Void

        func isBefore(_ other: Entry) -> Bool { (time, number) < (other.time, other.number) }
    }

    /// A heap: the first is the next.
    private var entries: [Entry] = []
    private var planned = 0
    private(set) var now = Duration.zero
    private(set) var happened = 0

    /// Never before now, whatever `time` says.
    func plan(at time: Duration, _ action: @escaping () -> Void) {
        planned += 1
        entries.append(Entry(time: max(time, now), number: planned, action: action))
        rise(entries.count - 1)
    }

    func plan(after delay: Duration, _ action: @escaping () -> Void) { plan(at: now + delay, action) }

    /// Lets the next thing happen; false when there is none before `end`, which it is then.
    func step(until end: Duration) -> Bool {
        guard let first = entries.first, first.time < end else {
            now = max(now, end)
            return false
        }
        let last = entries.removeLast()
        if !entries.isEmpty {
            entries[0] = last
            sink()
        }
        now = first.time
        happened += 1
        first.action()
        return true
    }

    func clear() { entries = [] }

    private func rise(_ start: Int) {
        var child = start
        while child > 0 {
            let parent = (child - 1) / 2
            guard entries[child].isBefore(entries[parent]) else { return }
            entries.swapAt(child, parent)
            child = parent
        }
    }

    private func sink() {
        var parent = 0
        while true {
            var least = parent
            for child in [2 * parent + 1, 2 * parent + 2]
            where child < entries.count && entries[child].isBefore(entries[least]) { least = child }
            guard least != parent else { return }
            entries.swapAt(least, parent)
            parent = least
        }
    }
}
