import CoordinatorCore
import JSON
import TestSupport
import Testing
import Wire

/// Three times as many where there is time: the simulator, built for release, walks further in a minute.
private func seeds(_ count: Int) -> ClosedRange<Int> { 1...(TestTier.current == .full ? count * 3 : count) }

@Suite struct RandomWalkTests {
    @Test(arguments: seeds(60)) func `whatever happens, the promises hold`(_ seed: Int) throws {
        var walk = RandomWalk(seed: UInt64(seed))
        var servedLast: (instance: InstanceID, epoch: Epoch)?
        for number in 0..<250 {
            let before = walk.scene.slot
            walk.step()
            let slot = walk.scene.slot
            var broken = brokenPromises(of: slot, after: before, at: walk.scene.now)
            if let primary = walk.scene.primary, primary != servedLast?.instance {
                if let last = servedLast, last.epoch >= slot.epoch {
                    broken.append("the primary changed and the epoch did not")
                }
                servedLast = (primary, slot.epoch)
            }
            broken += repeated(walk.scene) + walk.truth.broken
            guard broken.isEmpty else {
                Issue.record("seed \(seed), step \(number): \(broken)\n\(walk.steps.joined(separator: "\n"))")
                return
            }
        }
    }

    @Test(arguments: seeds(40)) func `with hosts that have no token of their own beside others, the promises hold`(
        _ seed: Int
    ) throws {
        var walk = RandomWalk(seed: UInt64(3000 + seed), isMixed: true)
        for number in 0..<250 {
            let before = walk.scene.slot
            walk.step()
            let slot = walk.scene.slot
            var broken = brokenPromises(of: slot, after: before, at: walk.scene.now) + repeated(walk.scene)
            let asked = slot.commands.filter { slot.host($0.instance)?.isTokenless == true && $0.state.isOpen }
            if asked.contains(where: { $0.order.asksFor == .handsOver && before.command($0.id) == nil }) {
                broken.append("one without a token is asked for what it cannot do")
            }
            if slot.settings.handOver == .exclusive,
                slot.hosts.contains(where: { $0.isTokenless && $0.role.isInUse })
            {
                broken.append("one that cannot be fenced is where two must never serve")
            }
            guard broken.isEmpty else {
                Issue.record("seed \(seed), step \(number): \(broken)\n\(walk.steps.joined(separator: "\n"))")
                return
            }
        }
    }

    @Test(arguments: seeds(20)) func `looking when asked to comes to the same as looking every second`(_ seed: Int) {
        expectNoMore(from: RandomWalk(seed: UInt64(1000 + seed)), seed)
    }

    @Test(arguments: seeds(10)) func `looking when asked to is enough for hosts without a token, too`(_ seed: Int) {
        expectNoMore(from: RandomWalk(seed: UInt64(4000 + seed), isMixed: true), seed)
    }

    /// Who looks every second finds no more than who looks when asked to.
    private func expectNoMore(from start: RandomWalk, _ seed: Int) {
        var walk = start
        for number in 0..<6 {
            for _ in 0..<12 { walk.step() }
            var (asked, always) = (walk.scene, walk.scene)
            asked.wait(800)
            for _ in 0..<800 {
                always.now += .seconds(1)
                always.look()
            }
            // Only that moment may differ: whoever looks more often puts a look that nothing asked for further off.
            asked.slot.dueAt = always.slot.dueAt
            guard asked.slot == always.slot else {
                Issue.record(
                    "seed \(seed), round \(number): \(difference(asked.slot, always.slot))\n\(walk.steps.joined(separator: "\n"))"
                )
                return
            }
        }
    }

    @Test(arguments: seeds(40)) func `when nothing goes wrong any more somebody serves, and everything comes to rest`(
        _ seed: Int
    ) throws {
        var walk = RandomWalk(seed: UInt64(2000 + seed))
        var chance = SeededGenerator(seed: UInt64(seed))
        for _ in 0..<120 { walk.step() }
        // Of a deleted one nothing is wanted any more.
        guard walk.scene.slot.deletedAt == nil else { return }
        let disturbed = walk.scene
        try walk.heal(chance: &chance)
        let slot = walk.scene.slot
        let said = walk.scene.events.suffix(20).map { "\($0.at) \($0.kind) \($0.sentence)" }.joined(separator: "\n")
        let before = disturbed.slot.hosts.map { "\($0.instance) \($0.role)" }
        #expect(slot.primary?.isFresh == true, "seed \(seed): nobody serves after \(before)\n\(said)")
        #expect(slot.promoting == nil, "seed \(seed): a hand-over does not end after \(before)\n\(said)")
        let urgent = slot.incidents.filter {
            $0.isOpen && $0.incident.kind != .rebalance && $0.incident.kind != .maintenance
        }
        #expect(urgent.isEmpty, "seed \(seed): \(urgent)\n\(said)")
        let open = slot.commands.filter(\.state.isOpen).map(\.order)
        #expect(open.count <= 2, "seed \(seed): \(open)\n\(said)")
        let late = walk.scene.events.dropFirst(disturbed.events.count).filter { walk.scene.now - $0.at < .seconds(600) }
        #expect(late.count <= 40, "seed \(seed): \(late.count) lines in the last ten minutes\n\(said)")
    }

    private func brokenPromises(of slot: Slot, after before: Slot, at now: Timestamp) -> [String] {
        let open = slot.commands.filter(\.state.isOpen)
        let terminated = slot.hosts.filter { $0.role == .terminated }.map(\.instance)
        let new = open.filter { before.command($0.id) == nil }
        let promises: [(String, Bool)] = [
            ("at most one primary", slot.hosts.count { $0.role == .primary } <= 1),
            ("at most one promoting", slot.hosts.count { $0.role == .promoting } <= 1),
            ("a host is there once", Set(slot.hosts.map(\.instance)).count == slot.hosts.count),
            ("an instance has one replica", areUnique(slot.replicas.compactMap(\.instance))),
            ("the epoch never falls", slot.epoch >= before.epoch),
            ("no command for a terminated host", !open.contains { terminated.contains($0.instance) }),
            ("at most one open switch", open.count { $0.order.type == "switch" } <= 1),
            ("commands are bounded", open.count <= 64),
            ("the next look lies ahead", slot.dueAt.map { $0 > now } ?? true),
            ("an open incident is looked at", slot.dueAt != nil || !slot.incidents.contains(where: \.isOpen)),
            ("an incident is closed once", areClosedForGood(before, slot)),
            ("the version rises with the configuration only", versionFollows(before, slot)),
            ("the modes exclude each other", !(slot.settings.autoSwitchEnabled && slot.settings.manualReplicaEnabled)),
            ("only what was replaced is terminated", new.allSatisfy { isFit($0, in: slot, after: before) }),
            ("exclusive means one", slot.settings.handOver == .overlap || !mayTwoServe(slot, open)),
        ]
        return promises.filter { !$0.1 }.map(\.0)
    }

    private func areUnique(_ instances: [InstanceID]) -> Bool { Set(instances).count == instances.count }

    private func areClosedForGood(_ before: Slot, _ after: Slot) -> Bool {
        before.incidents.filter { !$0.isOpen }.allSatisfy { old in
            after.incident(old.id).map { $0 == old || !$0.isOpen } ?? true
        }
    }

    private func versionFollows(_ before: Slot, _ after: Slot) -> Bool {
        let isChanged = before.settings != after.settings || before.reportsPrices != after.reportsPrices
        return isChanged ? after.configVersion > before.configVersion : after.configVersion == before.configVersion
    }

    /// Whoever served before the step may have been asked in it, and replaced.
    private func isFit(_ command: CommandRecord, in slot: Slot, after before: Slot) -> Bool {
        guard case .terminateInstance(let order) = command.order else { return true }
        guard let role = slot.host(order.target)?.role, let primary = slot.primary else { return false }
        return [.zombie, .terminating].contains(role) && primary.isFresh
            && [primary.instance, before.primary?.instance].contains(command.instance)
    }

    /// A successor was told to serve while the old primary may.
    private func mayTwoServe(_ slot: Slot, _ open: [CommandRecord]) -> Bool {
        slot.primary != nil
            && open.contains { command in
                switch command.order {
                case .activate: true
                case .promote(let order): !order.awaitsFence
                default: false
                }
            }
    }

    private func difference(_ one: Slot, _ other: Slot) -> String {
        func lines(_ slot: Slot) -> [String] {
            slot.hosts.map { "\($0)" } + slot.replicas.map { "\($0)" } + slot.commands.map { "\($0)" }
                + slot.incidents.map { "\($0)" } + ["epoch \(slot.epoch), due \(slot.dueAt?.description ?? "never")"]
        }
        return zip(lines(one), lines(other)).filter { $0 != $1 }.map { "\($0)\n became \($1)" }.joined(separator: "\n")
            + (lines(one).count == lines(other).count ? "" : " and added some")
    }

    /// Another look at the same time changes nothing and says nothing.
    private func repeated(_ scene: Scene) -> [String] {
        var again = scene
        again.look()
        // A look that waits for nothing in particular is put off by looking.
        if let due = scene.slot.dueAt, let later = again.slot.dueAt, later > due { again.slot.dueAt = due }
        if again.slot != scene.slot { return ["a second look changed \(difference(scene.slot, again.slot))"] }
        return again.events.count == scene.events.count ? [] : ["a second look said something"]
    }
}
