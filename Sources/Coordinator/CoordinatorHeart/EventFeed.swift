package import CoordinatorCore
import Platform

/// Tells of new lines of the event log, after they are on the disk: whoever waits for some, and the observer, which is the
/// journal.
package final class EventFeed: Sendable {
    private struct State {
        var waiting: [Waiter] = []
        var lastID: Int64 = 0
        var kinds: [EventKind: Int] = [:]
        var drillKinds: [EventKind: Int] = [:]
    }
    private struct Waiter {
        let id: Int64
        let wake: @Sendable () -> Void
    }

    /// Each is a person who follows the log, or a page.
    private static let waitingMax = 1_000

    private let state = Locked(State())
    private let observe: @Sendable ([Event]) -> Void

    init(observe: @escaping @Sendable ([Event]) -> Void) { self.observe = observe }

    func publish(_ events: [Event]) {
        observe(events)
        let woken: [Waiter] = state.withLock { state in
            for event in events {
                if event.isDrill {
                    state.drillKinds[event.kind, default: 0] += 1
                } else {
                    state.kinds[event.kind, default: 0] += 1
                }
            }
            defer { state.waiting = [] }
            return state.waiting
        }
        for waiter in woken { waiter.wake() }
    }

    /// Calls `wake` once, from the writer's thread, when the log has grown. Nil: too many wait already.
    package func wait(wake: @escaping @Sendable () -> Void) -> Int64? {
        state.withLock { state in
            guard state.waiting.count < Self.waitingMax else { return nil }
            state.lastID += 1
            state.waiting.append(Waiter(id: state.lastID, wake: wake))
            return state.lastID
        }
    }

    package func giveUp(_ id: Int64) { state.withLock { state in state.waiting.removeAll { $0.id == id } } }

    /// Lines by kind since the start, without those of drills.
    package var kinds: [EventKind: Int] { state.withLock { $0.kinds } }
    package var drillKinds: [EventKind: Int] { state.withLock { $0.drillKinds } }
}
