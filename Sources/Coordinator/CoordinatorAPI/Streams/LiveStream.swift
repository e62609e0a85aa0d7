import CoordinatorHeart
import HTTPServer
import JSON
import Platform
import Wire

/// One listener: which lines are for it, how far it has come, and what it waits for.
///
///     ready ──a line──▶ ready        written at once
///       │ ▲
///       │ └─ room ── full            its buffer is full: goes on behind, from memory
///       │
///       └─ far back ─▶ reading ─▶ ready     from the store, a page at a time
///
///     any ──▶ over                   it went away, reads too slowly, may listen no longer, or we stop
///
/// Any thread may call it; nothing in it waits.
final class LiveStream: Sendable {
    private enum Mode { case ready, full, reading, over }

    private struct State {
        var mode = Mode.ready
        /// Every line up to it was written, is `pending`, or is not for this listener.
        var place: Int64
        var pending: ArraySlice<StreamPiece> = []
        /// It has caught up once. Who then falls out of memory reads too slowly.
        var isLive = false
    }

    enum Need { case nothing, room, page(after: Int64), tooSlow }

    let client: ClientID?
    let slot: SlotID?
    /// Whose token it showed; nil for an administrator.
    let guest: ClientID?
    /// Whether whoever opened it would still be let in.
    let isAdmitted: @Sendable () -> Bool
    private let stream: ResponseStream
    private let feed: EventFeed
    private let state: Locked<State>

    init(
        _ stream: ResponseStream, of feed: EventFeed, after place: Int64, client: ClientID?, slot: SlotID?,
        guest: ClientID?, isAdmitted: @escaping @Sendable () -> Bool
    ) {
        self.stream = stream
        self.feed = feed
        self.client = client
        self.slot = slot
        self.guest = guest
        self.isAdmitted = isAdmitted
        state = Locked(State(place: place))
    }

    var isOver: Bool { state.withLock { $0.mode == .over } }

    /// Before any line.
    func greet(_ event: StreamEvent) { state.withLock { state in _ = write(event.text, &state) } }

    /// New lines, all that there are after `place`, made once for all listeners.
    func take(_ pieces: [StreamPiece], after place: Int64) -> Need {
        state.withLock { state in
            // Who is elsewhere finds them in memory when it comes to them.
            guard state.mode == .ready, state.place >= place, let last = pieces.last else { return step(&state) }
            let bytes = pieces.reduce(into: [UInt8]()) { bytes, piece in
                if piece.place > state.place, isFor(piece) { bytes += piece.bytes }
            }
            guard bytes.isEmpty || write(bytes, &state) else {
                // More than there is room for: it goes piece by piece.
                if state.mode == .full { state.mode = .ready }
                return step(&state)
            }
            state.place = max(state.place, last.place)
            state.isLive = true
            return .nothing
        }
    }

    /// Goes on, if it is to go on.
    func step() -> Need { state.withLock { step(&$0) } }

    func roomCame() -> Need {
        state.withLock { state in
            if state.mode == .full { state.mode = .ready }
            return step(&state)
        }
    }

    /// A page from the store, whose last place is `next`.
    func pageCame(_ lines: [PlacedLine], next: Int64) -> Need {
        state.withLock { state in
            guard state.mode == .reading else { return .nothing }
            state.mode = .ready
            put(lines[...], &state)
            state.place = max(state.place, next)
            return step(&state)
        }
    }

    /// Shows that we are here. What comes of it tells whether the listener is.
    func beat(at now: Timestamp) -> Need {
        state.withLock { state in
            switch state.mode {
            case .over: return .nothing
            case .ready:
                write(StreamEvent.heartbeat(feed.cursor(at: state.place), at: now).text, &state)
                return state.mode == .full ? .room : .nothing
            case .full, .reading:
                // Nothing is to go before what it waits for; an empty piece finds out the same.
                if stream.write([]) == .closed { state.mode = .over }
                return .nothing
            }
        }
    }

    func end(because reason: String, at now: Timestamp) {
        let isFirst = state.withLock { state in
            defer { (state.mode, state.pending) = (.over, []) }
            return state.mode != .over
        }
        if isFirst { stream.finish(with: StreamEvent.closing(because: reason, at: now).text) }
    }

    /// Calls once its buffer is empty, or the listener is gone.
    func waitForRoom(_ action: @escaping @Sendable () -> Void) { stream.onWritable(action) }

    // MARK: Under its lock

    private func step(_ state: inout State) -> Need {
        guard state.mode == .ready else { return .nothing }
        while true {
            while let piece = state.pending.first {
                guard write(piece.bytes, &state) else { return state.mode == .full ? .room : .nothing }
                state.pending.removeFirst()
            }
            guard let lines = feed.lines(after: state.place, limit: Self.linesMax) else {
                guard !state.isLive else { return .tooSlow }
                state.mode = .reading
                return .page(after: state.place)
            }
            guard let last = lines.last else {
                state.isLive = true
                return .nothing
            }
            put(lines, &state)
            state.place = last.place
        }
    }

    private func put(_ lines: ArraySlice<PlacedLine>, _ state: inout State) {
        state.pending += lines.filter { $0.place > state.place }.map(StreamPiece.init).filter(isFor)
    }

    @discardableResult
    private func write(_ bytes: [UInt8], _ state: inout State) -> Bool {
        switch stream.write(bytes) {
        case .accepted: return true
        case .full: state.mode = .full
        case .closed: (state.mode, state.pending) = (.over, [])
        }
        return false
    }

    private func isFor(_ piece: StreamPiece) -> Bool {
        (client == nil || piece.client == client) && (slot == nil || piece.slot == slot)
    }

    /// In one go, from memory or the store: as much as a buffer takes of long lines.
    static let linesMax = 100
}

/// A line as it is sent.
struct StreamPiece: Sendable {
    let place: Int64
    let client: ClientID?
    let slot: SlotID?
    let bytes: [UInt8]

    init(_ line: PlacedLine) {
        place = line.place
        client = line.line.client
        slot = line.line.slot
        bytes = line.event.text
    }
}
