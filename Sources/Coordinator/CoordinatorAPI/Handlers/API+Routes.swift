import Wire

extension API {
    /// Every route has its handler here; the compiler counts them.
    func serve(_ visit: Visit) {
        if isForOldHosts(visit) { return serveOldHost(visit) }
        switch visit.route {
        case .service, .health, .apiHealth, .ping, .time, .metrics: serveService(visit)
        case .validateClient: validateClient(visit)
        case .register: register(visit)
        case .heartbeat, .configuration, .commandResult, .pricingReport, .switchReport, .terminationReport,
            .cleanupReport, .terminationImminent, .rebalanceRecommendation, .launchReplica, .replicaStatus,
            .instancesToTerminate:
            serveHost(visit)
        case .emergencyStatus, .replicas, .createReplica, .agent, .readiness: serveSlot(visit)
        case .incidents: incidents(visit)
        case .incident: incident(visit)
        case .agents, .fleetReadiness, .instances, .commands, .events, .clients: serveOverview(visit)
        case .openSession, .closeSession: serveSession(visit)
        case .createClient, .deleteClient, .regenerateToken, .showToken: serveClient(visit)
        case .toggleEnabled, .changeSettings, .deleteSlot, .forceSwitch, .switchSlot, .promoteInstance,
            .promoteReplica, .deleteReplica:
            serveOrder(visit)
        case .eventStream, .clientEventStream, .streamStats: serveStream(visit)
        case .notifications, .markAllRead, .markRead: serveNotifications(visit)
        }
    }
}
