import CoordinatorCore
import JSON
import Testing
import Wire

@Suite struct SettingsTests {
    private func change(_ values: [SlotSetting: SlotSettingValue]) -> SlotSettingsChange {
        var change = SlotSettingsChange()
        for (setting, value) in values { change[setting] = value }
        return change
    }

    @Test func `both modes in one request are refused, and nothing changes`() throws {
        var scene = try Scene.pair()
        let before = scene.slot
        let both = change([.autoSwitchEnabled: .flag(true), .manualReplicaEnabled: .flag(true)])
        #expect(refusal { try scene.decide { _ = try $0.change(both, &$1) } } == .configuration)
        #expect(scene.slot == before)
    }

    @Test(arguments: [
        (SlotSetting.autoSwitchEnabled, true, false), (.manualReplicaEnabled, false, true),
    ])
    func `switching one mode on switches the other off`(_ row: (SlotSetting, Bool, Bool)) throws {
        var scene = Scene {
            $0.autoSwitchEnabled = row.0 != .autoSwitchEnabled
            $0.manualReplicaEnabled = row.0 != .manualReplicaEnabled
        }
        let after = try scene.decide { try $0.change(change([row.0: .flag(true)]), &$1) }
        #expect(after.settings.autoSwitchEnabled == row.1)
        #expect(after.settings.manualReplicaEnabled == row.2)
    }

    @Test(arguments: SlotSetting.allCases)
    func `the version rises with a change of each setting, and not without one`(_ setting: SlotSetting) throws {
        var scene = Scene { $0.handOver = .exclusive }
        let current = SlotSettingsChange(to: scene.slot.settings)[setting]
        let other: SlotSettingValue? =
            switch current {
            case .flag(let flag): .flag(!flag)
            case .whole where setting == .leaseSeconds: .whole(60)
            case .whole(let number): .whole(number + 1)
            case .decimal: .decimal(JSONNumber(1))
            case .handOver: .handOver(.overlap)
            case nil: nil
            }
        let value = try #require(other)
        #expect(try scene.decide { try $0.change(change([setting: value]), &$1) }.version == 2)
        #expect(try scene.decide { try $0.change(change([setting: value]), &$1) }.version == 2)
        #expect(scene.kinds == [setting == .enabled ? .agentToggled : .settingsChanged])
    }

    @Test func `the version rises when the price reporter changes, and not otherwise`() throws {
        var scene = Scene()
        scene.slot.reportPrices(true)
        scene.slot.reportPrices(true)
        #expect(scene.slot.configVersion == 2)
    }

    @Test func `nothing but configuration raises the version`() throws {
        var scene = try Scene.pair()
        try scene.interrupt(alpha)
        try scene.activate(bravo)
        scene.wait(1000)
        #expect(scene.slot.configVersion == 1)
    }

    @Test func `a lease needs the exclusive hand-over`() throws {
        var scene = Scene()
        #expect(
            refusal { try scene.decide { _ = try $0.change(change([.leaseSeconds: .whole(30)]), &$1) } }
                == .configuration)
        let both = change([.leaseSeconds: .whole(30), .handOver: .handOver(.exclusive)])
        #expect(try scene.decide { try $0.change(both, &$1) }.settings.leaseSeconds == 30)
    }

    @Test(arguments: [(3, 14, false), (3, 15, true), (300, 905, false), (300, 906, true)])
    func `a lease is longer than three heartbeats and a late answer`(_ row: (Int, Int, Bool)) throws {
        var scene = Scene { $0.handOver = .exclusive }
        let short = change([.heartbeatSeconds: .whole(row.0), .leaseSeconds: .whole(row.1)])
        #expect(refusal { try scene.decide { _ = try $0.change(short, &$1) } } == (row.2 ? nil : .configuration))
    }

    @Test func `a toggle without a value turns the setting round`() throws {
        var scene = Scene()
        #expect(try scene.decide { try $0.toggle(nil, &$1) }.settings.enabled == false)
        #expect(try scene.decide { try $0.toggle(nil, &$1) }.settings.enabled)
        #expect(try scene.decide { try $0.toggle(true, &$1) }.version == 3)
    }

    @Test func `switching replicas off ends the kept ones`() throws {
        var scene = Scene { ($0.autoSwitchEnabled, $0.manualReplicaEnabled) = (false, true) }
        try scene.register(alpha)
        scene.hear(alpha)
        try scene.stand(bravo)
        try scene.decide { _ = try $0.change(change([.manualReplicaEnabled: .flag(false)]), &$1) }
        #expect(scene.role(bravo) == .terminating)
        #expect(scene.asked(of: alpha).contains("terminate_instance"))
    }

    @Test func `switching replicas off during an interruption ends them when it is over`() throws {
        var scene = Scene { ($0.autoSwitchEnabled, $0.manualReplicaEnabled, $0.replicaCount) = (false, true, 2) }
        try scene.register(alpha)
        scene.hear(alpha)
        try scene.stand(bravo)
        try scene.stand(charlie)
        try scene.interrupt(alpha)
        try scene.decide { _ = try $0.change(change([.manualReplicaEnabled: .flag(false)]), &$1) }
        #expect(scene.role(charlie) == .replica)
        try scene.activate(bravo)
        scene.hear(bravo)
        #expect(scene.role(charlie) == .terminating)
    }

    @Test func `a deleted slot ends its replicas, cancels what was ordered and does nothing else`() throws {
        var scene = try Scene.pair()
        try scene.notice(alpha, .rebalance)
        try scene.decide { try $0.askSwitch(to: .onDemand, &$1) }
        try scene.decide { $0.delete(&$1) }
        #expect(scene.role(bravo) == .terminating)
        #expect(scene.asked(of: alpha) == ["terminate_instance"])
        #expect(scene.incident?.state == .averted)
        try scene.answer(alpha, "terminate_instance")
        #expect(scene.role(bravo) == .terminated)
        #expect(scene.slot.dueAt == nil)
        let before = scene.slot
        try scene.decide { $0.delete(&$1) }
        #expect(scene.slot == before)
    }

    @Test func `the machine of a launch that was under way when its slot was deleted is ended`() throws {
        var scene = Scene { ($0.autoSwitchEnabled, $0.manualReplicaEnabled) = (false, true) }
        try scene.register(alpha)
        #expect(scene.hear(alpha).map(\.order.type) == ["create_replica"])
        try scene.decide { $0.delete(&$1) }
        #expect(!scene.slot.isOver)
        #expect(scene.hear(alpha) == [])
        scene.wait(60)
        #expect(scene.hear(alpha) == [])
        try scene.launched(bravo, by: alpha)
        #expect(scene.role(bravo) == .terminating && !scene.slot.isOver)
        scene.hear(alpha)
        try scene.answer(alpha, "terminate_instance", .done, .terminated(bravo))
        #expect(scene.slot.isOver)
    }

    @Test func `a launch that nobody had begun when its slot was deleted is not begun`() throws {
        var scene = Scene { ($0.autoSwitchEnabled, $0.manualReplicaEnabled) = (false, true) }
        try scene.register(alpha)
        try scene.decide { $0.delete(&$1) }
        #expect(scene.slot.isOver)
        #expect(scene.hear(alpha) == [])
    }

    @Test func `a launch of a deleted slot that is told of late still brings its machine to its end`() throws {
        var scene = Scene { ($0.autoSwitchEnabled, $0.manualReplicaEnabled) = (false, true) }
        try scene.register(alpha)
        scene.hear(alpha)
        let order = try scene.order("create_replica", of: alpha)
        try scene.decide { $0.delete(&$1) }
        scene.wait(601)
        #expect(scene.slot.isOver)
        try scene.answer(
            order, .done, .launched(.init(instance: bravo, instanceType: "m5.large", zone: "us-east-1b", mode: .spot)))
        #expect(scene.role(bravo) == .terminating && !scene.slot.isOver)
    }

    @Test func `one that is deleted while nobody serves in it is over, and says whose machines are left`() throws {
        var scene = try Scene.pair { $0.handOver = .exclusive }
        try scene.stand(charlie)
        try scene.interrupt(alpha)
        try scene.answer(bravo, "promote", .prepared)
        try scene.answer(alpha, "demote", .fenced)
        #expect(scene.slot.primary == nil)
        try scene.decide { $0.delete(&$1) }
        #expect(scene.role(charlie) == .terminating)
        #expect(scene.slot.isOver)
        #expect(scene.events.contains { $0.kind == .terminationFailed && $0.instance == charlie })
    }
}
