package import JSON
package import Wire

/// What the agent on this machine is doing, for the person who asks it: written to a file as things change, and read from
/// there. The coordinator's word for how a slot does is `AgentStatus`.
package struct LocalStatus: Sendable, Equatable {
    package var updatedAt: Timestamp
    package var version = productVersion
    package var startedAt: Timestamp
    /// Nil until the metadata service has told.
    package var instance: InstanceID?
    package var slot: SlotID?
    package var role: Role?
    package var epoch: Epoch?
    package var configVersion: ConfigVersion?
    package var contact: Contact
    /// What to add to this machine's wall clock to have the coordinator's; nil while that is not known.
    package var clockOffsetMilliseconds: Int64?
    package var notices: [Announced]
    package var metadata: Metadata
    package var outbox: Outbox
    package var commands: [Running]
    /// Why nothing is remembered at the moment; nil when all is well.
    package var diskFault: String?
    /// What a replica lacks to be ready to take over.
    package var lacking: [String] = []
    /// The agent's process, which takes SIGUSR1; nil of one that takes no requests.
    package var process: Int32?
    /// The last one, and the last that was refused beside it.
    package var drills: [Drill] = []

    package struct Contact: Sendable, Equatable {
        package enum State: String, CaseIterable, Sendable {
            /// Who this machine is is not known yet.
            case identifying
            case enrolling
            case inContact = "in_contact"
            case outOfContact = "out_of_contact"
            case deleted
            case leaving
        }
        package var state: State
        package var since: Timestamp
        package var reason: String?
        package var answerAgeMilliseconds: Int64?

        package init(state: State, since: Timestamp) {
            self.state = state
            self.since = since
        }
    }

    package struct Announced: Sendable, Equatable {
        /// In words: what, and when.
        package var what: String
        package var detectedAt: Timestamp
        /// Nil until the coordinator has it.
        package var incident: IncidentID?

        package init(what: String, detectedAt: Timestamp) {
            self.what = what
            self.detectedAt = detectedAt
        }
    }

    package struct Metadata: Sendable, Equatable {
        package var answerAgeMilliseconds: Int64?
        package var blindSince: Timestamp?
        package init() {}
    }

    /// `dropped` counts since it was empty, `refused` since the start.
    package struct Outbox: Sendable, Equatable {
        package var waiting: Int
        package var dropped: Int
        package var refused: Int

        package init(waiting: Int, dropped: Int, refused: Int) {
            self.waiting = waiting
            self.dropped = dropped
            self.refused = refused
        }
    }

    package struct Running: Sendable, Equatable {
        package var id: CommandID
        package var type: String
        package var since: Timestamp

        package init(id: CommandID, type: String, since: Timestamp) {
            self.id = id
            self.type = type
            self.since = since
        }
    }

    package init(
        updatedAt: Timestamp, startedAt: Timestamp, contact: Contact, notices: [Announced] = [],
        metadata: Metadata = Metadata(), outbox: Outbox = Outbox(waiting: 0, dropped: 0, refused: 0),
        commands: [Running] = []
    ) {
        self.updatedAt = updatedAt
        self.startedAt = startedAt
        self.contact = contact
        self.notices = notices
        self.metadata = metadata
        self.outbox = outbox
        self.commands = commands
    }
}

extension AgentMachine {
    /// Times in it are on this machine's wall clock as it is now, also those of before it was set.
    package func status(now: Duration, wall: Timestamp) -> LocalStatus {
        var status = LocalStatus(
            updatedAt: wall, startedAt: wall - (now - startedAt), contact: contact.status(now, wall),
            notices: notices.visible.filter(\.isVisible).map { seen in
                var announced = LocalStatus.Announced(what: seen.words, detectedAt: wall - (now - seen.seenAt))
                if case .stored(let incident) = seen.state { announced.incident = incident }
                return announced
            },
            outbox: .init(waiting: outbox.count, dropped: outbox.dropped, refused: outbox.refused),
            commands: memory.open.map { .init(id: $0.command.id, type: $0.command.order.type, since: $0.takenAt) })
        status.instance = facts?.instance
        status.slot = memory.enrolment?.slot
        status.role = memory.role
        status.epoch = memory.epoch
        status.configVersion = memory.configuration?.version
        status.clockOffsetMilliseconds = contact.clock.offset(at: now, wall: wall).map { Int64($0 / .milliseconds(1)) }
        status.metadata.answerAgeMilliseconds = watch.age(at: now).map { Int64($0 / .milliseconds(1)) }
        status.metadata.blindSince = blindSince.map { wall - (now - $0) }
        status.diskFault = disk.fault
        status.lacking = lacking ?? []
        status.drills = drills.shown
        return status
    }
}

extension Contact {
    fileprivate func status(_ now: Duration, _ wall: Timestamp) -> LocalStatus.Contact {
        var status: LocalStatus.Contact
        switch reach {
        case .inside(let since): status = .init(state: .inContact, since: wall - (now - since))
        case .out(let since, let reason):
            status = .init(state: .outOfContact, since: wall - (now - since))
            status.reason = reason
        }
        switch place {
        case .nowhere: status.state = .identifying
        case .stranger: status.state = .enrolling
        case .enrolled: break
        case .deleted: status.state = .deleted
        case .leaving: status.state = .leaving
        }
        status.answerAgeMilliseconds = answeredAt.map { Int64((now - $0) / .milliseconds(1)) }
        return status
    }
}

extension Notice.Signal {
    /// For a person.
    package var words: String {
        switch self {
        case .interruption(let action, let time): "EC2 will \(action.rawValue) this machine at \(time.text)"
        case .rebalance: "EC2 may soon want this machine back"
        case .maintenance(let maintenance):
            "EC2 plans \(maintenance.code) at \(maintenance.notBefore.text) (\(maintenance.event))"
        case .lifecycle(let state): "the Auto Scaling group wants this machine to be \(state)"
        case .shutdown: "this machine is going down"
        }
    }
}

extension Timestamp {
    fileprivate var text: String { String(decoding: encodeJSON(self).dropFirst().dropLast(), as: UTF8.self) }
}
