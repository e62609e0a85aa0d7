/// One way out of the process for entries.
protocol LogTransport: ~Copyable, Sendable {
    /// Never waits. False: the entry did not go out, and no part of it did.
    mutating func deliver(_ entry: LogEntry) -> Bool
}

/// What every destination has in common: one entry at a time, and what could not be delivered is counted and told before
/// the next entry that can.
final class DropCountingSink<Transport: LogTransport & ~Copyable>: LogSink {
    private struct State: ~Copyable {
        var transport: Transport
        var dropped = 0
    }
    private let state: Locked<State>

    init(_ transport: consuming sending Transport) { state = Locked(State(transport: transport)) }

    func write(_ entry: LogEntry) {
        state.withLock { state in
            if state.dropped > 0 {
                guard state.transport.deliver(Self.tell(state.dropped)) else {
                    state.dropped += 1
                    return
                }
                state.dropped = 0
            }
            if !state.transport.deliver(entry) { state.dropped = 1 }
        }
    }

    private static func tell(_ count: Int) -> LogEntry {
        LogEntry(level: .warning, message: "log entries dropped", id: nil, fields: [.field("LOG_DROPPED", count)])
    }
}
