import CoordinatorCore
import OldAgents
import Wire

// The mistakes that are made most easily with hosts that name neither themselves nor what they report.
extension Mutations {
    func arrives(_ request: inout Request, _ call: OldCall, from machine: Machine) {
        let isFarewell = call.path.hasSuffix("/shutdown") || call.body?["status"]?.text == "offline"
        if are(.placeholderIsMachine), call.path.hasSuffix("/action-result") || call.method == "PUT" {
            for key in [#""cloud_instance_id":"#, #""instance_id":"#] {
                replace(key, with: #""i-0000000000000dead""#, in: &request.body)
            }
        }
        if are(.oldRepeatsCount) {
            count += 1
            for key in [#""collected_at":"#, #""timestamp":"#] {
                replace(key, with: #""2027-01-15T08:00:00.\#(100_000 + count)""#, in: &request.body)
            }
        }
        if are(.farewellIsThePrimarys), isFarewell, let primary = machine.world.slot(of: machine.place)?.primary,
            let other = machine.world.machine(primary.instance)
        {
            request.address = other.address
            replace(#""cloud_instance_id":"#, with: #""\#(other.id)""#, in: &request.body)
        }
    }

    func leaves(_ response: inout Response, to call: OldCall, at machine: Machine) {
        if are(.replicaSaidAtEachNotice) {
            replace(#""create_emergency_replica":"#, with: "true", in: &response.body)
        }
        guard are(.launchesToldAgain), call.path.hasSuffix("/replicas?status=launching") else { return }
        let isEmpty = OldReply(status: 200, body: response.body).judged?["replicas"]?.list?.isEmpty ?? true
        if !isEmpty { launches[machine.place.name] = response }
        response = launches[machine.place.name] ?? response
    }
}
