package import JSON

/// `POST /api/agents/{agent_id}/commands/{command_id}/executed`: what became of a command.
///
/// Sending the same result again is harmless: the command's id and attempt make it the same one.
package struct CommandResult: WireObject {
    /// Follows from the outcome. A result in which it does not is refused: what it says of the workload is not known.
    package let success: Bool
    /// For a person.
    package var message: String
    package var outcome: Outcome
    /// The host that acted.
    package var instance: InstanceID
    package var attempt: Int
    package var epoch: Epoch
    package var startedAt: Timestamp?
    package var finishedAt: Timestamp
    /// What was done, for those outcomes that have something to tell.
    package var facts: Facts?
    /// What each step of a failover took.
    package var ledger: [LedgerStep] = []

    /// What a coordinator does next follows from this word.
    package enum Outcome: String, WireWord {
        case done
        case failed
        /// Not begun, and never will be: an unknown type, unreadable parameters, an older epoch, another instance.
        case refused
        /// Not begun before `expires_at`.
        case expired
        /// `promote` with `awaits_fence`: ready to activate.
        case prepared
        /// `demote` in an exclusive slot: the workload's units were seen stopped.
        case fenced
        /// They were not. It blocks the activation and raises an alarm.
        case fenceFailed = "fence_failed"

        package var isSuccess: Bool { [.done, .prepared, .fenced].contains(self) }
    }

    package init(
        _ outcome: Outcome, message: String, instance: InstanceID, attempt: Int, epoch: Epoch, finishedAt: Timestamp
    ) {
        success = outcome.isSuccess
        self.outcome = outcome
        self.message = message
        self.instance = instance
        self.attempt = attempt
        self.epoch = epoch
        self.finishedAt = finishedAt
    }

    package init(_ fields: Fields) throws(JSONError) {
        message = try fields.text("message", upTo: Limits.sentenceBytes)
        outcome = try fields.need("outcome")
        success = try fields.agreeing("success", with: outcome.isSuccess)
        instance = try fields.need("instance_id")
        attempt = try fields.needWhole("attempt", in: 1...Int(Int32.max))
        epoch = try fields.need("epoch")
        startedAt = try fields.maybe("started_at")
        finishedAt = try fields.need("finished_at")
        facts = try fields.maybe("execution_result")
        ledger = try fields.list("ledger", upTo: Limits.stepsMax)
    }

    package func write(_ fields: inout FieldWriter) {
        fields.put("success", success)
        fields.putSentence("message", message)
        fields.put("outcome", outcome)
        fields.put("instance_id", instance)
        fields.put("attempt", attempt)
        fields.put("epoch", epoch)
        fields.put("started_at", startedAt)
        fields.put("finished_at", finishedAt)
        fields.put("execution_result", facts)
        fields.put("ledger", ledger)
    }
}

extension CommandResult {
    /// What a command found or made. The key `kind` says which.
    package enum Facts: WireObject {
        /// `switch` and `create_replica`: the machine that runs now.
        case launched(LaunchedInstance)
        /// `terminate_instance`: EC2 confirmed its end.
        case terminated(InstanceID)
        /// `inspect_instance`: what EC2 said.
        case inspected([InspectedInstance])
        /// `demote`: when the units were seen stopped.
        case fenced(at: Timestamp)
        /// `promote`, `activate`: when the workload started here, and when the probe proved that it serves.
        case activated(at: Timestamp, verifiedAt: Timestamp?)
        /// `apply_config`: what is in force now.
        case configured(ConfigVersion)

        private enum Kind: String, WireWord { case launched, terminated, inspected, fenced, activated, configured }

        package init(_ fields: Fields) throws(JSONError) {
            let kind: Kind = try fields.need("kind")
            switch kind {
            case .launched: self = .launched(try LaunchedInstance(fields))
            case .terminated: self = .terminated(try fields.need("instance_id"))
            case .inspected: self = .inspected(try fields.list("instances", upTo: Limits.inspectedMax))
            case .fenced: self = .fenced(at: try fields.need("fenced_at"))
            case .activated:
                self = .activated(at: try fields.need("activated_at"), verifiedAt: try fields.maybe("verified_at"))
            case .configured: self = .configured(try fields.need("config_version"))
            }
        }

        package func write(_ fields: inout FieldWriter) {
            switch self {
            case .launched(let instance):
                fields.put("kind", Kind.launched)
                instance.write(&fields)
            case .terminated(let instance):
                fields.put("kind", Kind.terminated)
                fields.put("instance_id", instance)
            case .inspected(let instances):
                fields.put("kind", Kind.inspected)
                fields.put("instances", instances)
            case .fenced(let time):
                fields.put("kind", Kind.fenced)
                fields.put("fenced_at", time)
            case .activated(let time, let verifiedAt):
                fields.put("kind", Kind.activated)
                fields.put("activated_at", time)
                fields.put("verified_at", verifiedAt)
            case .configured(let version):
                fields.put("kind", Kind.configured)
                fields.put("config_version", version)
            }
        }
    }

    /// A machine that a command started.
    package struct LaunchedInstance: WireObject {
        package var instance: InstanceID
        package var instanceType: InstanceType
        package var zone: AvailabilityZone
        package var mode: Mode
        package var image: ResourceID?

        package init(
            instance: InstanceID, instanceType: InstanceType, zone: AvailabilityZone, mode: Mode,
            image: ResourceID? = nil
        ) {
            self.instance = instance
            self.instanceType = instanceType
            self.zone = zone
            self.mode = mode
            self.image = image
        }

        package init(_ fields: Fields) throws(JSONError) {
            instance = try fields.need("instance_id")
            instanceType = try fields.need("instance_type")
            zone = try fields.need("az")
            mode = try fields.need("mode")
            image = try fields.maybe("ami_id")
        }

        package func write(_ fields: inout FieldWriter) {
            fields.put("instance_id", instance)
            fields.put("instance_type", instanceType)
            fields.put("az", zone)
            fields.put("mode", mode)
            fields.put("ami_id", image)
        }
    }

    /// What EC2 says of a machine.
    package struct InspectedInstance: WireObject {
        package var instance: InstanceID
        package var state: InstanceState

        package init(instance: InstanceID, state: InstanceState) {
            self.instance = instance
            self.state = state
        }

        package init(_ fields: Fields) throws(JSONError) {
            instance = try fields.need("instance_id")
            state = try fields.need("state")
        }

        package func write(_ fields: inout FieldWriter) {
            fields.put("instance_id", instance)
            fields.put("state", state)
        }
    }
}
