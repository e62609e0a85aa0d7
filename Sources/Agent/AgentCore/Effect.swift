package import Wire

/// What has happened, as the shell tells it. Every `ask`, `read`, `call` and `act` is answered exactly once, at its deadline at
/// the latest; what was abandoned or let go of is never answered.
package enum Input: Sendable {
    /// The first one. What was remembered from before is in the machine already.
    case started
    /// The time of the last `wake` has come.
    case wokeUp
    case answered(ExchangeID, Result<Answer, AskFailure>)
    case metadata(MetadataItem, MetadataReading)
    case cloud(CallID, Result<CloudAnswer, CloudFault>)
    case acted(ActID, Result<Acted, ActFault>)
    /// As many batches of entries as this are on the disk now, counted from the start.
    case recorded(batches: Int)
    /// The disk took a batch not, or not in time; the shell goes on trying, and `recorded` will tell.
    case recordingFailed(reason: String)
    /// SIGHUP, with new options that were found valid.
    case reconfigured(AgentOptions)
    /// The kernel says that there is a network again, or another one.
    case networkChanged
    /// The machine stood still for so long, asleep or as a paused guest, and knew nothing of it.
    case resumed(after: Duration)
    /// Somebody at this machine wants to see the workload move.
    case drillWanted(Drill.Request)
    /// SIGTERM. `hostGoesDown`: the manager is stopping everything, not only us.
    case stopping(hostGoesDown: Bool)
}

/// What the shell shall do, in this order, without waiting for any of it.
package enum Effect: Sendable, Equatable {
    case ask(ExchangeID, Question, deadline: Duration)
    /// Nobody wants the answer any more; the connection may go with it.
    case abandon(ExchangeID)
    /// One at a time: the next only after the last was answered, so that one connection is enough.
    case read(MetadataItem, deadline: Duration)
    case call(CallID, CloudRequest, deadline: Duration)
    case act(ActID, Act, deadline: Duration)
    /// Nothing more is done of it, and nobody wants to know what came of it. PID 1 goes on with a job that it was given.
    case letGo(ActID)
    /// Connections to and from here may lead nowhere: an address has moved.
    case dropConnections
    /// To be remembered: one batch, kept whole or not at all, behind those before it.
    case record([Entry])
    /// What is remembered belongs to another machine: put it aside, and begin anew.
    case forgetEverything(of: InstanceID)
    /// Replaces the last one.
    case wake(at: Duration)
    case tell(Announcement)
    /// The last: everything is said and sent, or its time is over.
    case stop
}

/// Counts what is asked of the coordinator.
package struct ExchangeID: Hashable, Sendable {
    package let number: UInt64
    package init(_ number: UInt64) { self.number = number }
}

/// Counts what is asked of the cloud.
package struct CallID: Hashable, Sendable {
    package let number: UInt64
    package init(_ number: UInt64) { self.number = number }
}
