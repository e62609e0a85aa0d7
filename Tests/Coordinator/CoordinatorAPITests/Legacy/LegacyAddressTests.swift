import CoordinatorAPI
import CoordinatorHeart
import JSON
import TestSupport
import Testing
import Wire

/// Hosts of one agent behind one address, as behind a translator of addresses, of whose calls most name no machine.
struct LegacyAddressTests {
    private let second: InstanceID = "i-0bbbbbbbbbbbbbbb0"

    /// A pair, of which each speaks from the same address.
    private func pair(_ site: Site, _ build: Build) throws -> (host: OldHost, other: OldHost) {
        let host = try site.old(build, as: "web")
        return (host, try site.old(build, host.client, as: "web", second))
    }

    @Test func `one that asks what there is to do keeps no other alive, and takes over from it`() throws {
        try withCoordinator { site in
            let (host, other) = try pair(site, .v4Sync)
            for _ in 0..<6 {
                try site.live(30)
                try other.beat()
                for path in ["replicas?status=launching", "replicas?status=terminated", "instances-to-terminate"] {
                    #expect(try other.get(path).status == 200)
                }
            }
            #expect(try site.primary(host.slot) == other.instance)
            #expect(try site.role(host.instance, in: host.slot) == .zombie)
        }
    }

    @Test func `one that comes back when the other has been given up takes over`() throws {
        try withCoordinator { site in
            let (host, other) = try pair(site, .v4Sync)
            for _ in 0..<6 { try site.live(30) }
            #expect(try site.primary(host.slot) == host.instance)
            try other.beat()
            #expect(try site.primary(host.slot) == other.instance)
            #expect(try site.detail(host.slot).agent.status == .online)
        }
    }

    @Test func `where neither names itself, no order is handed out to both`() throws {
        try withCoordinator { site in
            let host = try site.old(.v501)
            let first = try site.launch(for: host)
            let result =
                #"{"request_id": "\#(first)", "result": "SUCCESS", "cloud_instance_id": "\#(second)", "metadata": {"confirmation_time_seconds": 5}}"#
            #expect(try host.post("action-result", result).status == 200)
            let other = try site.old(.v501, host.client, second)
            #expect(other.slot == host.slot)
            // Neither is heard, until one is taken for the one that serves.
            for _ in 0..<6 {
                try site.live(30)
                for each in [host, other] { try each.beat() }
            }
            #expect(try site.detail(host.slot).agent.status == .online)
            let order = try site.askSwitch(host.slot)
            let told = try [host, other, host, other].flatMap { try $0.actions() }
            #expect(try told.map { try $0.text("request_id") } == [order])
        }
    }

    private enum Doubt: CaseIterable { case isAlone, hasOther, isMissed, isElsewhere }

    @Test(arguments: Doubt.allCases)
    private func `who says by its agent's name alone that it is back is believed where it can be no other`(
        doubt: Doubt
    ) throws {
        try withCoordinator { site in
            let host = try site.old(.v500)
            if doubt == .hasOther {
                let order = try site.launch(for: host)
                let result =
                    #"{"request_id": "\#(order)", "result": "SUCCESS", "cloud_instance_id": "\#(second)", "metadata": {}}"#
                #expect(try host.post("action-result", result).status == 200)
            }
            if doubt == .isMissed { try site.live(200) }
            let program = OldHost(
                site: site, client: host.client, build: host.build, instance: host.instance,
                address: doubt == .isElsewhere ? "127.0.0.9" : host.address, slot: host.slot)
            let back = try program.post(
                "heartbeat", #"{"status": "online", "reconnect": true, "inventory_snapshot": {}}"#)
            #expect(back.status == (doubt == .isAlone ? 200 : 403))
            if doubt == .isMissed { #expect(try site.detail(host.slot).agent.status == .offline) }
            // It registers then, which names the machine.
            #expect(try program.register("again").text("agent_id") == host.slot)
            #expect(try site.role(host.instance, in: host.slot) == .primary)
        }
    }
}
