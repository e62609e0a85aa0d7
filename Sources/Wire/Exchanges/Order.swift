package import JSON

/// What a command asks for: its `command_type` and that type's parameters.
package enum Order: Hashable, Sendable {
    /// Carry the workload to a new machine: launch it, wait, verify, report, terminate this one after its wait.
    case `switch`(Switch)
    /// Launch a stand-by machine for this slot.
    case createReplica(CreateReplica)
    /// Terminate another machine of this slot.
    case terminateInstance(TerminateInstance)
    /// Become the primary: prepare at once; activate at once too, or wait for `activate`.
    case promote(Promote)
    /// The predecessor is fenced: a host that was told to wait activates now.
    case activate
    /// A successor is committed: drain, stop, and when exclusive report `fenced`.
    case demote(Demote)
    /// Ask EC2 what became of another machine of this slot.
    case inspectInstance(InstanceID)
    /// Fetch the configuration, at least this version.
    case applyConfig(ConfigVersion)
    /// Remove images and snapshots that earlier switches left.
    case cleanup(Cleanup)
    /// A type that this program does not know. It is refused with a result, not ignored.
    case unknown(String)
    /// A known type whose parameters cannot be read, and why. Refused likewise, and the other commands still run.
    case malformed(String, why: String)

    package struct Switch: Hashable, Sendable {
        package var mode: Mode
        /// Nil leaves the pool to the host; with `ondemand` it names the zone only.
        package var pool: PoolID?
        /// How long this machine is kept after the switch; 0 keeps it.
        package var terminateWaitSeconds: Int
        /// Start the new machine from an image of this one, instead of the image that this one came from.
        package var makesImage: Bool
        package init(mode: Mode, pool: PoolID? = nil, terminateWaitSeconds: Int = 0, makesImage: Bool = false) {
            self.mode = mode
            self.pool = pool
            self.terminateWaitSeconds = terminateWaitSeconds
            self.makesImage = makesImage
        }
    }

    package struct CreateReplica: Hashable, Sendable {
        package var replica: ReplicaID
        package var mode: Mode
        package var pool: PoolID?
        package var avoidedZones: [AvailabilityZone]
        package init(replica: ReplicaID, mode: Mode, pool: PoolID? = nil, avoidedZones: [AvailabilityZone] = []) {
            self.replica = replica
            self.mode = mode
            self.pool = pool
            self.avoidedZones = avoidedZones
        }
    }

    package struct TerminateInstance: Hashable, Sendable {
        package var target: InstanceID
        package var reason: TerminationReason
        package var replica: ReplicaID?
        package init(target: InstanceID, reason: TerminationReason, replica: ReplicaID? = nil) {
            self.target = target
            self.reason = reason
            self.replica = replica
        }
    }

    package struct Promote: Hashable, Sendable {
        package var handOver: HandOver
        /// Prepare, then wait for `activate`: the predecessor may still serve.
        package var awaitsFence: Bool
        /// Nil when the slot had no primary.
        package var predecessor: InstanceID?
        /// By when the new primary must be proven to serve.
        package var deadline: Timestamp
        package init(handOver: HandOver, awaitsFence: Bool, predecessor: InstanceID?, deadline: Timestamp) {
            self.handOver = handOver
            self.awaitsFence = awaitsFence
            self.predecessor = predecessor
            self.deadline = deadline
        }
    }

    package struct Demote: Hashable, Sendable {
        package var handOver: HandOver
        package var successor: InstanceID
        package var drainBudgetSeconds: Int
        /// When the timer in PID 1 stops the workload whatever the agent does; only for exclusive slots.
        package var fenceAt: Timestamp?
        package init(handOver: HandOver, successor: InstanceID, drainBudgetSeconds: Int, fenceAt: Timestamp? = nil) {
            self.handOver = handOver
            self.successor = successor
            self.drainBudgetSeconds = drainBudgetSeconds
            self.fenceAt = fenceAt
        }
    }

    package struct Cleanup: Hashable, Sendable {
        package var snapshotsOlderThanDays: Int
        package var imagesOlderThanDays: Int
        package init(snapshotsOlderThanDays: Int = 7, imagesOlderThanDays: Int = 30) {
            self.snapshotsOlderThanDays = snapshotsOlderThanDays
            self.imagesOlderThanDays = imagesOlderThanDays
        }
    }

    /// The `command_type`.
    package var type: String {
        switch self {
        case .switch: "switch"
        case .createReplica: "create_replica"
        case .terminateInstance: "terminate_instance"
        case .promote: "promote"
        case .activate: "activate"
        case .demote: "demote"
        case .inspectInstance: "inspect_instance"
        case .applyConfig: "apply_config"
        case .cleanup: "cleanup"
        case .unknown(let type), .malformed(let type, _): type
        }
    }
}

/// An order by itself, as the coordinator keeps it; on the wire its keys stand beside those of its command.
extension Order: WireObject {
    package init(_ fields: Fields) throws(JSONError) {
        let type = try fields.text("command_type")
        do { self = try Order(type, fields) } catch { self = .malformed(type, why: error.description) }
    }

    private init(_ type: String, _ fields: Fields) throws(JSONError) {
        switch type {
        case "switch":
            self = .switch(
                Switch(
                    mode: try fields.need("target_mode"), pool: try fields.maybe("target_pool_id"),
                    terminateWaitSeconds: try fields.whole(
                        "terminate_wait_seconds", in: 0...Limits.settingSecondsMax) ?? 0,
                    makesImage: try fields.maybe("make_image") ?? false))
        case "create_replica":
            self = .createReplica(
                CreateReplica(
                    replica: try fields.need("replica_id"), mode: try fields.need("target_mode"),
                    pool: try fields.maybe("target_pool_id"),
                    avoidedZones: try fields.list("exclude_zones", upTo: Limits.zonesMax)))
        case "terminate_instance":
            self = .terminateInstance(
                TerminateInstance(
                    target: try fields.need("target_instance_id"), reason: try fields.need("reason"),
                    replica: try fields.maybe("replica_id")))
        case "promote":
            self = .promote(
                Promote(
                    handOver: try fields.need("hand_over"), awaitsFence: try fields.need("awaits_fence"),
                    predecessor: try fields.maybe("old_primary_id"), deadline: try fields.need("deadline")))
        case "activate": self = .activate
        case "demote":
            self = .demote(
                Demote(
                    handOver: try fields.need("hand_over"), successor: try fields.need("new_instance_id"),
                    drainBudgetSeconds: try fields.needWhole("drain_budget_seconds", in: Limits.drainSeconds),
                    fenceAt: try fields.maybe("fence_at")))
        case "inspect_instance": self = .inspectInstance(try fields.need("target_instance_id"))
        case "apply_config": self = .applyConfig(try fields.need("config_version"))
        case "cleanup":
            self = .cleanup(
                Cleanup(
                    snapshotsOlderThanDays: try fields.needWhole("snapshots_older_than_days", in: 1...3650),
                    imagesOlderThanDays: try fields.needWhole("amis_older_than_days", in: 1...3650)))
        default: self = .unknown(type)
        }
    }

    package func write(_ fields: inout FieldWriter) {
        fields.put("command_type", type)
        switch self {
        case .switch(let order):
            fields.put("target_mode", order.mode)
            fields.put("target_pool_id", order.pool)
            fields.put("terminate_wait_seconds", order.terminateWaitSeconds)
            fields.put("make_image", order.makesImage)
        case .createReplica(let order):
            fields.put("replica_id", order.replica)
            fields.put("target_mode", order.mode)
            fields.put("target_pool_id", order.pool)
            fields.put("exclude_zones", order.avoidedZones)
        case .terminateInstance(let order):
            fields.put("target_instance_id", order.target)
            fields.put("reason", order.reason)
            fields.put("replica_id", order.replica)
        case .promote(let order):
            fields.put("hand_over", order.handOver)
            fields.put("awaits_fence", order.awaitsFence)
            fields.put("old_primary_id", order.predecessor)
            fields.put("deadline", order.deadline)
        case .demote(let order):
            fields.put("hand_over", order.handOver)
            fields.put("new_instance_id", order.successor)
            fields.put("drain_budget_seconds", order.drainBudgetSeconds)
            fields.put("fence_at", order.fenceAt)
        case .inspectInstance(let target): fields.put("target_instance_id", target)
        case .applyConfig(let version): fields.put("config_version", version)
        case .cleanup(let order):
            fields.put("snapshots_older_than_days", order.snapshotsOlderThanDays)
            fields.put("amis_older_than_days", order.imagesOlderThanDays)
        case .activate, .unknown, .malformed: break
        }
    }
}
