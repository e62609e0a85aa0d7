import Glibc
import JSON
import Platform
import PretendMetadata
import TestSupport
import Testing
import Wire

/// `spot-agent drill` with the built programs: a coordinator, and machines with hooks in place of units.
@Suite(.serialized) struct AgentDrillTests {
    private final class Scene {
        let folder: String
        let fleet: Fleet
        private let iam: PretendIAM
        private var environment: [String: String]
        /// Each runs as long as the scene.
        private var machines: [FleetMachine] = []

        /// `served` holds a file for each machine that serves.
        init(_ folder: String, _ more: [String: String] = [:]) throws {
            self.folder = folder
            fleet = try Fleet(in: folder)
            iam = try PretendIAM()
            let hooks = "\(folder)/hooks"
            unsafe mkdir("\(folder)/served", 0o755)
            unsafe mkdir(hooks, 0o755)
            environment = [
                "AWS_ENDPOINT_URL": iam.url, "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "s", "HOOKS_DIR": hooks,
            ].merging(more) { $1 }
            try hook("promote", ": >\(folder)/served/$SPOT_INSTANCE")
            try hook("drain", "rm -f \(folder)/served/$SPOT_INSTANCE")
        }

        deinit { iam.stop() }

        func hook(_ stage: String, _ line: String) throws {
            let place = "\(folder)/hooks/\(stage).d"
            unsafe mkdir(place, 0o755)
            try replaceFile("\(place)/10-it", with: Array("#!/bin/sh\n\(line)\n".utf8), permissions: 0o755)
            unsafe chmod("\(place)/10-it", 0o755)
        }

        func machine(_ proof: Bool = true) throws -> FleetMachine {
            let machine = try fleet.machine("web", more: environment)
            if proof { machine.environment["VERIFY_COMMAND"] = "/usr/bin/test -e \(folder)/served/\(machine.instance)" }
            _ = try machine.startInContact()
            machines.append(machine)
            return machine
        }

        func waitForReadiness() throws {
            let path = try Route.readiness.path(fleet.slot("web"))
            try fleet.coordinator.waitUntil(path, token: fleet.coordinator.adminToken, within: .seconds(20)) { reply in
                (try? reply.decode(SlotReadiness.self).survives) == true
            }
        }

        func drill(_ arguments: [String] = [], on machine: FleetMachine) throws -> ChildOutcome {
            try ChildProcess(builtProgram("spot-agent"), ["drill"] + arguments, environment: machine.environment)
                .waitForEnd(within: .seconds(60))
        }

        var serving: Set<String> { Set((try? names(in: "\(folder)/served", limit: 9)) ?? []) }
    }

    private func withScene(_ more: [String: String] = [:], _ body: (Scene) throws -> Void) throws {
        try withTemporaryFolder { try body(Scene($0, more)) }
    }

    @Test(arguments: ["overlap", "exclusive"])
    func `a drill moves the workload the real way, and shows how well it went`(handOver: String) throws {
        try withScene(["HAND_OVER": handOver]) { scene in
            let old = try scene.machine()
            let new = try scene.machine()
            try scene.waitForReadiness()
            let asked = try scene.drill(["--dry-run"], on: old)
            #expect(asked.status == 0 && asked.output.contains("it would survive"), "\(asked)")
            let outcome = try scene.drill(on: old)
            #expect(outcome.status == 0, "\(outcome)")
            for word in ["a drill: met", "noticed to proven", "to spare", "promote.d/10-it", "drain.d/10-it"] {
                #expect(outcome.output.contains(word), "\(word): \(outcome.output)")
            }
            #expect(outcome.output.contains(/steps in trouble +none/), "\(outcome.output)")
            #expect(scene.serving == [new.instance.text])
            let incident = try #require(try scene.fleet.incidents("web").first)
            #expect(incident.drill && incident.state == .met && incident.successor == new.instance)
            #expect(try scene.fleet.incidents("web").count == 1)
            #expect(!fileExists("\(old.state)/drill"))
            // Whoever was replaced has nothing to rehearse.
            let again = try scene.drill(on: old)
            #expect(again.status == 1 && again.errors.contains("only the primary's end is rehearsed"), "\(again)")
        }
    }

    @Test func `one that would not be survived is refused with the reasons, and nothing has changed`() throws {
        try withScene { scene in
            let only = try scene.machine()
            let asked = try scene.drill(["--dry-run", "--json"], on: only)
            #expect(asked.status == 1)
            let readiness = try decodeJSON(SlotReadiness.self, from: Array(asked.output.utf8))
            let reason = try #require(readiness.reasons.first)
            let outcome = try scene.drill(on: only)
            #expect(outcome.status == 1 && outcome.output.isEmpty && outcome.errors.contains(reason), "\(outcome)")
            #expect(try scene.fleet.incidents("web").isEmpty)
            #expect(try scene.fleet.detail("web").agent.epoch == 1)
            #expect(try only.stop().lines(saying: "there is no drill") == 1)
        }
    }

    @Test func `a successor that never serves is a missed drill that names the step`() throws {
        try withScene(["FAILOVER_DEADLINE_SECONDS": "2"]) { scene in
            let old = try scene.machine()
            _ = try scene.machine()
            try scene.waitForReadiness()
            try scene.hook("promote", "exit 3")
            let outcome = try scene.drill(on: old)
            #expect(outcome.status == 1, "\(outcome)")
            #expect(outcome.output.contains("missed"), "\(outcome.output)")
            #expect(outcome.output.contains(/steps in trouble +promote.d\/10-it on i-/), "\(outcome.output)")
        }
    }

    @Test func `a recommendation only makes sure of a replica`() throws {
        try withScene { scene in
            let old = try scene.machine()
            _ = try scene.machine()
            try scene.waitForReadiness()
            let outcome = try scene.drill(["--kind", "rebalance", "--json"], on: old)
            #expect(outcome.status == 0, "\(outcome)")
            let card = try JSONDocument(Array(outcome.output.utf8)).root.object().required("scorecard").object()
            #expect(try card.required("met").boolean())
            #expect(try scene.fleet.detail("web").agent.epoch == 1)
        }
    }

    @Test func `without the agent or the coordinator it says who is missing, with status 69`() throws {
        try withScene { scene in
            let machine = try scene.machine()
            machine.road.behave { _ in .cut }
            let deaf = try scene.drill(["--dry-run"], on: machine)
            #expect(deaf.status == 69 && !deaf.errors.isEmpty, "\(deaf)")
            try machine.kill()
            let alone = try scene.drill(on: machine)
            #expect(alone.status == 69 && alone.errors.contains("no agent runs here"), "\(alone)")
        }
    }

    @Test func `a kind that there is not is a mistyped command line`() throws {
        let outcome = try ChildProcess(
            builtProgram("spot-agent"), ["drill", "--kind", "stop"], environment: ["STATE_DIRECTORY": "/nonexistent"]
        ).waitForEnd()
        #expect(outcome.status == 64 && outcome.errors.contains("terminate or rebalance"), "\(outcome)")
    }

    @Test func `a SIGUSR1 of which nothing came with it leaves the agent as it was`() throws {
        try withScene { scene in
            let machine = try scene.machine()
            machine.agent?.send(signal: SIGUSR1)
            try machine.agent?.waitForText("SIGUSR1 without a readable wish")
            #expect(try scene.fleet.incidents("web").isEmpty)
        }
    }
}
