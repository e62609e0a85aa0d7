import AgentCore
import CoordinatorCore
import CoordinatorHeart
import JSON
import OldAgents
import Wire

// How it begins: tenants, workloads, and the first machine of each.
extension World {
    func begin(_ count: Int) {
        startCoordinator()
        for number in 0..<count {
            // Two tenants share the coordinator.
            if number < 2 {
                createClient("client-\(number + 1)") { [self] token in addPlaces(number, of: count, token) }
            }
        }
        for (number, workload) in oldWorkloads.enumerated() where !workload.isBesideOthers {
            createClient("old-\(number + 1)") { [self] token in add(workload, number, token) }
        }
        agenda.plan(after: .seconds(1)) { [self] in trouble() }
        agenda.plan(after: .seconds(5)) { [self] in lookAfterWorkloads() }
        agenda.plan(after: .seconds(30)) { [self] in operate() }
    }

    private func createClient(_ name: String, suffix: String = "", _ then: @escaping (Token) -> Void) {
        var request = Request(.createClient, token: Door.administrator)
        request.body = encodeJSON(ClientCreation(name: name + suffix))
        send(request, from: nil) { [self] response in
            guard let response, response.status == 200,
                let created = try? decodeJSON(CreatedClient.self, from: response.body)
            else { return }
            _ = self
            then(created.token)
        }
        // Somebody who gets no answer asks again; a name that is taken by then is another one.
        agenda.plan(after: .seconds(20)) { [self] in
            if !places.contains(where: { $0.name.text.hasPrefix(name) }) {
                createClient(name, suffix: suffix + "x", then)
            }
        }
    }

    private func addPlaces(_ first: Int, of count: Int, _ token: Token) {
        guard !places.contains(where: { $0.clientToken == token }) else { return }
        for number in stride(from: first, to: count, by: 2) {
            let name = LogicalAgentID(stringLiteral: "client-\(first + 1)-web-\(number + 1)")
            guard !places.contains(where: { $0.name == name }) else { continue }
            var workload = PretendWorkload.drawn(chance)
            if chance.happens(0.3) { workload.takeOver.address = sky.addAddress(number) }
            if chance.happens(0.3) { workload.takeOver.targetGroups = [sky.addTargetGroup(number)] }
            let proposed = drawSettings()
            let isExclusive = proposed[.handOver] == .handOver(.exclusive)
            if isExclusive, chance.happens(0.3) { workload.takeOver.volumes = [sky.addVolume(number)] }
            let place = Place(name, clientToken: token, proposed: proposed, workload)
            places.append(place)
            startMachine(in: place)
        }
        for (number, workload) in oldWorkloads.enumerated() where workload.isBesideOthers && first == 0 {
            add(workload, number, token)
        }
    }

    private func add(_ workload: OldWorkload, _ number: Int, _ token: Token) {
        let name = LogicalAgentID(stringLiteral: "old-\(number + 1)-\(workload.build.rawValue)")
        guard !places.contains(where: { $0.name == name }) else { return }
        var change = SlotSettingsChange()
        change[.terminateWaitSeconds] = .whole(120)
        let place = Place(name, clientToken: token, proposed: change, PretendWorkload.drawn(chance))
        place.oldBuild = workload.build
        places.append(place)
        startMachine(in: place)
        guard let delay = workload.isUpgradedAfter else { return }
        agenda.plan(after: delay) { [self] in upgrade(place) }
    }

    /// Its owner takes the agent of today from here on, and installs it on the machine that serves.
    private func upgrade(_ place: Place) {
        place.oldBuild = nil
        let living = machines.filter { $0.place === place && $0.isRunning && !$0.isGoingDown && $0.old != nil }
        let primary = slot(of: place)?.primary?.instance
        (living.first { $0.id == primary } ?? living.first)?.upgrade()
    }

    func startMachine(in place: Place) {
        let instance = sky.start(in: place)
        story.tell(place.name.text, "its owner starts \(instance.id.short)")
        boot(instance, in: place, from: nil)
    }

    private func drawSettings() -> SlotSettingsChange {
        var change = SlotSettingsChange()
        if chance.happens(0.5) {
            change[.handOver] = .handOver(.exclusive)
            if chance.happens(0.6) { change[.leaseSeconds] = .whole(chance.whole(15...60)) }
        }
        if chance.happens(0.6) {
            change[.manualReplicaEnabled] = .flag(true)
            change[.replicaCount] = .whole(chance.whole(1...2))
        }
        change[.terminateWaitSeconds] = .whole(chance.whole(10...300))
        return change
    }
}
