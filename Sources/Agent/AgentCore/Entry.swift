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
    /// Which run of the machine this is; what is known of the workload from before it is not true any more. And how long the machine
    /// has been suspended in it by now, which releases before this did not write.
    case booted(BootID, slept: Duration?)
    /// What the metadata service told, which stays so until the next boot.
    case identified(InstanceFacts)
    case workload(WorkloadState)
    /// What may run here is to stop, and was not seen to; until the next entry of the workload.
    case unstopped
    case commandTaken(Command, at: Timestamp)
    /// How far a command has come, in the words of its errand.
    case progressed(CommandID, Progress)
    /// It is over, and is not done again when it is delivered once more: then this is told again.
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
    /// A step of a hand-over is over.
    case stepped(LedgerStep)
}

/// This machine's place with the coordinator.
package struct Enrolment: Sendable, Equatable {
    package var instance: InstanceID
    /// Under which name it was enrolled: under another one it is another workload, and enrols anew.
    package var name: LogicalAgentID
    package var slot: SlotID
    package var client: ClientID
    package var token: Token

    /// Without a name, it is the instance's own id.
    package init(
        instance: InstanceID, name: LogicalAgentID? = nil, slot: SlotID, client: ClientID, token: Token
    ) {
        self.instance = instance
        self.name = name ?? LogicalAgentID(of: instance)
        self.slot = slot
        self.client = client
        self.token = token
    }
}

extension LogicalAgentID {
    /// What a machine is called to which nobody gave a name.
    init(of instance: InstanceID) {
        do { try self.init(instance.text) } catch { preconditionFailure("an instance's id is a name: \(error)") }
    }
}
