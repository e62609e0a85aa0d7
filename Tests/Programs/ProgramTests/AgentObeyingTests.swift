import JSON
import Platform
import PretendMetadata
import TestSupport
import Testing
import Wire
import XML

/// The built agent obeys the built coordinator in an EC2 that somebody else wrote.
@Suite(.serialized)
struct AgentObeyingTests {
    private struct Scene {
        let fleet: Fleet
        let account: CloudAccount

        func start(_ slot: String, on id: InstanceID, _ more: [String: String] = [:]) throws -> FleetMachine {
            let machine = try fleet.machine(slot, on: id, of: account, more: more)
            _ = try machine.startInContact()
            return machine
        }

        func launched(by command: CommandID) throws -> CloudAccount.Machine {
            let made = try account.machines(of: command)
            try #require(made.count == 1, "\(made)")
            return made[0]
        }
    }

    private func withScene(_ environment: [String: String] = [:], _ body: (Scene) throws -> Void) throws {
        try withTemporaryFolder { folder in
            try body(Scene(fleet: try Fleet(in: folder), account: try CloudAccount(environment: environment)))
        }
    }

    /// Kept for some seconds, and started from an image of its own.
    private static let brief = [
        "AUTO_TERMINATE_OLD_INSTANCE": "true", "TERMINATE_WAIT_TIME": "4", "CREATE_SNAPSHOT_ON_SWITCH": "true",
    ]

    private func expectLikeTheOld(
        _ new: CloudAccount.Machine, _ account: CloudAccount, command: CommandID, slot: SlotID
    ) throws {
        #expect(new.isAlive && new.groups == [account.group] && new.key == "ops" && new.profile == account.profile)
        #expect(new.subnet == (try account.subnet(in: new.zone)))
        #expect(try account.userData(of: new.id) == CloudAccount.userData)
        #expect(new.tags["team"] == "wéb & co" && new.tags["ManagedBy"] == "SpotOptimizer")
        #expect(new.tags["spot:command"] == command.text && new.tags["spot:agent"] == slot.text)
        #expect(new.tags["LogicalAgentId"] == "web")
    }

    @Test func `a switch makes a machine like the old one where and how it was asked for, and ends the old one`() throws
    {
        try withScene { scene in
            let (fleet, account) = (scene.fleet, scene.account)
            let first = try account.run()
            let old = try scene.start("web", on: first, Self.brief)
            let toOnDemand = try fleet.askSwitch("web", to: .onDemand)
            let done = try fleet.outcome(of: toOnDemand, "web")
            #expect(done.state == .done, "\(done)")
            #expect(try account.machine(first).isAlive, "it is kept for its wait")
            let second = try scene.launched(by: toOnDemand)
            try expectLikeTheOld(second, account, command: toOnDemand, slot: fleet.slot("web"))
            #expect(!second.isSpot && second.zone == "us-east-1b")
            let image = try #require(try account.images().first)
            #expect(second.image == image["imageId"]?.text && second.image != CloudAccount.image)
            #expect(done.message?.contains(second.id.text) == true)
            #expect(try fleet.waitForEvent("switch_completed", "web").message.contains(second.id.text))
            // The old one ends itself, after the other one serves.
            try eventually("the old machine's end", within: .seconds(20)) { try !account.machine(first).isAlive }
            try old.stop()

            let new = try scene.start("web", on: second.id, ["CREATE_SNAPSHOT_ON_SWITCH": "false"])
            let toSpot = try fleet.askSwitch("web", to: .pool("m5.large.us-east-1c"))
            let moved = try fleet.outcome(of: toSpot, "web")
            #expect(moved.state == .done, "\(moved)")
            let third = try scene.launched(by: toSpot)
            try expectLikeTheOld(third, account, command: toSpot, slot: fleet.slot("web"))
            #expect(third.isSpot && third.zone == "us-east-1c" && third.image == second.image)
            let launch = try #require(account.launches.last)
            #expect(launch["InstanceMarketOptions.SpotOptions.InstanceInterruptionBehavior"] == "terminate")
            #expect(launch["InstanceMarketOptions.SpotOptions.SpotInstanceType"] == "one-time")
            #expect(account.launches.count == 2)
            try new.stop()
        }
    }

    @Test func `replicas come and go, machines are looked at, prices told, and what is not known is refused`() throws {
        try withScene { scene in
            let (fleet, account) = (scene.fleet, scene.account)
            // moto has no price list, and what it says instead is a fault that may pass.
            account.door.behave { asked in
                if asked.text.contains("Action=") { return .pass }
                let said = Array(#"{"__type": "AccessDeniedException", "message": "no"}"#.utf8)
                return .say(PlainReply(400, type: "application/x-amz-json-1.1", said).bytes)
            }
            let machine = try scene.start("web", on: try account.run())
            var change = SlotSettingsChange()
            change[.manualReplicaEnabled] = .flag(true)
            change[.autoSwitchEnabled] = .flag(false)
            change[.replicaCount] = .whole(1)
            try fleet.change("web", change)
            var replica: Replica?
            try eventually("a replica's machine", within: .seconds(20)) {
                replica = try fleet.detail("web").replicas.first { $0.instance != nil }
                return replica != nil
            }
            let standBy = try #require(replica?.instance)
            let order = try #require(try fleet.commands("web").first { $0.type == "create_replica" })
            let launched = try scene.launched(by: order.id)
            try expectLikeTheOld(launched, account, command: order.id, slot: fleet.slot("web"))
            #expect(launched.id == standBy && launched.isSpot && launched.zone != "us-east-1b")

            let seen = try machine.order(.inspectInstance(standBy), as: "c-inspect")
            #expect(
                seen.facts == .inspected([CommandResult.InspectedInstance(instance: standBy, state: .running)]))
            change[.manualReplicaEnabled] = .flag(false)
            change[.replicaCount] = .whole(0)
            try fleet.change("web", change)
            let path = try Route.deleteReplica.path(fleet.slot("web"), try #require(replica?.id))
            _ = try fleet.coordinator.ask("DELETE", path, token: fleet.coordinator.adminToken)
            try eventually("the replica's end", within: .seconds(20)) { try !account.machine(standBy).isAlive }
            #expect(try fleet.waitForEvent("instance_terminated", "web").instance == standBy)

            let unknown = try machine.order(.unknown("self_destruct"), as: "c-unknown")
            #expect(unknown.outcome == .refused && unknown.message.contains("self_destruct"))
            let configured = try machine.order(.applyConfig(ConfigVersion(1)), as: "c-config")
            #expect(configured.outcome == .done, "\(configured)")
            try expectPrices(machine)
        }
    }

    /// Those of all zones, and none that nobody told.
    private func expectPrices(_ machine: FleetMachine) throws {
        let report = try machine.road.wait(for: "a report of prices", within: .seconds(20)) { asked in
            asked.target.contains("pricing-report") ? try? decodeJSON(PricingReport.self, from: asked.body) : nil
        }
        #expect(report.pools.count >= 3 && Set(report.pools.map(\.pool.zone)).count == report.pools.count)
        #expect(report.pools.allSatisfy { $0.price > JSONNumber(0) })
        #expect(report.currentSpotPrice == report.pools.first { $0.pool.zone == "us-east-1b" }?.price)
        #expect(report.onDemandPrice == nil)
        try machine.agent?.waitForText("warning prices are not known")
        #expect(try machine.stop().lines(saying: "prices are not known") == 1)
    }

    @Test func `cleaning up removes what is ours and old, and nothing else`() throws {
        try withTemporaryFolder { folder in
            // moto dates images by this file alone, and has the account's own number for its first.
            let path = "\(folder)/images.json"
            func image(_ id: String, _ date: String, _ tags: String, owner: String = "123456789012") -> String {
                """
                {"ami_id": "\(id)", "name": "\(id)", "description": "", "owner_id": "\(owner)", "public": true,
                 "virtualization_type": "hvm", "architecture": "x86_64", "state": "available", "platform": null,
                 "image_type": "machine", "hypervisor": "xen", "root_device_name": "/dev/sda1",
                 "root_device_type": "ebs", "sriov": "simple", "creation_date": "\(date)", "tags": {\(tags)}}
                """
            }
            let ours = #""ManagedBy": "SpotOptimizer""#
            let images = [
                image(CloudAccount.image, "2020-01-01T00:00:00.000Z", ""),
                image("ami-00000000000000a1", "2020-01-01T00:00:00.000Z", ours),
                image("ami-00000000000000a2", "2098-01-01T00:00:00.000Z", ours),
                image("ami-00000000000000a3", "2020-01-01T00:00:00.000Z", #""ManagedBy": "somebody""#),
                image("ami-00000000000000a4", "2020-01-01T00:00:00.000Z", ours, owner: "999999999999"),
            ]
            try replaceFile(path, with: Array("[\(images.joined(separator: ","))]".utf8), doing: "write images")
            let account = try CloudAccount(environment: ["MOTO_AMIS_PATH": path])
            let fleet = try Fleet(in: folder)
            let machine = try fleet.machine("web", on: try account.run(), of: account)
            _ = try machine.startInContact()
            let snapshotsBefore = try account.snapshots().count
            let result = try machine.order(.cleanup(Order.Cleanup()), as: "c-cleanup")
            #expect(result.outcome == .done, "\(result)")
            let left = try account.images().compactMap { $0["imageId"]?.text }
            #expect(left.sorted() == [CloudAccount.image, "ami-00000000000000a2", "ami-00000000000000a3"].sorted())
            #expect(try account.snapshots().count == snapshotsBefore - 1)
            #expect(try fleet.waitForEvent("cleanup_completed", "web").message.contains("1 images and 1 snapshots"))
        }
    }

    @Test func `throttled, cut off and short of machines it does what it was told all the same, once`() throws {
        try withScene { scene in
            let (fleet, account) = (scene.fleet, scene.account)
            let machine = try scene.start("web", on: try account.run())
            let chance = Locked(Chance(seed: 4))
            let full = Locked(Set<String>())
            account.door.behave { asked in
                if asked.text.contains("Action=RunInstances") && !asked.text.contains("DryRun=true") {
                    // The first zone has no room; the second launch's answer is lost.
                    let count = full.withLock { seen in
                        seen.insert("\(seen.count)")
                        return seen.count
                    }
                    if count == 1 { return .say(refusal("InsufficientInstanceCapacity", 500).bytes) }
                    if count == 2 { return .alter { _ in nil } }
                    return .pass
                }
                return switch chance.withLock({ Int.random(in: 0..<8, using: &$0) }) {
                case 0: .say(refusal("RequestLimitExceeded", 503).bytes)
                case 1: .say(PlainReply(503, type: "text/html", Array("<html>busy</html>".utf8)).bytes)
                case 2: .cut
                // Each costs the time in which an answer is lost.
                case 3 where TestTier.current == .full: .hang
                default: .pass
                }
            }
            var change = SlotSettingsChange()
            change[.autoTerminateEnabled] = .flag(false)
            try fleet.change("web", change)
            let id = try fleet.askSwitch("web", to: .onDemand)
            let done = try fleet.outcome(of: id, "web", within: .seconds(60))
            #expect(done.state == .done, "\(done)")
            let new = try scene.launched(by: id)
            #expect(new.isAlive && new.zone != "us-east-1b")
            #expect(done.message?.contains(new.id.text) == true)
            account.door.pass()
            #expect(try machine.stop().lines(saying: "command ended") == 1)
        }
    }
}

/// As EC2 refuses.
func refusal(_ code: String, _ status: Int, fields: [String] = []) -> PlainReply {
    let error = "<Error><Code>\(code)</Code><Message>no</Message></Error>"
    let document = "<?xml version=\"1.0\"?><Response><Errors>\(error)</Errors></Response>"
    return PlainReply(status, type: "text/xml", fields: fields, Array(document.utf8))
}
