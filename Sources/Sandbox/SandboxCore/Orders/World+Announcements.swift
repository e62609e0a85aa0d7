import JSON

/// What EC2 does to an instance, ordered by somebody.
extension World {
    mutating func announce(_ what: String, _ index: Int, _ order: Order, at now: Moment) throws(Refusal) {
        let instance = instances[index]
        guard instance.state == .pending || instance.state == .running || what == "terminate" && instance.state.isThere
        else { throw Refusal("", "\(instance.id) is \(instance.state.rawValue)", status: 409) }
        switch what {
        case "notice": try notice(index, order, at: now)
        case "rebalance":
            instances[index].rebalance = now.wall.inSeconds
            tell(instance.id, "rebalance recommendation")
        case "maintenance": try maintain(index, order, at: now)
        case "lifecycle": try setLifecycle(index, order)
        case "terminate":
            end(index, "Client.UserInitiatedShutdown", atOnce: try order.flag("at_once") ?? false, at: now)
        case "cancel": try cancel(index)
        default: throw Refusal("", "there is no order \(what): see spot-sandbox --help", status: 404)
        }
    }

    private mutating func notice(_ index: Int, _ order: Order, at now: Moment) throws(Refusal) {
        let instance = instances[index]
        guard instance.isSpot else {
            throw Refusal("", "\(instance.id) is on demand, and EC2 does not take those back", status: 409)
        }
        let word = order.text("action") ?? "terminate"
        guard let action = Instance.Notice.Action(rawValue: word) else {
            throw Refusal("", "action \(word): expected terminate, stop or hibernate")
        }
        let seconds = try order.number("seconds", in: 1...3_600) ?? 120
        let end = now.wholeSecond(in: .seconds(seconds))
        instances[index].notice = Instance.Notice(action: action, at: end, due: now.time(of: end))
        tell(instance.id, "notice: \(word) at \(end)")
    }

    private mutating func maintain(_ index: Int, _ order: Order, at now: Moment) throws(Refusal) {
        let code = order.text("code") ?? "system-reboot"
        guard Instance.maintenanceCodes.contains(code) else {
            throw Refusal("", "code \(code): expected \(Instance.maintenanceCodes.joined(separator: ", "))")
        }
        // The metadata service lists a handful at most.
        guard instances[index].maintenance.count < 16 else {
            throw Refusal("", "16 events are scheduled for it already: cancel takes them back", status: 409)
        }
        let seconds = try order.number("seconds", in: 1...2_592_000) ?? 3_600
        let begin = now.wholeSecond(in: .seconds(seconds))
        instances[index].maintenance.append(
            Instance.Maintenance(
                id: chance.identifier("instance-event"), code: code, notBefore: begin, notAfter: begin + .seconds(3_600)
            ))
        tell(instances[index].id, "maintenance: \(code) at \(begin)")
    }

    private mutating func setLifecycle(_ index: Int, _ order: Order) throws(Refusal) {
        let state = try order.need("state")
        let states = ["InService", "Terminated", "Detached", "Standby"]
        guard states.contains(state) else {
            throw Refusal("", "state \(state): expected \(states.joined(separator: ", "))")
        }
        instances[index].lifecycle = state
        tell(instances[index].id, "the Auto Scaling group wants it \(state)")
    }

    private mutating func cancel(_ index: Int) throws(Refusal) {
        let instance = instances[index]
        guard instance.notice != nil || instance.rebalance != nil || !instance.maintenance.isEmpty else {
            throw Refusal("", "nothing is announced for \(instance.id)", status: 409)
        }
        (instances[index].notice, instances[index].rebalance, instances[index].maintenance) = (nil, nil, [])
        tell(instance.id, "what was announced is taken back")
    }
}
