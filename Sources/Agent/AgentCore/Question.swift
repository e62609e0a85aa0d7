package import JSON
package import Wire

/// What is asked of the coordinator. `Uplink` makes a request of it, with the token that the question needs.
package enum Question: Sendable, Equatable {
    /// With the client's token, which only the shell knows.
    case register(Registration)
    /// Who answers there, what its clock shows, and whose the client's token is: asked without enrolling, by `check` alone.
    case service
    case time
    case client
    case heartbeat(Heartbeat, wait: Int, of: SlotID, Token)
    /// `have` becomes `If-None-Match`.
    case configuration(have: ConfigVersion?, of: SlotID, Token)
    case notice(Notice, of: SlotID, Token)
    case report(Report, of: SlotID, Token)
}

package enum Answer: Sendable, Equatable {
    case registered(RegistrationReply)
    case service(ServiceDescription)
    case time(Timestamp)
    case client(ValidatedClient)
    case heard(HeartbeatReply)
    case configured(Configuration)
    /// 304.
    case configurationUnchanged
    case noticed(NoticeReply)
    case reported
}

/// Why there is no answer.
package enum AskFailure: Error, Sendable, Equatable {
    /// Nobody answered in time, or nobody could be asked. The sentence says what was tried, where, and why it failed.
    case unreachable(String)
    /// Somebody answered, and it makes no sense: a proxy's page, a truncated body, another program.
    case rubbish(String)
    /// The coordinator refused, and says why. 401: the token is not good any more; 404: the agent was deleted.
    case refused(status: Int, ErrorCode, sentence: String, retryAfter: Duration?)
}

/// What waits in the outbox until the coordinator has it. Sent again until it is answered, so each must bear being sent twice.
package struct Report: Sendable, Equatable {
    package let id: ReportID
    package let content: Content

    package enum Content: Sendable, Equatable {
        case result(CommandResult, of: CommandID)
        case pricing(PricingReport)
        case switched(SwitchReport)
        case terminated(TerminationReport)
        case cleaned(CleanupReport)
        case replicaLaunched(ReplicaLaunch, for: ReplicaID)
        case replicaProgressed(ReplicaProgress, of: ReplicaID)
    }

    package init(_ id: ReportID, _ content: Content) {
        self.id = id
        self.content = content
    }
}
