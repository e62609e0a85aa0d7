import CoordinatorHeart
import HTTPServer
import Wire

// An old host has no token of its own: it speaks with its client's, in the name of its slot.
extension Door {
    /// Nil: this call is none that an old host makes. Where none of a slot's hosts is an old one, a client's token says as much
    /// as in a slot that is not there.
    func admitOldHost(of client: ClientID, to route: Route, values: [String]) -> Admission? {
        guard Self.isOldHosts(route), let name = values.first else { return nil }
        // What programs write that have no name yet.
        if name == "None" { return .refused(ErrorReply(.notFound, "there is no agent None"), status: 404) }
        guard let slot = try? SlotID(name), heart.hasTokenlessHost(slot, of: client) else { return nil }
        // A host that hears this takes itself off its machine, and one of them asks for nothing else by that path. Others end first
        // what was launched for it.
        if route == .agent ? heart.isDeleted(slot) : heart.isOver(slot) {
            return .refused(ErrorReply(.notFound, "agent \(slot) was deleted"), status: 404)
        }
        return .admitted(.client(client))
    }

    /// How long a body may be that an old host sends: its heartbeat tells of all machines that the account has in the region,
    /// and one that is refused is its last.
    func oldBodyBytes(_ route: Route, _ headers: HeaderFields) -> Int {
        route == .heartbeat && isTenants(headers) ? OldBody.bytesMax : 0
    }

    static func isOldHosts(_ route: Route) -> Bool {
        switch route {
        case .promoteReplica, .deleteReplica: true
        // Of today alone.
        case .readiness, .incidents, .incident: false
        default: route.caller == .agent || route.caller == .agentOrAdmin
        }
    }
}
