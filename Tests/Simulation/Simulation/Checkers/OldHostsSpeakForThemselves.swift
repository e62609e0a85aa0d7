import CoordinatorCore
import OldAgents
import Wire

/// An old program rarely says on which machine it runs. That one stops is only taken from what was sent from there: the last words of
/// a machine that was replaced are not those of the one that serves.
final class OldHostsSpeakForThemselves: Checker {
    override var promise: String { "Who is said to stop has said so" }

    private var saidSo: Set<InstanceID> = []

    override func heard(_ machine: Machine, _ call: OldCall) {
        let isFarewell = ["/shutdown", "/termination"].contains { call.path.hasSuffix($0) }
        let isOffline = call.path.hasSuffix("/heartbeat") && call.body?["status"]?.text == "offline"
        if isFarewell || isOffline { saidSo.insert(machine.id) }
    }

    override func noted(_ event: Event) {
        guard event.kind == .hostSilent, event.sentence.hasSuffix("says that it stops"), let instance = event.instance,
            world.machine(instance)?.old != nil, !saidSo.contains(instance)
        else { return }
        broken("\(instance.short) is said to stop, and has said nothing of it")
    }
}
