import CoordinatorHeart
import JSON
import Wire

/// A command as one of the two ways of asking understands it. What does not fit is never sent: an old host that meets a type it
/// does not know may switch, or freeze.
struct OldCommand {
    let command: Command
    let errand: Heart.Errand

    /// For `pending-commands`: the next command that is looked at is done, at once, and once more whenever it comes again.
    /// Each number is one, for a null ends the switch half way.
    func writeSwitch(_ order: Order.Switch, _ fields: inout JSONObjectWriter) {
        fields.field("id", command.id)
        fields.field("request_id", command.id)
        fields.field("instance_id", command.instance)
        fields.field("command_type", "switch")
        fields.field("target_mode", order.mode)
        // Spot without a pool would be launched on demand, and reported as spot.
        fields.known("target_pool_id", order.pool ?? (order.mode == .spot ? errand.place : nil))
        fields.field("priority", command.priority)
        fields.field("terminate_wait_seconds", order.terminateWaitSeconds)
        fields.field("created_at", command.createdAt)
    }

    /// For `commands/pending`: all of them are done, and one that comes again under its `request_id` is not.
    /// `params` is there in each, for a null freezes the host.
    func writeAction(_ fields: inout JSONObjectWriter) {
        fields.field("id", command.id)
        fields.field("request_id", command.id)
        fields.field("priority", command.priority)
        fields.field("created_at", command.createdAt)
        switch command.order {
        case .switch(let order):
            writeLaunch(order.mode, order.pool ?? errand.place, "primary", &fields)
        case .createReplica(let order):
            writeLaunch(order.mode, order.pool ?? errand.place, "replica", &fields)
        case .terminateInstance(let order):
            fields.field("command_type", "TERMINATE_INSTANCE")
            fields.object("params") { $0.field("instance_id", order.target) }
        default: preconditionFailure("\(command.order.type) is not for hosts that ask this way")
        }
    }

    private func writeLaunch(_ mode: Mode, _ place: PoolID?, _ role: String, _ fields: inout JSONObjectWriter) {
        fields.field("command_type", "LAUNCH_INSTANCE")
        // Without a name for the time until it has one, the host does not say when the machine runs.
        fields.field("instance_id", "i-pending-\(command.id.text.suffix(12))")
        let image = errand.image
        fields.object("params") { params in
            // What is bought is told from the word `spot` in this name, which a pool's has not.
            let pool = place.map { mode == .spot ? "spot.\($0)" : $0.text } ?? mode.rawValue
            params.field("target_pool", pool)
            params.optionalField("az", place?.zone)
            params.optionalField("instance_type", place?.instanceType)
            params.field("role_hint", role)
            params.optionalField("ami_id", image)
        }
    }
}
