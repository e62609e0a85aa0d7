import CoordinatorStore
package import Wire

// What a person should know of. A reader is a client, or nil: the operators together.
extension Heart {
    package func notifications(
        _ query: NotificationQuery, for reader: ClientID?, answer: @escaping @Sendable (Outcome<[Notification]>) -> Void
    ) {
        read(answer) { store in
            .done(try store.notifications(for: reader, of: query.client, limit: query.limit))
        }
    }

    package func markRead(
        _ id: EventCursor, by reader: ClientID?, answer: @escaping @Sendable (Outcome<MarkedRead>) -> Void
    ) {
        // Of others' a client is told no more than of what was never there.
        let unknown =
            reader.map { ErrorReply(.forbidden, "client \($0) has no notification \(id)") }
            ?? ErrorReply(.notFound, "no such notification: \(id)")
        guard case .done(let place) = events.place(of: id) else { return answer(.refused(unknown)) }
        submit(
            ClientWork(answer) { transaction, _ in
                try transaction.markRead(place, by: reader) ? .done(MarkedRead()) : .refused(unknown)
            })
    }

    package func markAllRead(
        by reader: ClientID?, of client: ClientID?, answer: @escaping @Sendable (Outcome<MarkedRead>) -> Void
    ) {
        submit(
            ClientWork(answer) { transaction, _ in
                try transaction.markAllRead(by: reader, of: client)
                return .done(MarkedRead())
            })
    }
}
