import CoordinatorOperator
import Glibc
import HTTPServer
import JSON
import Platform
import TestSupport
import Testing
import Wire

/// What is said, and how it ends, when the coordinator does not do it.
struct RefusalTests {
    private static func answering(_ response: Response) throws -> Said {
        try enter("agents", hearing: ["GET /api/admin/agents?limit=500": response]).said
    }

    @Test(arguments: [400, 404, 409, 422, 429, 500, 503])
    func `a refusal is told in the coordinator's sentence with its request id`(status: Int) throws {
        let said = try Self.answering(.refusal(status, .conflict, "not ready: ready.d/10-sync", retryAfter: 5))
        #expect(said.errors == "spot-coordinator: not ready: ready.d/10-sync (request req-7)\n")
        #expect(said.output == "")
        #expect(said.status == .failure)
    }

    @Test(arguments: [401, 403])
    func `a token that is refused is told with its origin`(status: Int) throws {
        let coordinator = try FakeCoordinator { _, exchange in
            exchange.answer(.refusal(status, .invalidToken, "nobody has this token"))
        }
        defer { coordinator.stop() }
        let said = try enter(["agents"], at: local(port: Int(coordinator.port)))
        #expect(
            said.errors
                == "spot-coordinator: the coordinator at http://127.0.0.1:\(coordinator.port) refuses the token from the "
                + "setting ADMIN_TOKEN: nobody has this token (request req-7)\n")
        #expect(said.status == .noPermission)
        #expect(!said.errors.contains(adminToken))
    }

    @Test func `where nobody listens the remedy is named`() throws {
        let port = Int(try unusedLoopbackPort())
        let said = try enter(["agents"], at: local(port: port))
        #expect(said.errors.hasPrefix("spot-coordinator: GET http://127.0.0.1:\(port)/api/admin/agents: "))
        #expect(
            said.errors.hasSuffix(
                ": is the coordinator running (systemctl status spot-coordinator)? Another address: --server URL\n"))
        #expect(said.status == .unavailable)
    }

    @Test func `an order whose answer is lost may have been done`() throws {
        let peer = try OnePeer(LoopbackListener())
        let said = try enter(["client", "create", "Acme"], at: local(port: Int(peer.port)))
        #expect(said.errors.hasSuffix("; it may have been done all the same: look before you ask again\n"))
        #expect(said.status == .unavailable)
    }

    @Test(arguments: [
        (Response(status: 200, text: "welcome"), "answers 200 and no JSON"),
        (Response(status: 502, text: "Bad Gateway"), "answers 502 and no JSON"),
        (Response.json(#"{"message":"no"}"#, status: 404), "answers 404 without a reason"),
    ])
    func `what is no coordinator is told apart`(response: Response, what: String) throws {
        let said = try Self.answering(response)
        #expect(said.errors.contains(" \(what): is it a coordinator? Another address: --server URL\n"))
        #expect(said.status == .unavailable)
    }

    @Test(arguments: [[], ["--json"]])
    func `an answer of another version is no success, as JSON neither`(options: [String]) throws {
        let coordinator = try FakeCoordinator { _, exchange in exchange.answer(.json(#"{"agents":[{"id":7}]}"#)) }
        defer { coordinator.stop() }
        let said = try enter(["agents"] + options, at: local(port: Int(coordinator.port)))
        #expect(
            said.errors.contains(
                "is not what this version (\(productVersion)) expects: agents[0].id: expected a string; "))
        #expect(said.output == "")
        #expect(said.status == .unavailable)
    }

    @Test func `nothing that came over the network steers the terminal`() throws {
        let evil = "a\u{1B}[2Jb\u{9B}c\u{202E}d\ne"
        let shown = #"a\u{1b}[2Jb\u{9b}c\u{202e}d\ne"#
        let list = InstanceList(instances: [with(machine) { $0.lacking = [evil] }])
        let (machines, _) = try enter("instances", hearing: ["GET /api/admin/instances?limit=500": .reply(list)])
        #expect(machines.output.hasSuffix("  \(shown)\n"))
        #expect(
            try Self.answering(.refusal(400, .validation, evil)).errors
                == "spot-coordinator: \(shown) (request req-7)\n")
        let (events, _) = try enter(
            "events",
            hearing: [
                "GET /api/admin/events?limit=100": .reply(LogLines(events: [event(1, evil)], next: "e1-1")),
                "GET /api/admin/events?after=e1-1&limit=99": .reply(LogLines(events: [], next: "e1-1")),
            ])
        #expect(events.output.hasSuffix("  \(shown)\n"))
    }

    @Test func `JSON keeps its meaning where it is escaped`() throws {
        let evil = "a\u{1B}[2Jb\u{9B}c\u{202E}d\ne\u{E0001}é"
        let list = AgentList(agents: [with(agent()) { $0.clientName = evil }])
        let (said, _) = try enter("agents --json", hearing: ["GET /api/admin/agents?limit=500": .reply(list)])
        #expect(said.output.contains(#"b\u009bc\u202ed\ne\udb40\udc01é""#))
        let printed = said.output.unicodeScalars.dropLast().filter(isUnprintable)
        #expect(printed.isEmpty)
        #expect(try decodeJSON(AgentList.self, from: Array(said.output.utf8)) == list)
    }

    @Test func `a disk that is full is no success`() throws {
        let coordinator = try FakeCoordinator { _, exchange in exchange.answer(.reply(AgentList(agents: [agent()]))) }
        defer { coordinator.stop() }
        let full = try FileDescriptor(opening: "/dev/full", O_WRONLY)
        let said = try enter(["agents"], at: local(port: Int(coordinator.port)), output: full.number)
        #expect(said.status == .failure)
    }
}

/// Takes one connection, reads what comes, and closes it.
private final class OnePeer {
    let port: UInt16
    private let thread: DedicatedThread

    init(_ listener: consuming LoopbackListener) throws {
        port = listener.port
        let number = dup(listener.descriptor.number)
        thread = try DedicatedThread(name: "peer") {
            let descriptor = FileDescriptor(owning: accept(number, nil, nil))
            _ = try? receiveSome(from: descriptor.number)
            close(number)
        }
    }
    deinit { thread.join() }
}
