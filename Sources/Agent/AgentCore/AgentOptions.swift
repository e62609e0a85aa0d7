package import Wire

/// What the operator of this machine decided; everything else comes from the coordinator.
package struct AgentOptions: Sendable, Equatable {
    /// The name of the workload; nil: the instance's own id.
    package var logicalAgent: LogicalAgentID?
    /// Nil: the region that the metadata service's zone is in.
    package var region: Region?
    package var hostname: String
    /// What this machine's environment would have for a slot that is made for it.
    package var proposed: SlotSettingsChange
    package var makesImageOnSwitch = false
    /// How often `spot/instance-action` is read.
    package var noticePeriod = Duration.seconds(1)
    package var rebalancePeriod = Duration.seconds(5)
    package var pricesPeriod = Duration.seconds(300)
    package var cleanupPeriod = Duration.seconds(3_600)
    package var snapshotsOlderThanDays = 7
    package var imagesOlderThanDays = 30
    package var takeOver = TakeOver()

    package init(hostname: String, proposed: SlotSettingsChange) {
        self.hostname = hostname
        self.proposed = proposed
    }
}
