import CoordinatorHeart
import HTTPServer
import JSON
import Platform
import Wire

// The log as it grows, as server-sent events.
extension API {
    func serveStream(_ visit: Visit) {
        if visit.route == .streamStats { return visit.answer(streams.stats) }
        var query: StreamQuery
        do throws(WireError) { query = try StreamQuery(visit.parameters) } catch {
            return visit.refuse(.validation, "\(error)")
        }
        if visit.route == .clientEventStream {
            guard let client = visit.value(0, of: ClientKind.self) else { return }
            guard query.client == nil || query.client == client else {
                return visit.refuse(.validation, "client_id: expected the client that the path names, or none")
            }
            query.client = client
        }
        guard visit.mayAsk(about: query.client) else { return }
        query.client = visit.guestClient ?? query.client
        open(visit, query)
    }

    private func open(_ visit: Visit, _ query: StreamQuery) {
        let guest = visit.guestClient
        if let reason = streams.refusal(of: guest) { return visit.refuse(.unavailable, reason) }
        var (place, missing) = (heart.events.end, String?.none)
        do throws(WireError) {
            if let cursor = try visit.lastEventID ?? query.after {
                switch heart.events.place(of: cursor) {
                case .done(let known): place = known
                // Who is refused here never comes again: browsers reconnect only to what they could open.
                case .refused(let reply) where reply.code == .gone: missing = reply.error
                case .refused(let reply): return visit.refuse(reply.code, reply.error)
                case .unavailable(let reason): return visit.refuse(.unavailable, reason)
                }
            }
        } catch { return visit.refuse(.validation, "Last-Event-ID: \(error)") }
        begin(visit, query, guest, after: place, missing)
    }

    private func begin(_ visit: Visit, _ query: StreamQuery, _ guest: ClientID?, after place: Int64, _ missing: String?)
    {
        let head = Response(status: 200, headers: [.eventStream, .notCached, .notBuffered]).shown(to: visit.origin)
        guard visit.request.method != "HEAD" else {
            visit.exchange.answer(head)
            return
        }
        guard let stream = visit.exchange.stream(head.headers) else {
            return visit.refuse(.unavailable, "\(Limits.streamsMax) listeners are here already")
        }
        let live = LiveStream(
            stream, of: heart.events, after: place, client: query.client, slot: query.slot, guest: guest,
            isAdmitted: { [door, surroundings] in
                door.stillAdmits(visit, at: surroundings.monotonic())
            })
        let greeting = StreamEvent.connected(
            query.client, from: heart.events.cursor(at: place), missing: missing, at: heart.wall)
        streams.add(live, greeting: greeting)
    }
}

extension Visit {
    /// What a browser sends when it reconnects: the `id` of the last event that it had.
    fileprivate var lastEventID: EventCursor? {
        get throws(WireError) {
            guard let text = request.headers[name: "Last-Event-ID"], !text.isEmpty else { return nil }
            return try EventCursor(text)
        }
    }
}

extension Visit {
    /// Whose token was shown; nil for an administrator.
    var guestClient: ClientID? { if case .client(let client) = guest { client } else { nil } }

    /// A client asks about itself, in whatever words. False: it was refused.
    func mayAsk(about client: ClientID?) -> Bool {
        guard let guestClient, let client, client != guestClient else { return true }
        refuse(.forbidden, "a client's token is for its own alone, not for client \(client)")
        return false
    }
}

extension HeaderField {
    fileprivate static let eventStream = HeaderField(constant: "Content-Type", "text/event-stream")
    fileprivate static let notCached = HeaderField(constant: "Cache-Control", "no-cache")
    /// Has nginx pass on each piece as it comes.
    fileprivate static let notBuffered = HeaderField(constant: "X-Accel-Buffering", "no")
}
