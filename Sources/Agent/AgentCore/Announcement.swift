import JSON
package import Wire

/// What people should hear of, each thing once and not at every repeat: the journal is a timeline, not a meter.
package enum Announcement: Sendable, Equatable {
    // Who we are
    case identified(InstanceFacts)
    /// What was remembered was another machine's, whose image this one was started from.
    case cloned(from: InstanceID)
    // The coordinator
    case registered(SlotID, Role, Epoch)
    case outOfContact(reason: String)
    case inContact(after: Duration)
    /// Our token is not good any more; the agent enrols again.
    case tokenRefused(reason: String)
    /// An administrator deleted the agent: it watches, and obeys nobody.
    case deleted
    case enrolmentRefused(reason: String)
    case roleChanged(Role, Epoch)
    case configured(ConfigVersion)
    /// Our wall clock is that far from the coordinator's.
    case clockAstray(by: Duration)
    case clockRight
    // The machine's fate
    case noticed(Notice.Signal)
    case noticeStored(IncidentID, NoticeReply.Action, after: Duration)
    /// The service does not say it any more, or has called it off.
    case noticeGone(Notice.Signal)
    /// What follows up to the coordinator's verdict was made up.
    case drillBegun(Drill.Kind)
    /// It leads to nothing: the workload would not survive it, or this is no time for it.
    case drillRefused(reason: String)
    case blind(reason: String)
    case sighted(after: Duration)
    // The workload
    case pausedFor(Duration)
    case halting(Halt)
    case halted(Halt)
    case notHalted(Halt, reason: String)
    case serving
    case notServing(reason: String)
    /// It runs here, and not all that goes with it has come.
    case servingInPart(reason: String)
    case fenceNotArmed(reason: String)
    case fenceArmed
    case hooksFailed(reason: String)
    // Commands
    case commandTaken(CommandID, type: String, attempt: Int, IncidentID?)
    case commandEnded(CommandID, type: String, CommandResult.Outcome, message: String, IncidentID?)
    case step(CommandID, String)
    // Duties
    /// IAM denies what a switch or a take-over needs.
    case rightsDenied(reason: String)
    case rightsGranted
    case pricesUnknown(reason: String)
    case pricesKnown
    case cleaned(images: Int, snapshots: Int, failures: Int)
    // The disk
    case notRemembering(reason: String)
    case rememberingAgain
    case reportsDropped(Int)
    case stopping
}
