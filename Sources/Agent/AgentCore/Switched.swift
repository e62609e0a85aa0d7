import JSON
import Wire

/// What a switch came to: the machine that runs the workload now, and when which step was done.
struct Switched: Sendable {
    var machine: CommandResult.LaunchedInstance
    /// What it was started from, when that was made for it.
    var image: ResourceID?
    var imageCreatedAt: Timestamp?
    var launchedAt: Timestamp?
    var readyAt: Timestamp

    func report(
        _ command: Command, takenAt: Timestamp, _ pricing: Pricing, _ standing: Standing
    ) -> SwitchReport {
        var timing = SwitchTiming(initiatedAt: takenAt)
        timing.imageCreatedAt = imageCreatedAt
        timing.launchedAt = launchedAt
        timing.readyAt = readyAt
        let id = ReportID.of("switched", command.id)
        var report = SwitchReport(
            stamp: ReportStamp(report: id, instance: standing.facts.instance, epoch: standing.epoch),
            oldInstance: SwitchedInstance(standing.facts),
            newInstance: SwitchedInstance(machine, standing.facts.region), timing: timing, trigger: command.trigger)
        report.command = command.id
        report.incident = command.incident
        report.image = image
        report.newSpotPrice = machine.mode == .spot ? pricing.spot(machine.zone) : nil
        // The prices are of the new machine's type.
        guard standing.facts.instanceType == machine.instanceType else { return report }
        report.onDemandPrice = pricing.onDemand
        report.oldSpotPrice = standing.facts.mode == .spot ? pricing.spot(standing.facts.zone) : nil
        return report
    }
}

extension Command {
    /// What set it off, as its priority tells: 100 an interruption, 75 a person, less a decision.
    var trigger: Trigger { priority >= 100 ? .emergency : priority >= 75 ? .manual : .model }
}

extension SwitchedInstance {
    fileprivate init(_ facts: InstanceFacts) {
        self.init(instance: facts.instance)
        instanceType = facts.instanceType
        region = facts.region
        zone = facts.zone
        image = facts.image
        mode = facts.mode
        pool = facts.pool
    }

    fileprivate init(_ machine: CommandResult.LaunchedInstance, _ region: Region) {
        self.init(instance: machine.instance)
        instanceType = machine.instanceType
        self.region = region
        zone = machine.zone
        image = machine.image
        mode = machine.mode
        pool = machine.mode == .spot ? PoolID(machine.instanceType, machine.zone) : nil
    }
}

extension InstanceFacts {
    /// Where the machine was bought; nil on demand, and while it is not known.
    var pool: PoolID? {
        guard mode == .spot, let instanceType, let zone else { return nil }
        return PoolID(instanceType, zone)
    }
}
