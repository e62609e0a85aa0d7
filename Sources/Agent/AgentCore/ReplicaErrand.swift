import Wire

/// The command to launch a stand-by machine. Its own agent registers it; what is told here is which machine it is.
struct ReplicaErrand: Errand {
    let command: Command
    let order: Order.CreateReplica
    private var launching: Launching

    init(_ command: Command, _ order: Order.CreateReplica) {
        self.command = command
        self.order = order
        launching = Launching(
            LaunchWish(
                command: command.id, mode: order.mode, pool: order.pool, nearness: .elsewhere(order.avoidedZones)))
    }

    mutating func go(on event: ErrandEvent, _ standing: Standing, _ turn: inout Turn) -> ErrandStep {
        if case .began = event { launching.wish.isLate = command.isLate(standing, turn) }
        let step = launching.go(on: event, standing, &turn)
        if case .end(let end) = step, case .launched(let machine)? = end.facts {
            turn.report(
                as: .of("launched", command.id),
                .replicaLaunched(ReplicaLaunch(instance: machine.instance, status: .syncing), for: order.replica))
        }
        return step
    }
}
