import CoordinatorHeart
import Crypto
import JSON
import Wire

// What administrators order.
extension Door {
    func serveOperator(_ exchange: Exchange) {
        if exchange.request.route == .createClient { return createClient(exchange) }
        guard let slot = exchange.value(0, of: SlotKind.self) else { return }
        switch exchange.request.route {
        case .changeSettings:
            guard let change = exchange.body(SlotSettingsChange.self) else { return }
            exchange.later({ heart.change(change, of: slot, answer: $0) }) { [world] outcome in
                if case .done(let reply) = outcome { world.acknowledged(.configuration(reply.version), in: slot) }
            }
        case .deleteSlot:
            exchange.later({ heart.delete(slot, answer: $0) }) { [world] outcome in
                if case .done = outcome { world.acknowledged(.deletion, in: slot) }
            }
        case .switchSlot:
            guard let order = exchange.body(ForceSwitch.self) else { return }
            exchange.later({ heart.askSwitch(of: slot, to: order.target, answer: $0) }) { [self] in noteOrder($0, slot)
            }
        case .promoteInstance:
            guard let instance = exchange.value(1, of: InstanceKind.self) else { return }
            exchange.later({ heart.promote(instance, of: slot, answer: $0) }) { [self] in noteOrder($0, slot) }
        case .createReplica:
            guard let creation = exchange.body(ReplicaCreation.self) else { return }
            exchange.later { heart.createReplica(creation, of: slot, answer: $0) }
        case .deleteReplica:
            guard let replica = exchange.value(1, of: ReplicaKind.self) else { return }
            exchange.later { heart.deleteReplica(replica, of: slot, answer: $0) }
        default: preconditionFailure("no simulated operator asks for \(exchange.request.route)")
        }
    }

    private func noteOrder(_ outcome: Outcome<QueuedCommand>, _ slot: SlotID) {
        if case .done(let reply) = outcome { world.acknowledged(.command(reply.command), in: slot) }
    }

    private func createClient(_ exchange: Exchange) {
        guard let creation = exchange.body(ClientCreation.self) else { return }
        let token = world.makeToken("client")
        let hash = SHA256.hash(Array(token.secret.utf8)).bytes
        exchange.later { heart.createClient(creation, token: token, hash: hash, seal: { _ in [1] }, answer: $0) }
    }
}
