import Glibc
import Platform
import PretendMetadata
import TestSupport
import Testing
import Wire

/// SIGHUP to the built agent: what is written in its file takes effect without a restart.
@Suite(.serialized) struct AgentReloadTests {
    /// An agent that reads its settings from a file, in which they can be changed.
    private final class Scene {
        let folder: String
        let metadata: PretendMetadata
        let coordinator: RunningCoordinator
        let client: CreatedClient
        private(set) var agent: ChildProcess?

        init(_ folder: String) throws {
            self.folder = folder
            metadata = try PretendMetadata()
            coordinator = try RunningCoordinator(in: folder)
            client = try coordinator.makeClient()
        }

        deinit { metadata.stop() }

        var good: [String: String] {
            [
                "SPOT_OPTIMIZER_SERVER_URL": "http://127.0.0.1:\(coordinator.port)",
                "SPOT_OPTIMIZER_CLIENT_TOKEN": client.token.secret, "LOGICAL_AGENT_ID": "web",
                "AWS_EC2_METADATA_SERVICE_ENDPOINT": metadata.endpoint,
            ]
        }

        func write(_ settings: [String: String]) throws {
            let text = settings.map { "\($0.key)=\($0.value)\n" }.joined()
            try replaceFile("\(folder)/agent.env", with: Array(text.utf8))
        }

        func start(_ settings: [String: String]) throws -> ChildProcess {
            try write(settings)
            return try ChildProcess(
                builtProgram("spot-agent"), ["run", "--config", "\(folder)/agent.env"],
                environment: ["STATE_DIRECTORY": "\(folder)/agent"])
        }
    }

    private func withScene(_ body: (Scene) throws -> Void) throws {
        try withTemporaryFolder { folder in
            unsafe mkdir("\(folder)/agent", 0o700)
            try body(try Scene(folder))
        }
    }

    /// Both take what they are asked, and never answer.
    @Test func `another metadata service, server and token are used at once, whatever is under way`() throws {
        try withScene { scene in
            let silent = try LoopbackListener()
            let alsoSilent = try LoopbackListener()
            var settings = scene.good
            settings["AWS_EC2_METADATA_SERVICE_ENDPOINT"] = "http://127.0.0.1:\(silent.port)"
            settings["SPOT_OPTIMIZER_SERVER_URL"] = "http://127.0.0.1:\(alsoSilent.port)"
            settings["SPOT_OPTIMIZER_CLIENT_TOKEN"] = "nobody-s"
            let agent = try scene.start(settings)
            let question = try silent.accept()

            settings["AWS_EC2_METADATA_SERVICE_ENDPOINT"] = scene.metadata.endpoint
            try scene.write(settings)
            agent.send(signal: SIGHUP)
            try agent.waitForText("notice this machine is known")
            // Registering now, for five seconds.
            let registration = try alsoSilent.accept()

            settings["SPOT_OPTIMIZER_SERVER_URL"] = scene.good["SPOT_OPTIMIZER_SERVER_URL"]
            try scene.write(settings)
            let reloaded = SystemSurroundings().monotonic()
            agent.send(signal: SIGHUP)
            try agent.waitForText("error the coordinator does not enrol this machine")
            #expect(SystemSurroundings().monotonic() - reloaded < .seconds(3), "it waited for an answer")

            try scene.write(scene.good)
            agent.send(signal: SIGHUP)
            try agent.waitForText("notice in contact with the coordinator")
            agent.send(signal: SIGTERM)
            #expect(try agent.waitForEnd(within: .seconds(5)).status == 0)
            #expect(question.number != registration.number)
        }
    }

    @Test func `a configuration with a fault changes nothing`() throws {
        try withScene { scene in
            let agent = try scene.start(scene.good)
            try agent.waitForText("notice in contact with the coordinator")
            try scene.write([
                "SPOT_OPTIMIZER_SERVER_URL": "http://127.0.0.1:1", "SPOT_OPTIMIZER_CLIENT_TOKEN": "x",
                "CLEANUP_INTERVAL": "soon",
            ])
            agent.send(signal: SIGHUP)
            try agent.waitForText("error configuration problem")
            // Only over the way that it had before.
            scene.metadata.set("spot/instance-action", #"{"action": "stop", "time": "2099-01-01T00:00:00Z"}"#)
            try agent.waitForText("notice the coordinator has it")
            agent.send(signal: SIGTERM)
            // As somebody does who is impatient.
            agent.send(signal: SIGINT)
            let said = try agent.waitForEnd(within: .seconds(5))
            #expect(said.status == 0)
            #expect(!said.errors.contains("no contact"))
        }
    }
}
