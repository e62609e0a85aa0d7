import Glibc
import JSON
import Platform
import TestSupport
import Wire

/// A coordinator of a test: the built program, ready, with its state in a folder that outlives it.
final class RunningCoordinator {
    let folder: String
    let port: UInt16
    let process: ChildProcess
    let manager: FakeManager
    /// From its start until it said that it is ready.
    let startUp: Duration

    init(
        in folder: String, port: UInt16? = nil, arguments: [String] = [], environment: [String: String] = [:],
        within limit: Duration = .seconds(10)
    ) throws {
        self.folder = folder
        self.port = try port ?? unusedLoopbackPort()
        let began = SystemSurroundings().monotonic()
        // A name of its own for each start in one folder.
        let socket = "\(folder)/notify-\(began.components.seconds)-\(began.components.attoseconds)"
        manager = try FakeManager(socket)
        var variables = ["STATE_DIRECTORY": folder, "NOTIFY_SOCKET": socket, "PORT": "\(self.port)"]
        variables.merge(environment) { $1 }
        process = try ChildProcess(
            builtProgram("spot-coordinator"), ["serve"] + arguments, environment: variables)
        do { try manager.waitForMessage("READY=1", within: limit) } catch {
            throw TestSupportError("\(error); it said \((try? process.waitForEnd().errors) ?? "nothing and goes on")")
        }
        startUp = SystemSurroundings().monotonic() - began
    }

    var database: String { "\(folder)/coordinator.sqlite" }

    var adminToken: String {
        get throws {
            String(decoding: try readSmallFile("\(folder)/admin-token", limit: 256).prefix { $0 != 10 }, as: UTF8.self)
        }
    }

    func connect() throws -> PlainClient { try PlainClient(port: port) }

    /// One request on a connection of its own.
    func ask(_ method: String, _ path: String, token: String? = nil, body: (any JSONWritable)? = nil) throws
        -> PlainReply
    {
        try connect().ask(method, path, token: token, body: body)
    }

    /// Asks until `condition` holds for the answer to a question that changes nothing.
    func waitUntil(
        _ path: String, token: String? = nil, within limit: Duration = .seconds(10), _ condition: (PlainReply) -> Bool
    ) throws {
        let deadline = SystemSurroundings().monotonic() + limit
        let connection = try connect()
        while true {
            let reply = try connection.ask("GET", path, token: token)
            if condition(reply) { return }
            guard SystemSurroundings().monotonic() < deadline else {
                throw TestSupportError("\(path) was for \(limit) not as awaited; now: \(reply.status) \(reply.text)")
            }
            // Between two looks at another program, which has no other way to tell.
            _ = poll(nil, 0, 5)
        }
    }

    func makeClient(_ name: String = "acme") throws -> CreatedClient {
        let reply = try ask(
            "POST", Route.createClient.path(), token: adminToken, body: ClientCreation(name: name, email: nil))
        guard reply.status < 300 else { throw TestSupportError("make a client: \(reply.status) \(reply.text)") }
        return try reply.decode(CreatedClient.self)
    }

    func enrol(_ registration: Registration, with token: Token) throws -> RegistrationReply {
        let reply = try ask("POST", Route.register.path(), token: token.secret, body: registration)
        guard reply.status < 300 else { throw TestSupportError("enrol: \(reply.status) \(reply.text)") }
        return try reply.decode(RegistrationReply.self)
    }

    /// As a service manager ends it.
    func stop(within limit: Duration = .seconds(6)) throws -> ChildOutcome {
        process.send(signal: SIGTERM)
        return try process.waitForEnd(within: limit)
    }

    /// As a power cut or the kernel's memory killer ends it.
    func kill() throws {
        process.send(signal: SIGKILL)
        _ = try process.waitForEnd()
    }
}

extension InstanceID {
    /// The `number`-th machine of a test.
    init(numbered number: Int) throws {
        let digits = String(number, radix: 16)
        try self.init("i-" + String(repeating: "0", count: 17 - digits.count) + digits)
    }
}

extension Registration {
    static func of(_ slot: String, machine: Int) throws -> Registration {
        var registration = Registration(
            logicalAgent: try LogicalAgentID(slot), instance: try InstanceID(numbered: machine), region: "us-east-1",
            hostname: "host-\(machine)")
        registration.instanceType = "m5.large"
        registration.zone = "us-east-1b"
        registration.mode = .spot
        return registration
    }
}

func permissions(of path: String) throws -> UInt32 {
    var status = stat()
    guard unsafe stat(path, &status) == 0 else { throw TestSupportError("stat \(path): \(describe(errno: errno))") }
    return status.st_mode & 0o777
}
