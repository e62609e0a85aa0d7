import CoordinatorAPI
import CoordinatorHeart
import JSON
import Platform
import TestSupport
import Testing
import Wire

/// Old hosts beside each other and beside hosts of today.
struct LegacySuccessionTests {
    @Test func `an agent of today takes the old one's place on its machine without a gap`() throws {
        try withCoordinator { site in
            let host = try site.old(.v4Sync, as: "web")
            let new = try site.register(host.client, as: "web", host.instance)
            #expect(new.slot == host.slot)
            #expect(new.role == .primary)
            #expect(new.epoch == 1)
            #expect(try site.ask(new.ask(.heartbeat, [], new.heartbeat)).status == 200)
            #expect(try site.detail(host.slot).agent.status == .online)
            // The client's token says nothing for a host that has one of its own.
            #expect(try host.beat().status == 403)
        }
    }

    @Test func `an agent of today takes the old one's place from another machine, once it is proven to serve`() throws {
        try withCoordinator { site in
            let host = try site.old(.v4Sync, as: "web")
            let new = try site.register(host.client, as: "web")
            #expect(new.role == .replica)
            #expect(try site.primary(host.slot) == host.instance)
            var heartbeat = new.heartbeat
            heartbeat.lacking = []
            _ = try site.ask(new.ask(.heartbeat, [], heartbeat))
            let queued: QueuedCommand = try site.order(.promoteReplica, [host.slot, site.replica(of: new)])
            #expect(try site.primary(host.slot) == host.instance)
            var reply = try site.ask(new.ask(.heartbeat, [], heartbeat)).read(HeartbeatReply.self)
            let command = try #require(reply.commands.first)
            #expect(command.id == queued.command)
            let now = site.surroundings.wall()
            var result = CommandResult(
                .done, message: "serves", instance: new.instance, attempt: command.attempt, epoch: command.epoch,
                finishedAt: now)
            result.facts = .activated(at: now, verifiedAt: now)
            #expect(try site.ask(new.ask(.commandResult, [command.id.text], result)).status == 200)
            #expect(try site.primary(host.slot) == new.instance)
            // The old one idles, and nothing is asked of it.
            #expect(try host.beat().status == 200)
            #expect(try host.get("config").flag("enabled") == false)
            #expect(try host.switches().isEmpty)
            #expect(try site.role(host.instance, in: host.slot) == .zombie)
            // Its end is asked of the one that can.
            for _ in 0..<62 {
                try site.live(5)
                try host.beat()
                reply = try site.ask(new.ask(.heartbeat, [], heartbeat)).read()
                if !reply.commands.isEmpty { break }
            }
            #expect(reply.commands.map(\.order.type) == ["terminate_instance"])
        }
    }

    @Test func `old hosts and hosts of today live in one client`() throws {
        try withCoordinator { site in
            let client = try site.makeClient()
            let olds = try Build.allCases.map { try site.old($0, client) }
            let news = try (0..<2).map { _ in try site.register(client) }
            for host in olds { #expect(try host.beat().status == 200) }
            for host in news { #expect(try site.ask(host.ask(.heartbeat, [], host.heartbeat)).status == 200) }
            #expect(Set(olds.map(\.slot) + news.map(\.slot)).count == 8)
        }
    }

    @Test func `a client's token answers for no host of today`() throws {
        try withCoordinator { site in
            let host = try site.old(.v4Sync, as: "web")
            let new = try site.register(host.client, as: "web")
            let beat = #"{"status": "offline", "instance_id": "\#(new.instance)"}"#
            #expect(try host.post("heartbeat", beat).status == 200)
            let hosts = try site.detail(host.slot).hosts
            #expect(hosts.first { $0.instance == new.instance }?.presence == .fresh)
        }
    }

    @Test func `where two must never serve, a host that cannot be fenced is not let in, and the other way round`()
        throws
    {
        try withCoordinator { site in
            let native = try site.register(try site.makeClient(), as: "web")
            var change = SlotSettingsChange()
            change[.handOver] = .handOver(.exclusive)
            let _: Configuration = try site.order(.changeSettings, [native.slot], change)
            let body = Build.v4Sync.registration("web", "i-0aaaaaaaaaaaaaaaa", native.client.token, zone: "us-east-1a")
            let refused = try site.ask(Ask("POST", "/api/agents/register", token: native.client.token, body: body))
            try expectRefusal(refused, 409, "CONFLICT", said: "hand_over")
            let old = try site.old(.v4Sync)
            let answer = try site.ask(Ask(.changeSettings, [old.slot], token: Site.adminToken, body: change))
            try expectRefusal(answer, 409, "CONFLICT", said: old.instance.text)
        }
    }

    @Test func `a successor that is heard takes over from one that is not, and never while it is`() throws {
        try withCoordinator { site in
            let host = try site.old(.v32, as: "web")
            let next = try site.old(.v32, host.client, as: "web", from: "127.0.0.2")
            #expect(try site.primary(host.slot) == host.instance)
            #expect(try next.get("config").flag("enabled") == false)
            for _ in 0..<6 {
                try site.live(30)
                try next.beat()
            }
            #expect(try site.primary(host.slot) == next.instance)
            #expect(try next.get("config").flag("enabled") == true)
            try host.beat()
            #expect(try site.primary(host.slot) == next.instance)
            #expect(try site.role(host.instance, in: host.slot) == .zombie)
        }
    }

    @Test func `an image's clone that only reconnects is not its original, and registers as itself`() throws {
        try withCoordinator { site in
            let host = try site.old(.v501)
            try host.beat()
            let command = try site.launch(for: host)
            let clone = OldHost(
                site: site, client: host.client, build: .v501, instance: "i-0ddddddddddddddd0", address: "127.0.0.9",
                slot: host.slot)
            let reconnect = try clone.post(
                "heartbeat", #"{"status": "online", "reconnect": true, "inventory_snapshot": {}}"#)
            #expect(reconnect.status == 403)
            // Which has it forget the name.
            let own = try site.old(.v501, host.client, clone.instance, from: clone.address)
            #expect(own.slot != host.slot)
            #expect(try site.primary(own.slot) == clone.instance)
            try site.live(100)
            #expect(try clone.actions().isEmpty)
            #expect(try clone.post("shutdown", #"{"cloud_instance_id": "i-0ddddddddddddddd0"}"#).status == 200)
            #expect(try site.detail(host.slot).agent.status == .online)
            #expect(try site.detail(host.slot).hosts.map(\.instance) == [host.instance])
            #expect(try site.state(of: command, in: host.slot) == "delivered")
        }
    }

    @Test func `an agent whose primary proves nothing does not count as safe`() throws {
        try withCoordinator { site in
            let host = try site.old(.v4Sync)
            let readiness: SlotReadiness = try site.order(.readiness, [host.slot])
            #expect(readiness.reasons.contains { $0.contains("no token of its own") })
            #expect(try site.detail(host.slot).agent.survives == false)
        }
    }
}
