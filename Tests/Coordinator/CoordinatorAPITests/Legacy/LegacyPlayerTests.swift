import JSON
import OldAgents
import Platform
import TestSupport
import Testing
import Wire

/// The six old agents against this coordinator, for an hour of their time.
struct LegacyPlayerTests {
    private func withOld(_ build: OldBuild, _ body: (inout OldDriver, String) throws -> Void) throws {
        try withCoordinator { site in
            var driver = try OldDriver(site)
            let instance = driver.found(build, named: "web")
            try driver.pass(5)
            try body(&driver, instance)
        }
    }

    @Test(arguments: OldBuild.allCases)
    func `it registers once and stays online for an hour`(build: OldBuild) throws {
        try withOld(build) { driver, instance in
            try driver.pass(3_600)
            #expect(driver.refused == [])
            #expect(driver.count("register") == 1)
            let agent = try driver.agent(instance)
            #expect(agent.agent.status == .online)
            #expect(agent.agent.instance?.text == instance)
            #expect(try driver.events().filter { $0.kind == "agent_marked_offline" } == [])
            #expect(driver.fleet.players[instance]?.readiness == .ready)
        }
    }

    @Test func `all six beside each other in one client are quiet, and each launches what it is told once`() throws {
        try withCoordinator { site in
            var driver = try OldDriver(site)
            let instances = OldBuild.allCases.map { driver.found($0, named: $0.rawValue) }
            try driver.pass(1_200)
            #expect(try driver.events().filter { ["host_silent", "agent_back_online"].contains($0.kind) } == [])
            var change = SlotSettingsChange()
            change[.manualReplicaEnabled] = .flag(true)
            for instance in instances {
                let slot = try #require(driver.fleet.players[instance]?.agentID)
                let _: Configuration = try site.order(.changeSettings, [slot], change)
            }
            try driver.pass(2_400)
            #expect(driver.refused == [])
            for (build, instance) in zip(OldBuild.allCases, instances) {
                let agent = try driver.agent(instance)
                let launches = [.sync, .v5, .v5production].contains(build)
                #expect(agent.agent.status == .online, "\(build)")
                #expect(agent.agent.instance?.text == instance, "\(build)")
                #expect(agent.replicas.compactMap(\.instance).count == (launches ? 1 : 0), "\(build)")
                #expect(agent.commands.isEmpty, "\(build)")
            }
            #expect(driver.fleet.cloud.machines.count == instances.count + 3)
        }
    }

    @Test(arguments: [OldBuild.v3, .early, .sync, .v5production])
    func `a switch launches one machine, which becomes the primary`(build: OldBuild) throws {
        try withOld(build) { driver, instance in
            try driver.pass(60)
            let slot = try #require(driver.fleet.players[instance]?.agentID)
            let _: QueuedCommand = try driver.site.order(.switchSlot, [slot], ForceSwitch(target: .onDemand))
            try driver.pass(1_800)
            let launched = driver.fleet.cloud.machines.keys.filter { $0 != instance }
            #expect(launched.count == 1)
            let agents: AgentList = try driver.site.order(.agents)
            #expect(agents.agents.contains { $0.instance?.text == launched.first })
        }
    }

    @Test(arguments: [OldBuild.early, .sync, .v5production])
    func `an announced end makes one replica and promotes it once`(build: OldBuild) throws {
        try withOld(build) { driver, instance in
            try driver.pass(120)
            let end = driver.site.surroundings.wall() + .seconds(120)
            driver.fleet.cloud.announce("terminate", for: instance, at: "\(end)")
            try driver.pass(120)
            driver.fleet.cloud.terminate(instance, at: driver.now)
            try driver.pass(900)
            let events = try driver.events().map(\.kind)
            #expect(events.filter { $0 == "termination_notice" }.count == 1)
            #expect(events.filter { $0 == "promotion_decided" }.count <= 1)
            let launched = driver.fleet.cloud.machines.keys.filter { $0 != instance }
            #expect(launched.count == 1)
        }
    }
}
