import BenchmarkSupport
import Glibc
import Platform
import PretendMetadata
import TestSupport
import Wire

/// A machine on spot: its metadata service, and the agent that runs on it under a manager.
final class Machine {
    let instance: InstanceID
    let metadata: PretendMetadata
    private let folder: String
    private let manager: FakeManager
    private var agent: ChildProcess?
    private var environment: [String: String]

    init(
        number: Int, in folder: String, server: String, token: Token, slot: String? = nil, more: [String: String] = [:]
    ) throws {
        instance = try InstanceID(numbered: number)
        var values = PretendMetadata.ordinary
        values["instance-id"] = instance.text
        metadata = try PretendMetadata(values: values)
        self.folder = "\(folder)/machine-\(number)"
        try makeFolder(self.folder)
        try writeFile("\(self.folder)/empty.env", [])
        // Its length is bounded, and folders are deep.
        let socket = "@spot-benchmark-\(getpid())-\(number)"
        manager = try FakeManager(socket)
        environment = [
            "SPOT_OPTIMIZER_SERVER_URL": server, "SPOT_OPTIMIZER_CLIENT_TOKEN": token.secret,
            "LOGICAL_AGENT_ID": slot ?? "slot-\(number)", "AWS_EC2_METADATA_SERVICE_ENDPOINT": metadata.endpoint,
            "STATE_DIRECTORY": self.folder, "RUNTIME_DIRECTORY": self.folder, "NOTIFY_SOCKET": socket,
            // As its unit has it.
            "WATCHDOG_USEC": "20000000", "GNUTLS_NO_IMPLICIT_INIT": "1",
        ].merging(more) { $1 }
    }

    deinit { metadata.stop() }

    /// Starts the agent and returns how long it took to be ready.
    @discardableResult
    func start(_ program: String) throws -> Duration {
        drain()
        let begin = SystemSurroundings().monotonic()
        agent = try ChildProcess(program, ["run", "--config", "\(folder)/empty.env"], environment: environment)
        try manager.waitForMessage("READY=1")
        return SystemSurroundings().monotonic() - begin
    }

    func waitForContact() throws { try agent?.waitForText("notice in contact with the coordinator") }

    func stop() throws {
        agent?.send(signal: SIGTERM)
        _ = try agent?.waitForEnd()
        agent = nil
    }

    /// What the manager was told is read and forgotten.
    func drain() { _ = manager.messages() }

    var id: Int32 { agent?.id ?? 0 }
    var polls: Int { metadata.counts.reads["spot/instance-action"] ?? 0 }
}

extension InstanceID {
    init(numbered number: Int) throws {
        let digits = String(number, radix: 16)
        try self.init("i-" + String(repeating: "0", count: 17 - digits.count) + digits)
    }
}
