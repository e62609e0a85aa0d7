import AgentCore
import Platform
import Wire

extension TakeOver {
    init(_ settings: Settings, hooks: Set<HookStage>) {
        self.init()
        promoteUnits = settings[AgentSettings.promoteUnits] ?? []
        drainUnits = settings[AgentSettings.drainUnits] ?? []
        probe =
            settings[AgentSettings.verifyURL].map(Probe.url) ?? settings[AgentSettings.verifyPort]
            ?? settings[AgentSettings.verifyCommand].map(Probe.program)
        address = settings[AgentSettings.address]
        volumes = settings[AgentSettings.volumes] ?? []
        targetGroups = settings[AgentSettings.targetGroups] ?? []
        powersOffAsLastResort = settings[AgentSettings.lastResort] == .poweroff
        self.hooks = hooks
    }
}

extension SlotSettingsChange {
    /// What the operator of this machine would have for a slot that it founds.
    mutating func propose(_ settings: Settings) {
        let holdsVolumes = !(settings[AgentSettings.volumes] ?? []).isEmpty
        if let handOver = settings[AgentSettings.handOver] ?? (holdsVolumes ? .exclusive : nil) {
            self[.handOver] = .handOver(handOver)
        }
        for (setting, value) in [
            (SlotSetting.failoverDeadlineSeconds, settings[AgentSettings.failoverDeadline]),
            (.leaseSeconds, settings[AgentSettings.lease]),
            (.drainBudgetSeconds, settings[AgentSettings.drainBudget]),
        ] { if let value { self[setting] = .whole(value) } }
    }
}
