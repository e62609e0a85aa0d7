package import CoordinatorCore
import CoordinatorStore
import Platform
package import Wire

/// Tells of new lines of the event log, after they are on the disk: whoever waits for some, the observer, which is the
/// journal, and the one who follows it for all live streams.
package final class EventFeed: Sendable {
    private struct State {
        var tail: Tail
        var waiting: [Waiter] = []
        var lastID: Int64 = 0
        // Each is counted from 0: whoever watches a counter grow must have seen it before.
        var kinds = EventFeed.none
        var drillKinds = EventFeed.none
    }
    private static let none = Dictionary(uniqueKeysWithValues: EventKind.allCases.map { ($0, 0) })
    private struct Waiter {
        let id: Int64
        let wake: @Sendable () -> Void
    }

    /// Each is a person who follows the log, or a page.
    private static let waitingMax = 1_000

    private let state: Locked<State>
    private let observe: @Sendable ([Event]) -> Void
    private let following = Following()

    init(_ tail: Tail, observe: @escaping @Sendable ([Event]) -> Void) {
        state = Locked(State(tail: tail))
        self.observe = observe
    }

    /// The lines of one transaction.
    func publish(_ lines: [(place: Int64, event: Event)]) {
        let events = lines.map { $0.event }
        observe(events)
        let woken: [Waiter] = state.withLock { state in
            let log = state.tail.log
            state.tail.append(lines.map { PlacedLine($0.event, at: $0.place, in: log) })
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
        following.grow()
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

    // MARK: Following it

    /// Has `grown` called after the log has grown, and `beat` now and then, both on a thread that does nothing else.
    package func follow(grown: @escaping @Sendable () -> Void, beat: @escaping @Sendable () -> Void) {
        following.follow(grown: grown, beat: beat)
    }

    /// Time has passed: who listens is to be shown that we are here.
    package func beat() { following.beat() }

    func start() throws(PlatformError) { try following.start() }
    func stop() { following.stop() }

    /// Where the log ends, as far as it was told of.
    package var end: Int64 { state.withLock { $0.tail.end } }

    /// At most `limit` lines after that place, oldest first, of the newest that memory has; nil where these do not go back so
    /// far.
    package func lines(after place: Int64, limit: Int) -> ArraySlice<PlacedLine>? {
        state.withLock { $0.tail.lines(after: place, limit: limit) }
    }

    package func cursor(at place: Int64) -> EventCursor { EventCursor(after: place, in: log) }

    /// The place that a cursor stands for. Refuses one of another list, and with `.gone` one of another log.
    package func place(of cursor: EventCursor) -> Outcome<Int64> {
        do { return .done(try cursor.sequence(in: log, endingAt: end)) } catch {
            return .refused(ErrorReply(error.code == .cursorGone ? .gone : .validation, error.description))
        }
    }

    var log: Int64 { state.withLock { $0.tail.log } }

    // MARK: Counting

    /// Lines by kind since the start, without those of drills.
    package var kinds: [EventKind: Int] { state.withLock { $0.kinds } }
    package var drillKinds: [EventKind: Int] { state.withLock { $0.drillKinds } }
}
