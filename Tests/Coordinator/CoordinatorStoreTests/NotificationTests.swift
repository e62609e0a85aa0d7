import CoordinatorCore
import CoordinatorStore
import JSON
import Testing
import Wire

/// Lines of the log that a person should know of, and who has read them.
struct NotificationTests {
    private static let (one, two) = (clientID(1), clientID(2))

    private func withLog(_ body: (TestStore, TestReader) throws -> Void) throws {
        try withStore { (store) throws in
            let lines = [
                event(.hostOffline, "a", Self.one), event(.commandQueued, "step", Self.one),
                event(.authFailed, "b", nil), event(.incidentMissed, "c", Self.two),
                event(.incidentMissed, "rehearsed", Self.two, drill: true), event(.hostBack, "d", Self.one),
            ]
            try store.write { store in
                try store.insert(makeClient(2))
                _ = try store.append(lines)
            }
            try body(store, TestReader(at: store.path))
        }
    }

    private func event(_ kind: EventKind, _ sentence: String, _ client: ClientID?, drill: Bool = false) -> Event {
        var event = Event(kind: kind, sentence: sentence, at: newYear, client: client)
        event.isDrill = drill
        return event
    }

    private func told(_ reader: TestReader, _ who: ClientID?, of client: ClientID? = nil, limit: Int = 10) throws
        -> [String]
    {
        try reader.reader.notifications(for: who, of: client, limit: limit).map { $0.message + ($0.isRead ? "+" : "") }
    }

    private func place(_ reader: TestReader, _ message: String) throws -> Int64 {
        let all = try reader.reader.notifications(for: nil, of: nil, limit: 10)
        let found = try #require(all.first { $0.message == message })
        return try found.id.sequence(in: reader.reader.tail().log, endingAt: .max)
    }

    @Test func `the newest come first, steps and drills do not, and each sees its own`() throws {
        try withLog { (_, reader) throws in
            #expect(try told(reader, nil) == ["d", "c", "b", "a"])
            #expect(try told(reader, nil, limit: 3) == ["d", "c", "b"])
            #expect(try told(reader, nil, of: Self.one) == ["d", "b", "a"])
            #expect(try told(reader, nil, of: Self.one, limit: 2) == ["d", "b"])
            #expect(try told(reader, Self.one) == ["d", "a"])
            #expect(try told(reader, Self.two) == ["c"])
            // Whatever it asks about.
            #expect(try told(reader, Self.two, of: Self.one) == ["c"])
        }
    }

    @Test func `what one has read the others have still to read`() throws {
        try withLog { (store, reader) throws in
            #expect(try store.write { try $0.markRead(place(reader, "a"), by: Self.one) })
            #expect(try store.write { try $0.markRead(place(reader, "b"), by: nil) })
            #expect(try store.write { try $0.markRead(place(reader, "b"), by: nil) }, "once more changes nothing")
            #expect(try told(reader, nil) == ["d", "c", "b+", "a"])
            #expect(try told(reader, Self.one) == ["d", "a+"])
        }
    }

    @Test func `nobody marks what it is not shown`() throws {
        try withLog { (store, reader) throws in
            #expect(try !store.write { try $0.markRead(place(reader, "c"), by: Self.one) })
            #expect(try !store.write { try $0.markRead(place(reader, "b"), by: Self.one) })
            #expect(try !store.write { try $0.markRead(2, by: nil) }, "a step is no notification")
            #expect(try !store.write { try $0.markRead(99, by: nil) })
            #expect(try told(reader, nil) == ["d", "c", "b", "a"])
        }
    }

    @Test func `all are marked up to now, of a client or altogether, and later ones are new`() throws {
        try withLog { (store, reader) throws in
            try store.write { try $0.markAllRead(by: nil, of: Self.one) }
            #expect(try told(reader, nil) == ["d+", "c", "b", "a+"])
            try store.write { try $0.markAllRead(by: nil, of: nil) }
            try store.write { try $0.markAllRead(by: nil, of: Self.one) }
            #expect(try told(reader, nil) == ["d+", "c+", "b+", "a+"])
            #expect(try told(reader, Self.one) == ["d", "a"])
            _ = try store.write {
                try $0.append([Event(kind: .hostOffline, sentence: "e", at: newYear, client: Self.one)])
            }
            #expect(try told(reader, nil) == ["e", "d+", "c+", "b+", "a+"])
            try store.write { try $0.markAllRead(by: Self.one, of: nil) }
            #expect(try told(reader, Self.one) == ["e+", "d+", "a+"])
        }
    }

    @Test func `marks go with their line, and a client's own with the client`() throws {
        try withLog { (store, reader) throws in
            _ = try store.write { try $0.markRead(place(reader, "a"), by: nil) }
            try store.write { try $0.markAllRead(by: Self.one, of: nil) }
            try store.write { try $0.markAllRead(by: nil, of: Self.one) }
            _ = try store.write { try $0.deleteClient(Self.one) }
            #expect(try number(at: store.path, "SELECT count(*) FROM notification_cursor") == 0)
            _ = try store.write { try $0.forget(before: Retention(at: .at(91 * 86_400)), rows: 100) }
            #expect(try number(at: store.path, "SELECT count(*) FROM notification_read") == 0)
            #expect(try told(reader, nil) == [])
        }
    }
}
