import OldAgents

/// Most old programs launch a machine for each order that they read, and know none again: a switch and a launch are handed out
/// once, to one of a slot's hosts, and that a replica is to be launched stands in one answer to the notices of one end. Where that
/// replica is deleted another takes its place, and is another launch.
final class OldHostsAreToldOnce: Checker {
    override var promise: String { "Who knows no repeats is told once" }

    private var orders: Set<String> = []
    private var launches: Set<String> = []

    override func told(_ machine: Machine, _ call: OldCall, _ reply: OldValue) {
        if call.path.hasSuffix("/pending-commands") || call.path.hasSuffix("/replicas?status=launching") {
            for entry in reply["commands"]?.list ?? reply["replicas"]?.list ?? [] {
                guard let id = entry["id"]?.text, !orders.insert(id).inserted else { continue }
                broken("\(machine.id.short) is told of order …\(id.suffix(6)), which was handed out before")
            }
        }
        guard reply["create_emergency_replica"]?.isTrue == true else { return }
        let incident = reply["incident_id"]?.text ?? "none"
        let replica = reply["replica_id"]?.text ?? "none"
        if !launches.insert(incident + replica).inserted {
            broken(
                "\(machine.id.short) is told again to launch replica …\(replica.suffix(6)) for incident …\(incident.suffix(6))"
            )
        }
    }
}
