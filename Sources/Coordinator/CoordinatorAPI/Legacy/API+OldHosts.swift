import CoordinatorHeart
import HTTPServer
import JSON
import Wire

// What old hosts ask, translated: each call becomes one of the heart's.
extension API {
    func isForOldHosts(_ visit: Visit) -> Bool {
        if visit.old != nil { return true }
        guard case .client = visit.guest else { return false }
        // The door's own list: whoever it let in as a client for these is an old host, and nobody is for the others.
        return Door.isOldHosts(visit.route)
    }

    func serveOldHost(_ visit: Visit) {
        if case .host = visit.guest {
            return visit.refuse(.forbidden, "this path is for hosts that speak with their client's token")
        }
        if visit.old == .uninstall { return uninstall(visit) }
        guard let old = OldVisit(visit, heart) else { return }
        if let path = visit.old { serve(path, old) } else { serve(visit.route, old) }
    }

    private func serve(_ path: OldPath, _ old: OldVisit) {
        switch path {
        case .pendingCommands: pendingCommands(old)
        case .commandsPending: commandsPending(old)
        case .markCommandExecuted, .actionResult, .instanceLaunched, .instanceTerminated: oldResult(path, old)
        case .createEmergencyReplica: createEmergencyReplica(old)
        case .rebalanceNotice: announceRebalance(old)
        case .terminationNotice: announceEnd(old, launches: .never)
        case .termination, .shutdown: farewell(old)
        case .uninstall: preconditionFailure("it names no agent")
        case .replicaConfig: replicaConfig(old)
        case .syncStatus: syncStatus(old)
        case .decide: decide(old)
        case .switchRecommendation: switchRecommendation(old)
        case .statistics: statistics(old)
        case .issueSwitchCommand: issueSwitchCommand(old)
        }
    }

    private func serve(_ route: Route, _ old: OldVisit) {
        switch route {
        case .heartbeat: oldHeartbeat(old)
        case .configuration: oldConfiguration(old)
        case .agent: old.later({ heart.agent(old.slot, answer: $0) }) { .enveloped($0) }
        case .commandResult: executed(old)
        case .pricingReport: oldPrices(old)
        case .switchReport: oldSwitch(old)
        case .cleanupReport: oldCleanup(old)
        case .terminationReport: terminationReport(old)
        case .terminationImminent: announceEnd(old, launches: .whenTold)
        case .rebalanceRecommendation: rebalanceRecommendation(old)
        case .emergencyStatus: oldEmergencyStatus(old)
        case .instancesToTerminate: oldTerminations(old)
        case .replicas: oldReplicas(old)
        case .createReplica: oldReplica(old)
        case .launchReplica: oldLaunch(old)
        case .replicaStatus: oldProgress(old)
        case .promoteReplica: oldPromotion(old)
        case .deleteReplica: oldDeletion(old)
        default: old.visit.refuse(.forbidden, "this call is not for hosts that speak with their client's token")
        }
    }
}
