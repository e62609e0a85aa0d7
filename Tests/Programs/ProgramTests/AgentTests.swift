import Glibc
import JSON
import Platform
import PretendMetadata
import TestSupport
import Testing
import Wire

/// The built agent against the built coordinator, and a metadata service that says what a test has it say.
@Suite(.serialized) struct AgentTests {
    private final class Scene {
        let folder: String
        let metadata: PretendMetadata
        private(set) var coordinator: RunningCoordinator
        let client: CreatedClient

        init(_ folder: String) throws {
            self.folder = folder
            metadata = try PretendMetadata()
            coordinator = try RunningCoordinator(in: folder)
            client = try coordinator.makeClient()
        }

        deinit { metadata.stop() }

        func startAgent(_ more: [String: String] = [:]) throws -> ChildProcess {
            let environment = [
                "SPOT_OPTIMIZER_SERVER_URL": "http://127.0.0.1:\(coordinator.port)",
                "SPOT_OPTIMIZER_CLIENT_TOKEN": client.token.secret, "LOGICAL_AGENT_ID": "web",
                "AWS_EC2_METADATA_SERVICE_ENDPOINT": metadata.endpoint, "STATE_DIRECTORY": "\(folder)/agent",
            ].merging(more) { $1 }
            return try ChildProcess(builtProgram("spot-agent"), ["run"], environment: environment)
        }

        func incidents() throws -> Int {
            let reply = try coordinator.ask("GET", Route.incidents.path(), token: coordinator.adminToken)
            return try reply.decode(IncidentList.self).incidents.count
        }

        func restartCoordinator(_ meanwhile: () throws -> Void) throws {
            let port = coordinator.port
            _ = try coordinator.stop()
            try meanwhile()
            coordinator = try RunningCoordinator(in: folder, port: port)
        }
    }

    private func withScene(_ body: (Scene) throws -> Void) throws {
        try withTemporaryFolder { folder in
            unsafe mkdir("\(folder)/agent", 0o700)
            try body(try Scene(folder))
        }
    }

    @Test func `it enrols, is in contact, and a notice is an incident within a second and a half`() throws {
        try withScene { scene in
            let agent = try scene.startAgent()
            try agent.waitForText("notice registered")
            try agent.waitForText("notice in contact with the coordinator")
            let visible = SystemSurroundings().monotonic()
            scene.metadata.set(
                "spot/instance-action", #"{"action": "terminate", "time": "2099-01-01T00:00:00Z"}"#)
            try agent.waitForText("notice the coordinator has it")
            let took = SystemSurroundings().monotonic() - visible
            #expect(took < .seconds(3), "\(took)")
            #expect(try scene.incidents() == 1)
            agent.send(signal: SIGTERM)
            let said = try agent.waitForEnd(within: .seconds(5))
            #expect(said.status == 0)
            #expect(!said.errors.contains(scene.client.token.secret))
        }
    }

    @Test func `two threads and one connection to the metadata service are all it has while it polls`() throws {
        try withScene { scene in
            let agent = try scene.startAgent()
            try agent.waitForText("notice in contact with the coordinator")
            try eventually("it polls") { scene.metadata.counts.reads["spot/instance-action"] ?? 0 > 2 }
            let status = String(
                decoding: try readSmallFile("/proc/\(agent.id)/status", limit: 1 << 16), as: UTF8.self)
            #expect(status.contains("\nThreads:\t2\n"))
            #expect(scene.metadata.connections == 1)
        }
    }

    @Test func `whoever starts it by hand gets the process that does without GnuTLS, under its own name`() throws {
        try withScene { scene in
            let agent = try scene.startAgent()
            try agent.waitForText("notice in contact with the coordinator")
            let read = { (name: String) in
                String(decoding: try readSmallFile("/proc/\(agent.id)/\(name)", limit: 1 << 16), as: UTF8.self)
            }
            #expect(try read("comm") == "spot-agent\n")
            #expect(try read("environ").contains("GNUTLS_NO_IMPLICIT_INIT=1\0"))
        }
    }

    @Test func `killed and started again it is who it was, without enrolling`() throws {
        try withScene { scene in
            let first = try scene.startAgent()
            try first.waitForText("notice in contact with the coordinator")
            let record = "\(scene.folder)/agent/state.log"
            try eventually("it is remembered") {
                String(decoding: try readSmallFile(record, limit: 1 << 16), as: UTF8.self).contains("enrolled")
            }
            first.send(signal: SIGKILL)
            _ = try first.waitForEnd()
            let second = try scene.startAgent()
            try second.waitForText("notice in contact with the coordinator")
            second.send(signal: SIGTERM)
            let said = try second.waitForEnd(within: .seconds(5)).errors
            #expect(!said.contains("notice registered"))
            // Who may read the file has the token.
            #expect(try permissions(of: "\(scene.folder)/agent/state.log") == 0o600)
        }
    }

    @Test func `a coordinator that is away for a while is told of once, and found when it comes`() throws {
        try withScene { scene in
            let agent = try scene.startAgent()
            try agent.waitForText("notice in contact with the coordinator")
            try scene.restartCoordinator {
                try agent.waitForText("warning no contact with the coordinator")
                scene.metadata.set(
                    "spot/instance-action", #"{"action": "stop", "time": "2099-01-01T00:00:00Z"}"#)
                try agent.waitForText("warning announced")
            }
            try agent.waitForText("notice the coordinator has it")
            #expect(try scene.incidents() == 1)
            agent.send(signal: SIGTERM)
            let said = try agent.waitForEnd(within: .seconds(5)).errors
            #expect(said.split(separator: "\n").count { $0.contains("warning no contact") } == 1)
        }
    }

    @Test func `a metadata service that hangs is an alarm, and the agent goes on when it answers again`() throws {
        try withScene { scene in
            let agent = try scene.startAgent()
            try agent.waitForText("notice in contact with the coordinator")
            scene.metadata.fail(.hang(every: 1))
            try agent.waitForText("error the metadata service does not answer")
            scene.metadata.fail(nil)
            try agent.waitForText("notice the metadata service answers again")
            agent.send(signal: SIGTERM)
            #expect(try agent.waitForEnd(within: .seconds(5)).status == 0)
        }
    }

    @Test func `its status tells who it is, and that it does not run any more`() throws {
        try withScene { scene in
            func status(_ more: [String] = []) throws -> (text: String, status: Int32?) {
                let asked = try ChildProcess(
                    builtProgram("spot-agent"), ["status"] + more,
                    environment: ["STATE_DIRECTORY": "\(scene.folder)/agent"]
                ).waitForEnd()
                return (asked.output + asked.errors, asked.status)
            }
            #expect(try status().text.contains("Is the agent running?"))
            let agent = try scene.startAgent()
            try agent.waitForText("notice in contact with the coordinator")
            try eventually("it says so") { try status().text.contains("in contact") }
            #expect(try status().text.contains("i-0123456789abcdef0"))
            #expect(try status(["--json"]).text.contains(#""role":"primary""#))
        }
    }

    @Test func `without a client's token it says what is missing and ends with status 78`() throws {
        let agent = try ChildProcess(builtProgram("spot-agent"), ["run"], environment: [:])
        let outcome = try agent.waitForEnd()
        #expect(outcome.status == 78)
        #expect(outcome.errors.contains("SPOT_OPTIMIZER_CLIENT_TOKEN"))
    }
}
