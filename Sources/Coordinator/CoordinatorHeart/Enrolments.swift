import Platform
import Wire

/// How often tenants and their hosts enrol. Each time makes a token and is a commit, and a client's token is in many hands: one
/// host that enrols in a circle must not cost the others, nor the disk.
struct Enrolments {
    private struct Registrant: Hashable {
        let client: ClientID
        let agent: LogicalAgentID
        let instance: InstanceID
    }

    private var ofTenants: [ClientID: Allowance] = [:]
    private var ofHosts: [Registrant: Allowance] = [:]
    private var sweptAt = Duration.zero

    /// After so long an allowance is whole again, and need not be remembered.
    private static let memory = Duration.seconds(5)

    /// Why it has to come again later; nil when it may enrol now.
    mutating func refusal(_ registration: Registration, of client: ClientID, at now: Duration) -> String? {
        sweep(at: now)
        let registrant = Registrant(
            client: client, agent: registration.logicalAgent, instance: registration.instance)
        // Each of a host's tries may have been made because the answer to the one before was lost.
        guard ofHosts[registrant, default: Allowance(perSecond: 1, burst: 5, at: now)].take(at: now) else {
            return "\(registration.instance) enrols again and again: slow down"
        }
        // A whole fleet comes at once; what a commit of many costs, this leaves to the other tenants.
        guard ofTenants[client, default: Allowance(perSecond: 5_000, burst: 20_000, at: now)].take(at: now) else {
            return "too many hosts of this client enrol at once: come again"
        }
        return nil
    }

    private mutating func sweep(at now: Duration) {
        guard now - sweptAt >= Self.memory else { return }
        sweptAt = now
        ofHosts = ofHosts.filter { now - $0.value.at < Self.memory }
        ofTenants = ofTenants.filter { now - $0.value.at < Self.memory }
    }
}
