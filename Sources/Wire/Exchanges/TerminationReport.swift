package import JSON

/// `POST /api/agents/{agent_id}/termination-report`: what came of terminating one machine of the slot.
package struct TerminationReport: WireObject {
    package var stamp: ReportStamp
    /// The machine that was to go.
    package var target: InstanceID
    package var success: Bool
    package var error: String?
    package var terminatedAt: Timestamp?
    package var command: CommandID?
    package var replica: ReplicaID?

    package init(stamp: ReportStamp, target: InstanceID, success: Bool) {
        self.stamp = stamp
        self.target = target
        self.success = success
    }

    package init(_ fields: Fields) throws(JSONError) {
        stamp = try ReportStamp(fields)
        target = try fields.need("instance_id")
        success = try fields.need("success")
        error = try fields.maybeText("error", upTo: Limits.sentenceBytes)
        terminatedAt = try fields.maybe("terminated_at")
        command = try fields.maybe("command_id")
        replica = try fields.maybe("replica_id")
    }

    package func write(_ fields: inout FieldWriter) {
        stamp.write(&fields)
        fields.put("instance_id", target)
        fields.put("success", success)
        fields.putSentence("error", error)
        fields.put("terminated_at", terminatedAt)
        fields.put("command_id", command)
        fields.put("replica_id", replica)
    }
}

/// Why a machine is to be terminated.
package enum TerminationReason: String, WireWord {
    /// It was replaced and its wait is over.
    case zombieTimeout = "zombie_timeout"
    /// It was a replica that is no longer wanted.
    case replicaTerminated = "replica_terminated"
    /// An operator asked for it.
    case manual
}

/// The answer to `GET /api/agents/{agent_id}/instances-to-terminate`.
package struct TerminationList: WireObject {
    package var instances: [Entry]
    /// Off: nothing is to be terminated, whatever the list says.
    package var autoTerminateEnabled: Bool
    package var terminateWaitSeconds: Int

    package init(instances: [Entry], autoTerminateEnabled: Bool, terminateWaitSeconds: Int) {
        self.instances = instances
        self.autoTerminateEnabled = autoTerminateEnabled
        self.terminateWaitSeconds = terminateWaitSeconds
    }

    package init(_ fields: Fields) throws(JSONError) {
        instances = try fields.list("instances", upTo: Limits.hostsMax)
        autoTerminateEnabled = try fields.maybe("auto_terminate_enabled") ?? false
        terminateWaitSeconds = try fields.whole("terminate_wait_seconds", in: 0...Limits.settingSecondsMax) ?? 0
    }

    package func write(_ fields: inout FieldWriter) {
        fields.put("instances", instances)
        fields.put("auto_terminate_enabled", autoTerminateEnabled)
        fields.put("terminate_wait_seconds", terminateWaitSeconds)
    }

    /// One machine to terminate.
    package struct Entry: WireObject {
        package var instance: InstanceID
        package var instanceType: InstanceType?
        package var zone: AvailabilityZone?
        package var reason: TerminationReason
        package var secondsWaiting: Int64

        package init(instance: InstanceID, reason: TerminationReason, secondsWaiting: Int64) {
            self.instance = instance
            self.reason = reason
            self.secondsWaiting = secondsWaiting
        }

        package init(_ fields: Fields) throws(JSONError) {
            instance = try fields.need("instance_id")
            instanceType = try fields.known("instance_type")
            zone = try fields.known("az")
            reason = try fields.need("reason")
            secondsWaiting = try fields.count("seconds_waiting") ?? 0
        }

        package func write(_ fields: inout FieldWriter) {
            fields.put("instance_id", instance)
            fields.put("instance_type", instanceType)
            fields.put("az", zone)
            fields.put("reason", reason)
            fields.put("seconds_waiting", secondsWaiting)
        }
    }
}
