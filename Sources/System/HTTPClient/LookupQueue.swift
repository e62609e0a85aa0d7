/// Which calls wait for which name, and which names may be looked up now. Bookkeeping only: it starts nothing.
///
/// All calls to one origin share one lookup, and at most `limit` lookups run. It never holds more entries than there
/// are calls under way, so `TransportOptions.maxRequests` bounds it.
struct LookupQueue {
    private let limit: Int
    private var waiting: [String: [UInt64]] = [:]
    private var running: Set<String> = []
    private var queued: [String] = []

    init(limit: Int) {
        precondition(limit > 0, "without a single lookup no name is ever resolved")
        self.limit = limit
    }

    /// True if the caller must start the lookup now.
    mutating func wait(_ call: UInt64, for origin: String) -> Bool {
        waiting[origin, default: []].append(call)
        if running.contains(origin) || queued.contains(origin) { return false }
        guard running.count < limit else {
            queued.append(origin)
            return false
        }
        running.insert(origin)
        return true
    }

    /// A running lookup goes on when nobody waits for it any more: its thread cannot be stopped.
    mutating func forget(_ call: UInt64, for origin: String) {
        guard var calls = waiting[origin] else { return }
        calls.removeAll { $0 == call }
        waiting[origin] = calls.isEmpty ? nil : calls
        if calls.isEmpty { queued.removeAll { $0 == origin } }
    }

    /// Those who waited for this lookup, and the origin to look up next in its place.
    mutating func finish(_ origin: String) -> (released: [UInt64], next: String?) {
        precondition(running.remove(origin) != nil, "a lookup ended that was never started")
        let released = waiting.removeValue(forKey: origin) ?? []
        guard !queued.isEmpty else { return (released, nil) }
        let next = queued.removeFirst()
        running.insert(next)
        return (released, next)
    }
}
