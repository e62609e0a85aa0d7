package import JSON
package import Wire

/// One machine of a slot.
///
/// ```
/// launching ─▶ replica ─▶ promoting ─▶ primary ─▶ zombie ─▶ terminating ─▶ terminated
///                 │           │ failed                ▲
///                 └───────────┴─────── no longer wanted┘
/// ```
package struct Host: Equatable, Sendable {
    package let instance: InstanceID
    package var role: Role
    package var roleSince: Timestamp
    package let registeredAt: Timestamp
    package var facts: HostFacts
    /// Those of a host that is not known by a token of its own are learned from what it asks for.
    package var abilities = Abilities.all
    /// Whether it may serve, whatever its role says.
    package var service = Service.idle
    /// What a replica said it lacks, nil before it has looked; of the primary, why its workload does not run.
    package var lacking: [String]?
    /// Since when the primary has said, by our clock, that its workload does not run; nil while it serves.
    package var failingSince: Timestamp?
    /// By the time-out, by its own farewell or by evidence. What is only silent is `unknown`, and that is not stored: when
    /// the coordinator was away, as at its start, all are that EC2 did not call dead.
    package var isOffline = false
    /// EC2 said that it no longer runs.
    package var isProvenDead = false
    /// It said that it cannot see its metadata service.
    package var isBlind = false
    /// When EC2 was last asked about it through another host, since it fell silent; nil while it is heard.
    package var inspectedAt: Timestamp?
    /// Through which host.
    package var inspectedBy: InstanceID?
    /// When its termination was last asked for.
    package var terminationAskedAt: Timestamp?
    /// How often it was asked in vain to stop, and others were asked in vain to end it or, while it is offline, to look at it.
    package var stops = Attempts()
    package var terminations = Attempts()
    package var inspections = Attempts()
    /// When it was last heard, to within a minute; nil when it never was.
    package var lastHeardAt: Timestamp?

    /// The longest lease that it may be serving under. Nil while it may hold none, which only its own word rules out: it named
    /// a configuration that brought one. A change of the settings reaches a host that is cut off with its answers, or not
    /// at all.
    package var leaseSeconds: Int?

    /// Heard within its last few heartbeats. Not stored: the switchboard knows.
    package var isFresh = false
    /// When the lease that it may be serving under has run out for certain; nil when that cannot be told yet. Not stored.
    package var leaseEndsAt: Timestamp?

    package init(instance: InstanceID, role: Role, facts: HostFacts, at now: Timestamp) {
        self.instance = instance
        self.role = role
        self.facts = facts
        roleSince = now
        registeredAt = now
        if role == .primary { service = .told }
    }

    /// For the store, which knows when that was.
    package init(
        instance: InstanceID, role: Role, roleSince: Timestamp, registeredAt: Timestamp, facts: HostFacts
    ) {
        self.instance = instance
        self.role = role
        self.roleSince = roleSince
        self.registeredAt = registeredAt
        self.facts = facts
    }

    package var presence: HostPresence { isOffline ? .offline : isFresh ? .fresh : .unknown }

    /// Ready to be promoted: fresh, and it looked and lacks nothing, by its word since it was last missed. That it is heard is known
    /// a moment before what it says.
    package var isReady: Bool { role == .replica && presence == .fresh && lacking == [] && inspectedAt == nil }

    /// Missed several heartbeats in a row while the coordinator listened. After its own start nobody has.
    var isSilent: Bool { !isFresh && inspectedAt != nil }

    /// Told to serve, and has not said since that it stopped.
    var mayServe: Bool { service != .idle }

    mutating func become(_ role: Role, at now: Timestamp) {
        guard role != self.role else { return }
        if failingSince != nil { (lacking, failingSince) = (nil, nil) }
        self.role = role
        roleSince = now
        inspections = Attempts()
        if role == .primary && service == .idle { service = .told }
    }
}

/// What a host was told about serving, and has answered.
package enum Service: String, CaseIterable, Sendable {
    /// It was never told to, or said that it stopped or did not begin.
    case idle
    /// It has the order, or serves, and nothing proved that it does.
    case told
    /// It was proven to serve, or serves by the word of who started it.
    case proven
}

/// What a host says of itself and of the machine it is on.
package struct HostFacts: Hashable, Sendable {
    package var hostname: String?
    package var agentVersion: String?
    package var region: Region?
    package var zone: AvailabilityZone?
    package var instanceType: InstanceType?
    package var mode: Mode?
    package var image: ResourceID?
    package var privateAddress: String?
    package var publicAddress: String?

    package init() {}

    package init(_ registration: Registration) {
        hostname = registration.hostname
        agentVersion = registration.agentVersion
        region = registration.region
        zone = registration.zone
        instanceType = registration.instanceType
        mode = registration.mode
        image = registration.image
        privateAddress = registration.privateAddress
        publicAddress = registration.publicAddress
    }

    /// Where its capacity was bought, when it is spot capacity.
    package var pool: PoolID? {
        guard mode != .ondemand, let instanceType, let zone else { return nil }
        return PoolID(instanceType, zone)
    }

    /// These, with those that `newer` knows in their place.
    package func updated(by newer: HostFacts) -> HostFacts {
        var facts = self
        facts.hostname = newer.hostname ?? hostname
        facts.agentVersion = newer.agentVersion ?? agentVersion
        facts.region = newer.region ?? region
        facts.zone = newer.zone ?? zone
        facts.instanceType = newer.instanceType ?? instanceType
        facts.mode = newer.mode ?? mode
        facts.image = newer.image ?? image
        facts.privateAddress = newer.privateAddress ?? privateAddress
        facts.publicAddress = newer.publicAddress ?? publicAddress
        return facts
    }
}

extension HostFacts {
    /// Those that a heartbeat repeats.
    package init(_ heartbeat: Heartbeat) {
        agentVersion = heartbeat.agentVersion
        region = heartbeat.region
        zone = heartbeat.zone
        instanceType = heartbeat.instanceType
        mode = heartbeat.mode
    }
}
