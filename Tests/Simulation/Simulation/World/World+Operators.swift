import AgentCore
import CoordinatorCore
import JSON
import Wire

// People, who change, switch, promote and delete at any time.
extension World {
    func operate() {
        guard isTroubled, faults.operatorActions > 0 else { return }
        if let place = chance.pick(places), let slot = slot(of: place) { act(on: slot, place) }
        let mean = 60 / faults.operatorActions / Double(max(1, places.count)) * 3
        agenda.plan(after: .milliseconds(Int(mean * 1000 * (0.2 + 1.6 * chance.fraction())))) { [self] in operate() }
    }

    private func act(on slot: Slot, _ place: Place) {
        switch chance.whole(0...99) {
        case ..<57: askSwitch(of: slot)
        case ..<60: rehearse(slot)
        case ..<78: changeSettings(of: slot, place)
        case ..<84: promote(in: slot)
        case ..<90: deleteReplica(of: slot)
        case ..<94:
            order(
                .createReplica, [slot.id], ReplicaCreation(type: .manual), "asks for a replica of \(slot.id.short)"
            )
        case ..<97: deleteAgent(slot, place)
        default: reload(place)
        }
    }

    private func order(_ route: Route, _ values: [any PathValue], _ body: some WireObject, _ words: String) {
        var request = Request(route, values, token: Door.administrator)
        request.body = encodeJSON(body)
        story.tell("operator", words)
        send(request, from: nil) { [self] response in
            guard let response, response.status >= 400 else { return }
            story.tell("operator", "hears: \(String(decoding: response.body, as: UTF8.self))")
        }
    }

    func askSwitch(of slot: Slot) {
        var target = ForceSwitch.Target.onDemand
        if chance.happens(0.8), let type = chance.pick(Sky.types), let zone = chance.pick(Sky.zones) {
            target = .pool(PoolID(type, zone))
        }
        counts.switches += 1
        order(.switchSlot, [slot.id], ForceSwitch(target: target), "switches \(slot.id.short)")
    }

    private func changeSettings(of slot: Slot, _ place: Place) {
        var change = SlotSettingsChange()
        switch chance.whole(0...6) {
        // A volume is at one machine at a time: two cannot serve with it.
        case 0 where place.workload.takeOver.volumes.isEmpty:
            change[.handOver] = .handOver(chance.happens(0.5) ? .exclusive : .overlap)
        case 1: change[.leaseSeconds] = .whole(chance.happens(0.5) ? 0 : chance.whole(15...40))
        case 2: change[.manualReplicaEnabled] = .flag(chance.happens(0.5))
        case 3: change[.replicaCount] = .whole(chance.whole(0...3))
        case 4: change[.autoTerminateEnabled] = .flag(chance.happens(0.6))
        case 5: change[.terminateWaitSeconds] = .whole(chance.whole(0...200))
        default: change[.enabled] = .flag(chance.happens(0.7))
        }
        order(.changeSettings, [slot.id], change, "changes settings of \(slot.id.short)")
    }

    private func promote(in slot: Slot) {
        guard let host = chance.pick(slot.hosts.filter { $0.role == .replica || $0.role == .zombie }) else { return }
        promotionsAsked.insert(host.instance)
        order(
            .promoteInstance, [slot.id, host.instance], Nothing(),
            "promotes \(host.instance.short) in \(slot.id.short)")
    }

    /// The agent of the primary is asked for a drill.
    private func rehearse(_ slot: Slot) {
        guard let primary = slot.primary, let shell = machines.first(where: { $0.id == primary.instance })?.shell else {
            return
        }
        counts.switches += 1
        let kind = chance.pick(Drill.Kind.allCases) ?? .terminate
        story.tell("operator", "has \(primary.instance.short) rehearse: \(kind.rawValue)")
        shell.take(.drillWanted(Drill.Request(kind, name: "drill-\(counts.switches)")))
    }

    private func deleteReplica(of slot: Slot) {
        guard let replica = chance.pick(slot.replicas.filter(\.status.isActive)) else { return }
        order(
            .deleteReplica, [slot.id, replica.id], Nothing(), "deletes a replica of \(slot.id.short)")
    }

    private func deleteAgent(_ slot: Slot, _ place: Place) {
        guard slot.deletedAt == nil else { return reload(place) }
        place.isDeleted = true
        deleteAgent(slot)
        agenda.plan(after: chance.seconds(20...300)) { [self] in restore(place) }
    }

    func deleteAgent(_ slot: Slot) { order(.deleteSlot, [slot.id], Nothing(), "deletes \(slot.id.short)") }

    /// The deletion is taken back: whoever has the machines has one of them, or all, enrol anew, or starts another.
    func restore(_ place: Place) {
        guard place.isDeleted else { return }
        place.isDeleted = false
        reload(place)
    }

    private func reload(_ place: Place) {
        let living = machines.filter { $0.place === place && $0.isRunning }
        let all = chance.happens(0.5)
        for machine in all ? living : chance.pick(living).map({ [$0] }) ?? [] {
            story.tell("operator", "has \(machine.id.short) read its settings again")
            machine.reload()
        }
    }
}
