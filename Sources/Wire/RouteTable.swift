extension Route {
    /// The table, made once.
    static let table = Table()

    struct Table: Sendable {
        // In the order of the cases, whose raw values count from 0: every request looks its row up.
        private let rows = Route.allCases.map { $0.makeRow() }

        subscript(route: Route) -> Row { rows[route.rawValue] }
        func caller(of route: Route) -> Caller { rows[route.rawValue].caller }
        func bodyBytes(of route: Route) -> Int { rows[route.rawValue].bodyBytes }
    }

    private func makeRow() -> Row {
        let small = Limits.smallBodyBytes
        let report = Limits.reportBodyBytes
        return switch self {
        // MARK: For anyone
        case .service: .get("/", .anyone, gives: ServiceDescription.self, "who answers here")
        case .health: .get("/health", .anyone, gives: Health.self, "whether we work")
        case .apiHealth: .get("/api/health", .anyone, gives: Health.self, "the same under another name")
        case .ping: .get("/ping", .anyone, gives: nil, "`pong`, as text, without looking at anything")
        case .time: .get("/time", .anyone, gives: ServerTime.self, "the coordinator's clock")
        case .metrics: .get("/metrics", .anyone, gives: nil, "counters, in Prometheus' text form")

        // MARK: A host's life
        case .validateClient:
            .get("/api/client/validate", .client, gives: ValidatedClient.self, "whose token this is")
        case .register:
            .post(
                "/api/agents/register", .client, takes: Registration.self, small, gives: RegistrationReply.self,
                "enrol a host: its slot, role, token and configuration")
        case .heartbeat:
            .post(
                "/api/agents/{agent_id}/heartbeat", .agent, takes: Heartbeat.self, small, gives: HeartbeatReply.self,
                "alive; parks for `wait` seconds and returns early with commands")
        case .configuration:
            .get(
                "/api/agents/{agent_id}/config", .agent, gives: Configuration.self,
                "the slot's configuration; 304 when `If-None-Match` is its version")
        case .commandResult:
            .post(
                "/api/agents/{agent_id}/commands/{command_id}/executed", .agent, takes: CommandResult.self,
                Limits.resultBodyBytes, gives: ReportReply.self, "what became of a command")

        // MARK: Reports
        case .pricingReport:
            .post(
                "/api/agents/{agent_id}/pricing-report", .agent, takes: PricingReport.self, report,
                gives: ReportReply.self, "what capacity costs now")
        case .switchReport:
            .post(
                "/api/agents/{agent_id}/switch-report", .agent, takes: SwitchReport.self, small,
                gives: ReportReply.self, "the workload runs on another machine now")
        case .terminationReport:
            .post(
                "/api/agents/{agent_id}/termination-report", .agent, takes: TerminationReport.self, small,
                gives: ReportReply.self, "what came of terminating a machine")
        case .cleanupReport:
            .post(
                "/api/agents/{agent_id}/cleanup-report", .agent, takes: CleanupReport.self, report,
                gives: ReportReply.self, "which images and snapshots were removed")

        // MARK: Interruptions
        case .terminationImminent:
            .post(
                "/api/agents/{agent_id}/termination-imminent", .agent, takes: Notice.self, small,
                gives: NoticeReply.self, "this machine is going away")
        case .rebalanceRecommendation:
            .post(
                "/api/agents/{agent_id}/rebalance-recommendation", .agent, takes: Notice.self, small,
                gives: NoticeReply.self, "this machine may go away")
        case .emergencyStatus:
            .get(
                "/api/agents/{agent_id}/emergency-status", .agentOrAdmin, gives: EmergencyStatus.self,
                "what is announced for the slot and what stands ready")
        case .instancesToTerminate:
            .get(
                "/api/agents/{agent_id}/instances-to-terminate", .agent, gives: TerminationList.self,
                "the slot's machines whose wait is over")

        // MARK: Replicas
        case .replicas:
            .get(
                "/api/agents/{agent_id}/replicas", .agentOrAdmin, gives: ReplicaList.self,
                "the slot's replicas, all or those with `status`")
        case .createReplica:
            .post(
                "/api/agents/{agent_id}/replicas", .agentOrAdmin, takes: ReplicaCreation.self, small,
                gives: ReplicaReply.self, "make a replica, or take in one that runs")
        case .launchReplica:
            .put(
                "/api/agents/{agent_id}/replicas/{replica_id}", .agent, takes: ReplicaLaunch.self, small,
                gives: ReplicaReply.self, "the instance that was launched for it")
        case .replicaStatus:
            .post(
                "/api/agents/{agent_id}/replicas/{replica_id}/status", .agent, takes: ReplicaProgress.self, small,
                gives: ReplicaReply.self, "how far it is")
        case .promoteReplica:
            .post(
                "/api/agents/{agent_id}/replicas/{replica_id}/promote", .admin, takes: Nothing.self, small,
                gives: QueuedCommand.self, "make it the primary")
        case .deleteReplica:
            .delete(
                "/api/agents/{agent_id}/replicas/{replica_id}", .admin, gives: ReplicaReply.self,
                "terminate it")

        // MARK: Incidents
        case .incidents:
            .get(
                "/api/incidents", .agentOrAdmin, gives: IncidentList.self,
                "incidents, newest first, all or those of `agent_id` or `state`; an agent names itself")
        case .incident:
            .get(
                "/api/incidents/{incident_id}", .agentOrAdmin, gives: Incident.self,
                "one incident with its timeline, as JSON or as text")

        // MARK: What an operator looks at
        case .agent:
            .get("/api/agents/{agent_id}", .agentOrAdmin, gives: AgentDetail.self, "one slot with all that is open")
        case .readiness:
            .get(
                "/api/agents/{agent_id}/readiness", .agentOrAdmin, gives: SlotReadiness.self,
                "whether the slot would survive an interruption now, and if not, why")
        case .fleetReadiness:
            .get(
                "/api/readiness", .admin, gives: SlotReadinessList.self,
                "the same of all slots, or those of `client_id` or `status`")
        case .agents:
            .get("/api/admin/agents", .admin, gives: AgentList.self, "slots, all or those of `client_id` or `status`")
        case .instances:
            .get(
                "/api/admin/instances", .admin, gives: InstanceList.self,
                "machines, all or those of `client_id` or `role`")
        case .commands:
            .get(
                "/api/admin/commands", .admin, gives: CommandList.self,
                "commands, newest first, all or those of `agent_id` or `state`")
        case .events:
            .get(
                "/api/admin/events", .admin, gives: LogLines.self,
                "the event log `after` a cursor, or its last lines, all or those of `agent_id`; parks for `wait` seconds"
            )

        // MARK: Administration
        case .openSession:
            .post(
                "/api/admin/session", .admin, takes: Nothing.self, small, gives: Nothing.self,
                "give a browser a session cookie for the administrator's token")
        case .closeSession: .delete("/api/admin/session", .admin, gives: Nothing.self, "take the cookie back")
        case .clients: .get("/api/admin/clients", .admin, gives: nil, "all clients with counts and savings")
        case .createClient:
            .post(
                "/api/admin/clients/create", .admin, takes: ClientCreation.self, small, gives: CreatedClient.self,
                "make a client and its token")
        case .deleteClient:
            .delete(
                "/api/admin/clients/{client_id}", .admin, gives: Nothing.self,
                "delete a client and all that belongs to it")
        case .regenerateToken:
            .post(
                "/api/admin/clients/{client_id}/regenerate-token", .admin, takes: Nothing.self, small,
                gives: ClientToken.self, "replace the client's token; the old one ends at once")
        case .showToken:
            .get("/api/admin/clients/{client_id}/token", .admin, gives: ClientToken.self, "show the client's token")
        case .toggleEnabled:
            .post(
                "/api/client/agents/{agent_id}/toggle-enabled", .admin, takes: EnabledChange.self, small,
                gives: EnabledChange.self, "switch a slot on or off")
        case .changeSettings:
            .post(
                "/api/client/agents/{agent_id}/settings", .admin, takes: SlotSettingsChange.self, small,
                gives: Configuration.self, "change some of a slot's settings")
        case .deleteSlot:
            .delete(
                "/api/client/agents/{agent_id}", .admin, gives: Nothing.self,
                "end a slot: its replicas go, its history stays")
        case .forceSwitch:
            .post(
                "/api/client/instances/{instance_id}/force-switch", .admin, takes: ForceSwitch.self, small,
                gives: QueuedCommand.self, "move the workload, whatever auto-switch says")
        case .switchSlot:
            .post(
                "/api/admin/agents/{agent_id}/switch", .admin, takes: ForceSwitch.self, small,
                gives: QueuedCommand.self, "the same, by the slot's name")
        case .promoteInstance:
            .post(
                "/api/admin/agents/{agent_id}/instances/{instance_id}/promote", .admin, takes: Nothing.self, small,
                gives: QueuedCommand.self, "make this machine of the slot the primary")

        // MARK: The log as it grows
        case .eventStream:
            .get(
                "/api/events/stream", .clientOrAdmin, gives: nil,
                "server-sent events: lines of the log as they are written, all or those of `client_id` or `agent_id`")
        case .clientEventStream:
            .get("/api/events/stream/{client_id}", .clientOrAdmin, gives: nil, "the same, of this client")
        case .streamStats: .get("/api/events/stats", .admin, gives: StreamStats.self, "who listens to it")

        // MARK: What a person should know of
        case .notifications:
            .get(
                "/api/notifications", .clientOrAdmin, gives: nil,
                "the newest lines of the log that a person should know of, all or those of `client_id`")
        case .markAllRead:
            .post(
                "/api/notifications/mark-all-read", .clientOrAdmin, takes: ReadMark.self, small,
                gives: MarkedRead.self, "all of them, or all of a client, were read")
        case .markRead:
            .post(
                "/api/notifications/{notification_id}/mark-read", .clientOrAdmin, takes: Nothing.self, small,
                gives: MarkedRead.self, "this one was read")
        }
    }
}

extension Route.Row {
    fileprivate static func get(
        _ template: String, _ caller: Caller, gives: (any WireObject.Type)?, _ meaning: String
    ) -> Self {
        Self(.get, template, caller, nil, 0, gives, meaning)
    }

    fileprivate static func delete(
        _ template: String, _ caller: Caller, gives: (any WireObject.Type)?, _ meaning: String
    ) -> Self {
        Self(.delete, template, caller, nil, 0, gives, meaning)
    }

    fileprivate static func post(
        _ template: String, _ caller: Caller, takes: any WireObject.Type, _ bodyBytes: Int,
        gives: (any WireObject.Type)?, _ meaning: String
    ) -> Self {
        Self(.post, template, caller, takes, bodyBytes, gives, meaning)
    }

    fileprivate static func put(
        _ template: String, _ caller: Caller, takes: any WireObject.Type, _ bodyBytes: Int,
        gives: (any WireObject.Type)?, _ meaning: String
    ) -> Self {
        Self(.put, template, caller, takes, bodyBytes, gives, meaning)
    }

    private init(
        _ method: Method, _ template: String, _ caller: Caller, _ takes: (any WireObject.Type)?, _ bodyBytes: Int,
        _ gives: (any WireObject.Type)?, _ meaning: String
    ) {
        self.init(
            method: method, template: PathTemplate(template), caller: caller, takes: takes, bodyBytes: bodyBytes,
            gives: gives, meaning: meaning)
    }
}
