package import JSON

/// `POST /api/agents/{agent_id}/switch-report`: the workload runs on another machine now.
package struct SwitchReport: WireObject {
    package var stamp: ReportStamp
    /// The command that asked for it, and the incident that forced it, where there was one.
    package var command: CommandID?
    package var incident: IncidentID?
    package var oldInstance: SwitchedInstance
    package var newInstance: SwitchedInstance
    /// The image that the new machine was started from, when one was made for this switch.
    package var image: ResourceID?
    package var onDemandPrice: JSONNumber?
    package var oldSpotPrice: JSONNumber?
    package var newSpotPrice: JSONNumber?
    package var timing: SwitchTiming
    package var trigger: Trigger

    package init(
        stamp: ReportStamp, oldInstance: SwitchedInstance, newInstance: SwitchedInstance, timing: SwitchTiming,
        trigger: Trigger
    ) {
        self.stamp = stamp
        self.oldInstance = oldInstance
        self.newInstance = newInstance
        self.timing = timing
        self.trigger = trigger
    }

    package init(_ fields: Fields) throws(JSONError) {
        stamp = try ReportStamp(fields)
        command = try fields.maybe("command_id")
        incident = try fields.maybe("incident_id")
        oldInstance = try fields.need("old_instance")
        newInstance = try fields.need("new_instance")
        image = try fields.maybeObject("snapshot")?.maybe("ami_id")
        let prices = try fields.maybeObject("prices")
        onDemandPrice = try prices?.price("on_demand")
        oldSpotPrice = try prices?.price("old_spot")
        newSpotPrice = try prices?.price("new_spot")
        timing = try fields.need("timing")
        trigger = try fields.need("trigger")
    }

    package func write(_ fields: inout FieldWriter) {
        stamp.write(&fields)
        fields.put("command_id", command)
        fields.put("incident_id", incident)
        fields.put("old_instance", oldInstance)
        fields.put("new_instance", newInstance)
        fields.putObject("snapshot") { snapshot in
            snapshot.put("used", image != nil)
            snapshot.put("ami_id", image)
        }
        fields.putObject("prices") { prices in
            prices.put("on_demand", onDemandPrice)
            prices.put("old_spot", oldSpotPrice)
            prices.put("new_spot", newSpotPrice)
        }
        fields.put("timing", timing)
        fields.put("trigger", trigger)
    }
}

/// One of the two machines of a switch.
package struct SwitchedInstance: WireObject {
    package var instance: InstanceID
    package var instanceType: InstanceType?
    package var region: Region?
    package var zone: AvailabilityZone?
    package var image: ResourceID?
    package var mode: Mode?
    package var pool: PoolID?

    package init(instance: InstanceID) { self.instance = instance }

    package init(_ fields: Fields) throws(JSONError) {
        instance = try fields.need("instance_id")
        instanceType = try fields.known("instance_type")
        region = try fields.known("region")
        zone = try fields.known("az")
        image = try fields.known("ami_id")
        mode = try fields.known("mode")
        pool = try fields.known("pool_id")
    }

    package func write(_ fields: inout FieldWriter) {
        fields.put("instance_id", instance)
        fields.put("instance_type", instanceType)
        fields.put("region", region)
        fields.put("az", zone)
        fields.put("ami_id", image)
        fields.put("mode", mode)
        fields.put("pool_id", pool)
    }
}

/// When the steps of a switch were done, on the reporting host's clock. A step that was not taken has no time.
package struct SwitchTiming: WireObject {
    package var initiatedAt: Timestamp
    package var imageCreatedAt: Timestamp?
    package var launchedAt: Timestamp?
    package var readyAt: Timestamp?
    package var trafficSwitchedAt: Timestamp?
    package var oldTerminatedAt: Timestamp?

    package init(initiatedAt: Timestamp) { self.initiatedAt = initiatedAt }

    package init(_ fields: Fields) throws(JSONError) {
        initiatedAt = try fields.need("switch_initiated_at")
        imageCreatedAt = try fields.maybe("ami_created_at")
        launchedAt = try fields.maybe("new_instance_launched_at")
        readyAt = try fields.maybe("new_instance_ready_at")
        trafficSwitchedAt = try fields.maybe("traffic_switched_at")
        oldTerminatedAt = try fields.maybe("old_instance_terminated_at")
    }

    package func write(_ fields: inout FieldWriter) {
        fields.put("switch_initiated_at", initiatedAt)
        fields.put("ami_created_at", imageCreatedAt)
        fields.put("new_instance_launched_at", launchedAt)
        fields.put("new_instance_ready_at", readyAt)
        fields.put("traffic_switched_at", trafficSwitchedAt)
        fields.put("old_instance_terminated_at", oldTerminatedAt)
    }
}
