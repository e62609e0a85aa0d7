package import Wire

/// What taking the workload over, and letting it go, means on this machine: its operator's settings.
package struct TakeOver: Sendable, Equatable {
    /// Started on the new primary, in this order.
    package var promoteUnits: [UnitName] = []
    /// Stopped on the old one before all others, in this order.
    package var drainUnits: [UnitName] = []
    package var probe: Probe?
    /// The allocation of the elastic IP that goes with the workload.
    package var address: ResourceID?
    package var volumes: [DataVolume] = []
    package var targetGroups: [TargetGroup] = []
    /// A fence that fails takes the machine down with it.
    package var powersOffAsLastResort = false
    /// The stages for which there are hooks, as they were found when the settings were read.
    package var hooks: Set<HookStage> = []

    package init() {}

    /// All that must not run on two machines, in the order in which it is stopped.
    package var units: [UnitName] { drainUnits + promoteUnits.reversed().filter { !drainUnits.contains($0) } }

    /// Clients come by what others may move, too.
    var hasTraffic: Bool { address != nil || !targetGroups.isEmpty }

    /// Whether anything would be done here.
    package var isEmpty: Bool {
        promoteUnits.isEmpty && address == nil && volumes.isEmpty && targetGroups.isEmpty && !hooks.contains(.promote)
    }
}

/// How it is found out whether the workload serves on this machine.
package enum Probe: Sendable, Equatable {
    /// It answers with a status from 200 to 299.
    case url(String)
    /// It accepts a connection.
    case port(host: String, Int)
    /// It ends with 0. The program and its arguments; no shell reads them.
    case program([String])
}

/// A volume that is wherever the workload is.
package struct DataVolume: Sendable, Hashable {
    package let id: ResourceID
    /// The name that EC2 is given for it, such as `/dev/sdf`.
    package let device: String

    package init(id: ResourceID, device: String) {
        self.id = id
        self.device = device
    }
}

/// A load balancer's group that the serving machine is a member of, by its ARN.
package struct TargetGroup: Sendable, Hashable, CustomStringConvertible {
    package let arn: String

    /// `arn:aws:elasticloadbalancing:REGION:ACCOUNT:targetgroup/NAME/ID`, also of AWS's other partitions.
    package init?(_ text: String) {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 6, parts[0] == "arn", parts[1].hasPrefix("aws"), parts[2] == "elasticloadbalancing",
            (try? Region(String(parts[3]))) != nil, parts[5].hasPrefix("targetgroup/"), text.utf8.count <= 256,
            text.utf8.allSatisfy({ (0x21...0x7E).contains($0) })
        else { return nil }
        arn = text
    }

    package var description: String { arn.split(separator: "/").dropFirst().first.map(String.init) ?? arn }
}
