import Synchronization

/// What a listener has done and holds, for metrics. Read one by one while the listener runs: close to each other in time,
/// not of one instant.
package struct ListenerCounters: Sendable, Equatable {
    /// Connections accepted and served since the start.
    package internal(set) var accepted = 0
    /// Connections open now.
    package internal(set) var open = 0
    /// Connections answered 503 or closed at once because a limit was reached.
    package internal(set) var refused = 0
    /// Connections cut off because their client was too slow.
    package internal(set) var cutOff = 0
    /// Requests whose header arrived completely.
    package internal(set) var requests = 0
    /// Requests answered by the server itself, not by the handler: 400, 413, 431.
    package internal(set) var rejected = 0
    /// Requests parked now.
    package internal(set) var parked = 0
    /// Requests that wanted to park and got their fallback at once, because of the cap or the stop.
    package internal(set) var notParked = 0
    /// Streams open now.
    package internal(set) var streams = 0
    /// Requests whose handler returned and had done nothing: answered 500. Not zero means a defect in a handler.
    package internal(set) var unanswered = 0
}

/// The live numbers behind `ListenerCounters`.
final class Counters: Sendable {
    let accepted = Atomic(0)
    let open = Atomic(0)
    let refused = Atomic(0)
    let cutOff = Atomic(0)
    let requests = Atomic(0)
    let rejected = Atomic(0)
    let parked = Atomic(0)
    let notParked = Atomic(0)
    let streams = Atomic(0)
    let unanswered = Atomic(0)

    func read() -> ListenerCounters {
        ListenerCounters(
            accepted: accepted.now, open: open.now, refused: refused.now, cutOff: cutOff.now, requests: requests.now,
            rejected: rejected.now, parked: parked.now, notParked: notParked.now, streams: streams.now,
            unanswered: unanswered.now)
    }
}

extension Atomic<Int> {
    var now: Int { load(ordering: .relaxed) }
    func increment() { wrappingAdd(1, ordering: .relaxed) }
    func decrement() { wrappingSubtract(1, ordering: .relaxed) }

    /// False, and nothing changed: there are `limit` already.
    func increment(upTo limit: Int) -> Bool {
        guard wrappingAdd(1, ordering: .relaxed).newValue <= limit else {
            decrement()
            return false
        }
        return true
    }
}
