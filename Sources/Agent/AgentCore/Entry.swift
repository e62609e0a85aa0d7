package import JSON
package import Wire

/// One thing worth remembering over a restart. The file holds them in the order in which they happened; what they come to is
/// `Memory`.
package enum Entry: Sendable, Equatable {
    /// Everything after it belongs to this machine.
    case enrolled(Enrolment)
    case configured(Configuration)
    /// The newest role and epoch that the coordinator told.
    case ranked(Role, Epoch)
    case commandTaken(Command, at: Timestamp)
    /// How far a command has come, in the words of its errand.
    case progressed(CommandID, Progress)
    /// It is over, and is not begun again when it is delivered once more: its result is told again instead.
    case commandEnded(CommandID, CommandResult)
    case reportQueued(Report)
    /// The coordinator has it, or it was given up.
    case reportGone(ReportID)
}

/// What an errand must know of itself after a crash, so that nothing is done twice.
package enum Progress: Sendable, Equatable {
    /// Recorded before EC2 is asked: from here on the machine may exist.
    case launchPrepared(Launch)
    case launched(InstanceID)
    /// EC2 had no room for the last launch; the next one is another, with a token of its own.
    case launchFailed(token: String)
    case imageNamed(String)
    case imageCreated(ResourceID)
    /// The workload is on the other machine; from now on this one waits for its end.
    case switched(to: InstanceID, at: Timestamp)
}

/// This machine's place with the coordinator.
package struct Enrolment: Sendable, Equatable {
    package var instance: InstanceID
    package var slot: SlotID
    package var client: ClientID
    package var token: Token

    package init(instance: InstanceID, slot: SlotID, client: ClientID, token: Token) {
        self.instance = instance
        self.slot = slot
        self.client = client
        self.token = token
    }
}
