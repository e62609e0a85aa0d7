package import JSON
package import Wire

/// One decision's share of the world: the time, new names, whether the report was stored before, and the log it writes to.
package struct Turn: Sendable {
    package let now: Timestamp
    /// The report that caused it came before, under the same id.
    package let isRepeat: Bool
    package private(set) var events: [Event] = []
    /// Moves that were completed, for the history.
    package private(set) var switches: [SwitchRecord] = []
    private var names: NameSource
    package var slot: SlotID?
    package var client: ClientID?

    package init(now: Timestamp, chance: UInt64, isRepeat: Bool = false, slot: SlotID? = nil, client: ClientID? = nil) {
        self.now = now
        self.isRepeat = isRepeat
        self.slot = slot
        self.client = client
        names = NameSource(now: now, chance: chance)
    }

    package mutating func makeID<Kind: ServerMade>(_ kind: Kind.Type = Kind.self) -> Identifier<Kind> { names.next() }

    /// Adds a line to the log. `sentence` is for a person; what a program looks for are the kind and the names.
    package mutating func note(
        _ kind: EventKind, _ sentence: String, instance: InstanceID? = nil, incident: IncidentID? = nil,
        command: CommandID? = nil
    ) {
        events.append(
            Event(
                kind: kind, sentence: sentence, at: now, client: client, slot: slot, instance: instance,
                incident: incident, command: command))
    }
}

extension Turn {
    mutating func note(_ record: SwitchRecord) { switches.append(record) }
}

/// What was asked cannot be done: an expected answer, with the reason for whoever asked.
package struct Refusal: Error, Equatable, Sendable {
    package let code: ErrorCode
    package let sentence: String

    package init(_ code: ErrorCode, _ sentence: String) {
        self.code = code
        self.sentence = sentence
    }
}
