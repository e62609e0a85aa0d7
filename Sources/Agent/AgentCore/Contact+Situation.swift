import JSON
import Wire

extension Contact {
    /// How this machine is, for the questions to tell.
    struct Situation: Sendable {
        let facts: InstanceFacts
        let options: AgentOptions
        let enrolment: Enrolment?
        /// The coordinator's before its first reply.
        let pace: Int
        let saying: Saying
        let health: HostHealth
    }

    /// What a heartbeat says besides the readings of clocks. When it is another than in the last one, it is told at once.
    struct Saying: Sendable, Equatable {
        var facts: InstanceFacts
        var status: HostStatus
        var role: Role?
        var epoch: Epoch?
        var configVersion: ConfigVersion?
        var running: [CommandID]
        var lacking: [String]?
        var isBlind: Bool
    }
}

extension Contact.Situation {
    var name: LogicalAgentID { options.name(of: facts.instance) }

    var registration: Registration {
        var registration = Registration(
            logicalAgent: name, instance: facts.instance, region: facts.region, hostname: options.hostname)
        registration.instanceType = facts.instanceType
        registration.zone = facts.zone
        registration.image = facts.image
        registration.mode = facts.mode
        registration.privateAddress = facts.privateAddress
        registration.publicAddress = facts.publicAddress
        registration.proposed = options.proposed.isEmpty ? nil : options.proposed
        return registration
    }

    func heartbeat(_ status: HostStatus, _ turn: Turn) -> Heartbeat {
        var heartbeat = Heartbeat(status: status, instance: facts.instance)
        heartbeat.instanceType = facts.instanceType
        heartbeat.mode = facts.mode
        heartbeat.zone = facts.zone
        heartbeat.region = facts.region
        heartbeat.agentVersion = productVersion
        heartbeat.role = saying.role
        heartbeat.epoch = saying.epoch
        heartbeat.configVersion = saying.configVersion
        heartbeat.running = saying.running
        heartbeat.lacking = saying.lacking
        heartbeat.health = health
        heartbeat.clock = HostClock(
            wall: turn.wall, monotonicMilliseconds: Int64(turn.now / .milliseconds(1)))
        return heartbeat
    }
}
