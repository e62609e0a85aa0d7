import CoordinatorHeart
import HTTPServer
import Platform
import Wire

/// Everybody who follows the log as it grows. The log is read once for all of them: what a commit adds is made into text once
/// and handed to each whom it concerns. Only who goes back further than memory has it read for him from the store.
final class LiveStreams: Sendable {
    private struct State {
        var streams: [ObjectIdentifier: LiveStream] = [:]
        /// How many of each client.
        var guests: [ClientID: Int] = [:]
        /// Those who wait for a page of the store, and how many of these are being read.
        var readers: [(stream: LiveStream, after: Int64)] = []
        var reading = 0
        /// Up to there all were told.
        var told: Int64
    }

    /// At once: a thousand who reconnect are not to keep operators' lists waiting.
    private static let readingMax = 2
    private let heart: Heart
    private let state: Locked<State>

    init(_ heart: Heart) {
        self.heart = heart
        state = Locked(State(told: heart.events.end))
        heart.events.follow(grown: { [weak self] in self?.logGrew() }, beat: { [weak self] in self?.beat() })
    }

    var stats: StreamStats {
        state.withLock { StreamStats(listeners: $0.streams.count, clients: $0.guests.keys.sorted()) }
    }

    /// Says why there is no place for another listener; nil where there is.
    func refusal(of guest: ClientID?) -> String? {
        guard let guest else { return nil }
        return state.withLock { state in
            if state.guests[guest, default: 0] >= Limits.streamsOfClientMax {
                return "this client has \(Limits.streamsOfClientMax) listeners already"
            }
            guard state.guests.values.reduce(0, +) < Limits.clientStreamsMax else {
                return "\(Limits.clientStreamsMax) listeners are here already"
            }
            return nil
        }
    }

    /// Begins to tell it. The greeting is older than any line; and it is known before it looks, so no line falls between.
    func add(_ stream: LiveStream, greeting: StreamEvent) {
        stream.greet(greeting)
        state.withLock { state in
            state.streams[ObjectIdentifier(stream)] = stream
            if let guest = stream.guest { state.guests[guest, default: 0] += 1 }
        }
        serve(stream, stream.step())
    }

    /// Ends all: we stop, and whoever reconnects finds what is written from now on.
    func end(because reason: String) {
        for stream in all {
            // The feed's thread may be about to tell it the last lines.
            serve(stream, stream.step())
            stream.end(because: reason, at: heart.wall)
        }
    }

    // MARK: On the feed's thread

    private func logGrew() {
        let told = state.withLock { $0.told }
        guard let lines = heart.events.lines(after: told, limit: .max) else {
            // So much was written in one go that memory has no more of its beginning: each is served as one who is behind.
            state.withLock { $0.told = heart.events.end }
            for stream in all { serve(stream, stream.step()) }
            return
        }
        guard let last = lines.last else { return }
        state.withLock { $0.told = max($0.told, last.place) }
        // After the lines were read: who is not among these begins behind them.
        let listeners = all
        guard !listeners.isEmpty else { return }
        let pieces = lines.map(StreamPiece.init)
        for stream in listeners { serve(stream, stream.take(pieces, after: told)) }
    }

    private func beat() {
        for stream in all {
            if stream.isAdmitted() {
                serve(stream, stream.beat(at: heart.wall))
            } else {
                stream.end(because: "what this stream was opened with is good no longer", at: heart.wall)
            }
        }
        state.withLock { state in
            for (id, stream) in state.streams where stream.isOver {
                state.streams[id] = nil
                guard let guest = stream.guest, let count = state.guests[guest] else { continue }
                state.guests[guest] = count > 1 ? count - 1 : nil
            }
        }
    }

    private var all: [LiveStream] { state.withLock { Array($0.streams.values) } }

    // MARK: What a listener needs

    private func serve(_ stream: LiveStream, _ need: LiveStream.Need) {
        switch need {
        case .nothing: break
        case .room: stream.waitForRoom { [weak self] in self?.serve(stream, stream.roomCame()) }
        case .page(let place):
            state.withLock { $0.readers.append((stream, place)) }
            readNext()
        case .tooSlow:
            stream.end(
                because: "this listener is read too slowly: reconnect, to go on after the last line that came",
                at: heart.wall)
        }
    }

    private func readNext() {
        let next: (stream: LiveStream, after: Int64)? = state.withLock { state in
            guard state.reading < Self.readingMax, !state.readers.isEmpty else { return nil }
            state.reading += 1
            return state.readers.removeFirst()
        }
        guard let (stream, place) = next else { return }
        heart.lines(after: place, client: stream.client, slot: stream.slot, limit: LiveStream.linesMax) { outcome in
            self.state.withLock { $0.reading -= 1 }
            switch outcome {
            case .done(let page): self.serve(stream, stream.pageCame(page.lines, next: page.next))
            case .refused, .unavailable:
                stream.end(because: "the log could not be read just now: reconnect", at: self.heart.wall)
            }
            self.readNext()
        }
    }
}
