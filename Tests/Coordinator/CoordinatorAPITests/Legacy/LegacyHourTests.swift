import CoordinatorAPI
import CoordinatorHeart
import JSON
import Platform
import TestSupport
import Testing
import Wire

/// What a program does by the clock, and with what it is told. Periods in seconds.
private struct Player {
    let host: OldHost
    /// Its replica, its switch, and what it launched: told once, done once.
    var told: [String] = []
    var launched: [InstanceID] = []

    private var polls: [(period: Int, path: String)] {
        switch host.build {
        case .v32, .v4Early: [(60, "config"), (15, "pending-commands")]
        case .v4Sync:
            [
                (60, "config"), (15, "pending-commands"), (30, "replicas?status=launching"),
                (30, "replicas?status=terminated"), (60, "instances-to-terminate"),
            ]
        case .runbook: [(30, "config")]
        case .v500, .v501: [(5, "commands/pending")]
        }
    }

    mutating func live(_ second: Int) throws {
        if second % 30 == 0 { try expectSuccess(try host.beat()) }
        for poll in polls where second % poll.period == 0 {
            let reply = try host.get(poll.path)
            try expectSuccess(reply)
            try obey(reply, poll.path)
        }
        if second % 300 == 0, host.build == .runbook {
            try expectSuccess(try host.post("decide", #"{"spot_pools": []}"#))
        }
        if second % 3600 == 60, host.build == .v4Early || host.build == .v4Sync {
            let nothing = #"{"deleted": [], "failed": [], "error": "no"}"#
            let body = #"{"timestamp": "2026-01-01T00:00:00", "snapshots": \#(nothing), "amis": \#(nothing)}"#
            try expectSuccess(try host.post("cleanup-report", body))
        }
    }

    private func expectSuccess(_ reply: Old) throws {
        #expect(reply.status == 200, "\(host.build): \(reply.answer.text)")
        #expect(try !reply.fields().isEmpty)
    }

    private mutating func obey(_ reply: Old, _ path: String) throws {
        switch path {
        case "replicas?status=launching":
            for order in try reply.list("replicas") {
                let (replica, instance) = (try #require(try order.text("id")), try host.site.nextInstance())
                told.append(replica)
                launched.append(instance)
                _ = try host.put("replicas/\(replica)", #"{"instance_id": "\#(instance)", "status": "syncing"}"#)
                _ = try host.post("replicas/\(replica)/status", #"{"status": "ready"}"#)
            }
        case "commands/pending":
            for order in try reply.list("commands") {
                let (command, instance) = (try #require(try order.text("request_id")), try host.site.nextInstance())
                told.append(command)
                launched.append(instance)
                let body = """
                    {"request_id": "\(command)", "agent_id": "\(host.slot)", "result": "SUCCESS",
                    "cloud_instance_id": "\(instance)", "error_message": null, "metadata": {"confirmation_time_seconds": 20}}
                    """
                _ = try host.post("action-result", body)
            }
        case "pending-commands":
            for order in try reply.list("commands") {
                let command = try #require(try order.text("id"))
                told.append(command)
                // It finds no capacity, and stays.
                _ =
                    host.build == .v32
                    ? try host.post("mark-command-executed", #"{"command_id": "\#(command)"}"#)
                    : try host.post("commands/\(command)/executed", #"{"success": false, "message": "Switch failed"}"#)
            }
        default: break
        }
    }
}

/// The programs, by their own clocks, side by side in one client with a host of today.
struct LegacyHourTests {
    @Test func `an hour of all six beside each other is quiet, and each does what it is told once`() throws {
        try withCoordinator { site in
            let client = try site.makeClient()
            var players = try Build.allCases.enumerated().map { number, build in
                Player(host: try site.old(build, client, from: "127.0.0.\(number + 1)"))
            }
            for second in stride(from: 0, to: 3600, by: 5) {
                for index in players.indices { try players[index].live(second) }
                if second == 600 { try order(players, site) }
                try site.live(5)
            }
            for player in players {
                let (build, slot) = (player.host.build, player.host.slot)
                #expect(player.told.count == (build == .runbook ? 0 : 1), "\(build)")
                #expect(try site.count("host_silent", of: slot) == 0, "\(build)")
                #expect(try site.count("agent_back_online", of: slot) == 0, "\(build)")
                #expect(try site.detail(slot).agent.status == .online, "\(build)")
                #expect(try site.primary(slot) == player.host.instance, "\(build)")
                #expect(try site.detail(slot).replicas.map(\.instance) == player.launched, "\(build)")
                #expect(try site.detail(slot).commands.isEmpty, "\(build)")
            }
        }
    }

    /// A switch of those that switch, a replica of those that launch.
    private func order(_ players: [Player], _ site: Site) throws {
        for player in players {
            switch player.host.build {
            case .v32, .v4Early: _ = try site.askSwitch(player.host.slot)
            case .v4Sync, .v500, .v501:
                var change = SlotSettingsChange()
                change[.manualReplicaEnabled] = .flag(true)
                let _: Configuration = try site.order(.changeSettings, [player.host.slot], change)
            case .runbook: break
            }
        }
    }
}
