import CoordinatorHeart
import HTTPServer
import JSON
import Platform
import Wire

// How an old host comes, stays and goes.
extension API {
    /// Each old program says at least one thing that nobody says today without the header: a host of today sends that, and a person
    /// who tries a call by hand names no address. What a program calls its version tells nothing: three different ones give the same.
    func isOldRegistration(_ visit: Visit) -> Bool {
        guard visit.request.headers[name: "Spot-Protocol"] == nil,
            let body = try? OldBody(visit.request.body)
        else { return false }
        return ["client_token", "token", "public_ip", "cloud_account"].contains { body.has($0) }
    }

    func registerOldHost(_ visit: Visit, of client: ClientID) {
        guard let body = try? OldBody(visit.request.body),
            let registration = Registration(body)
        else {
            return visit.refuse(
                .validation,
                "instance_id and region: expected the machine's id (i-…) and where it is; without the metadata service a host "
                    + "cannot register: see that it answers, and that AWS_REGION is set")
        }
        visit.later({
            heart.register(registration, of: client, from: visit.request.peer.text, answer: $0)
        }) { .registered($0) }
    }

    // MARK: Heartbeats

    /// A known host always gets an answer that says something: one that gets none, or an empty one, gives up for good.
    func oldHeartbeat(_ old: OldVisit) {
        let watched: [InstanceID] = old.body.names("monitored_instances", upTo: 1)
        let isNew = old.body.flag("reconnect") == true
        let line = old.speaker(
            named: old.body.name("instance_id") ?? watched.first,
            fromKnownAddress: isNew || old.body.word("status") == HostStatus.offline)
        if isNew { return oldReconnect(old, as: line) }
        let visit = old.visit
        let (slot, version) = (old.slot, line?.configVersion)
        let isParked = visit.exchange.park(
            for: Visit.patience,
            otherwise: { [heart] in
                Response.old { $0.heartbeat(of: slot, version: version, waiting: nil, at: heart.wall) }
                    .shown(to: visit.origin)
            })
        guard isParked else { return }
        let respond: @Sendable () -> Void = { [heart] in
            heart.standing(of: slot, for: line?.instance) { outcome in
                visit.answer(.heartbeat(of: slot, line, outcome, at: heart.wall))
            }
        }
        guard let line, line.admits(aNotice: false, at: visit.arrivedAt) else { return respond() }
        let heartbeat = Heartbeat(old.body, of: line.instance)
        switch heart.hear(heartbeat, on: line, wait: .zero) {
        case .quiet: respond()
        case .news: heart.decide(heartbeat, on: line) { _ in respond() }
        }
    }

    /// The first heartbeat of a program that was started anew. One that is refused registers, which says as much: so it is when it
    /// could not be stored, else what the last process began would be handed to this one.
    private func oldReconnect(_ old: OldVisit, as line: Line?) {
        guard let line else {
            // Made from another one's image, it has that one's name.
            return old.visit.refuse(.forbidden, "this is another machine than the one that registered: register anew")
        }
        if old.isSlowed(line) { return }
        let heartbeat = Heartbeat(old.body, of: line.instance)
        old.later({ answer in
            heart.noteReturn(of: line) { [heart] outcome in
                // Only then is it this host's.
                if case .done = outcome, case .news = heart.hear(heartbeat, on: line, wait: .zero) {
                    heart.decide(heartbeat, on: line) { _ in }
                }
                answer(outcome)
            }
        }) { [heart] standing in
            .heartbeat(of: old.slot, line, .done(standing), at: heart.wall)
        }
    }

    func oldConfiguration(_ old: OldVisit) {
        let line = old.speaker
        if old.isSlowed(line) { return }
        old.later({ heart.configuration(of: old.slot, answer: $0) }) { configuration in
            let config = OldConfiguration(slot: old.slot, configuration: configuration, isIdle: line.isIdle)
            return .old { config.write(&$0) }
        }
    }

    // MARK: Farewells

    /// Not the slot's end: another host may serve in it.
    func farewell(_ old: OldVisit) {
        guard let line = old.speaker(named: old.named, fromKnownAddress: true) else { return old.answer() }
        heart.decide(Heartbeat(status: .offline, instance: line.instance), on: line) { _ in }
        old.answer()
    }

    /// From a script that takes the program off a machine. It names no agent, and does not look at the answer.
    func uninstall(_ visit: Visit) {
        guard case .client(let client) = visit.guest,
            let body = try? OldBody(visit.request.body),
            let instance: InstanceID = body.name("instance_id")
        else { return visit.answer(.old()) }
        let address = visit.request.peer.text
        visit.later({ answer in
            heart.slot(holding: instance) { [heart] outcome in
                if case .done(let slot) = outcome, heart.hasTokenlessHost(slot, of: client),
                    let line = heart.speaker(in: slot, named: instance, from: address)
                {
                    heart.decide(Heartbeat(status: .offline, instance: instance), on: line) { _ in }
                }
                answer(.done(Nothing()))
            }
        }) { (_: Nothing) in .old() }
    }
}

extension Optional<Line> {
    /// A host that was replaced, stands by, or whose agent was deleted has nothing to do; one that cannot be told is taken for the
    /// one that serves.
    var isIdle: Bool { map { $0.role != .primary || $0.isEnded } ?? false }
}

extension Registration {
    /// Nil where even that is missing without which a host cannot have a place.
    init?(_ body: OldBody) {
        let given: InstanceID? = body.name("instance_id") ?? body.name("logical_agent_id")
        let zone: AvailabilityZone? = body.name("az", "availability_zone")
        guard let instance = given, let region = body.name("region") ?? zone?.region else { return nil }
        let logicalAgent = body.name("logical_agent_id") ?? (try? LogicalAgentID(instance.text))
        guard let logicalAgent else { return nil }
        self.init(
            logicalAgent: logicalAgent, instance: instance, region: region,
            hostname: body.shortText("hostname") ?? instance.text,
            agentVersion: body.shortText("agent_version") ?? "unknown")
        instanceType = body.name("instance_type")
        self.zone = zone
        image = body.name("ami_id")
        mode = body.word("mode")
        privateAddress = body.shortText("private_ip")
        publicAddress = body.shortText("public_ip")
    }
}

extension OldBody {
    /// A text that is only shown, cut to what is kept.
    fileprivate func shortText(_ name: String) -> String? {
        text(name).map {
            $0.utf8.count <= Limits.nameBytes ? $0 : String($0.unicodeScalars.prefix(Limits.nameBytes / 4))
        }
    }
}

extension Identifier where Kind == AvailabilityZoneKind {
    /// A zone's name begins with its region's, which ends with the first number: `us-east-1a`, `us-east-1-bos-1a`.
    var region: Region? {
        guard let number = text.firstIndex(where: \.isNumber) else { return nil }
        return try? Region(String(text[..<number]) + text[number...].prefix(while: \.isNumber))
    }
}

extension Heartbeat {
    init(_ body: OldBody, of instance: InstanceID) {
        self.init(status: body.word("status") ?? .online, instance: instance)
        instanceType = body.name("instance_type")
        zone = body.name("az")
        mode = body.word("mode", "current_mode")
        // All machines of the account are in it: only what it says of this one is about this one.
        let inventory = body.part("inventory_snapshot").parts("instances", upTo: 10_000)
        guard let own = inventory.first(where: { $0.name("instance_id") == instance }) else { return }
        instanceType = instanceType ?? own.name("instance_type")
        zone = zone ?? own.name("az")
        if mode == nil, own.has("pool") { mode = own.text("pool") == nil ? .ondemand : .spot }
    }
}

extension JSONObjectWriter {
    fileprivate mutating func heartbeat(
        of slot: SlotID, version: ConfigVersion?, waiting: Int?, at now: Timestamp
    ) {
        field("agent_id", slot)
        known("config_version", version)
        known("new_config_version", version)
        field("config_changed", false)
        known("commands_pending", waiting)
        field("acknowledged", true)
        field("server_time", now)
    }
}

extension Response {
    fileprivate static func heartbeat(
        of slot: SlotID, _ line: Line?, _ outcome: Outcome<Heart.Standing>, at now: Timestamp
    ) -> Response {
        guard case .done(let standing) = outcome else {
            return .old { $0.heartbeat(of: slot, version: line?.configVersion, waiting: nil, at: now) }
        }
        let config = OldConfiguration(slot: slot, configuration: standing.configuration, isIdle: line.isIdle)
        return .old {
            $0.heartbeat(of: slot, version: standing.configuration.version, waiting: standing.waiting, at: now)
            $0.object("config") { config.write(&$0) }
        }
    }

    fileprivate static func registered(_ enrolment: Enrolment) -> Response {
        let isIdle = enrolment.role != .primary
        let config = OldConfiguration(slot: enrolment.slot, configuration: enrolment.configuration, isIdle: isIdle)
        return .old {
            $0.field("agent_id", enrolment.slot)
            $0.field("client_id", enrolment.client)
            $0.field("role", enrolment.role)
            $0.object("config") { config.write(&$0) }
            $0.field("server_time", enrolment.serverTime)
            $0.field(
                "message", isIdle ? "this machine is \(enrolment.role.rawValue): registered, and idle" : "registered")
        }
    }
}
