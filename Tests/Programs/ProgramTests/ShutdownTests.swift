import Glibc
import JSON
import Platform
import TestSupport
import Testing
import Wire

/// How the built coordinator ends while thousands wait for it.
@Suite(.serialized)
struct ShutdownTests {
    /// Fewer where the machine lets a process have fewer descriptors.
    private static let agents = min(5_000, raiseDescriptorLimit() - 500)
    /// Registrations share commits only when several are under way.
    private static let threads = 16

    @Test
    func `told to stop with thousands of agents parked it answers each, is gone within 5 s, and leaves a clean file`()
        throws
    {
        try withTemporaryFolder { folder in
            let coordinator = try RunningCoordinator(in: folder)
            let parked = try parkAll(enrolAll(at: coordinator), at: coordinator)
            let began = SystemSurroundings().monotonic()
            coordinator.process.send(signal: SIGTERM)
            let statuses = try answers(to: parked)
            let outcome = try coordinator.process.waitForEnd()
            let took = SystemSurroundings().monotonic() - began
            print("ShutdownTests: \(Self.agents) parked agents were answered and the process gone after \(took)")
            #expect(statuses == [200: Self.agents])
            #expect(outcome.status == 0 && took < .seconds(5))
            let next = try RunningCoordinator(in: folder)
            #expect(try !next.stop().errors.contains("the last stop was not clean"))
        }
    }

    private struct Enrolled: Sendable {
        let instance: InstanceID
        let reply: RegistrationReply
    }

    private func parkAll(_ enrolled: [Enrolled], at coordinator: RunningCoordinator) throws -> [PlainClient] {
        var parked: [PlainClient] = []
        for agent in enrolled {
            let connection = try coordinator.connect()
            try connection.send(
                "POST", Route.heartbeat.path(agent.reply.slot) + "?wait=25", token: agent.reply.token.secret,
                body: Heartbeat(status: .online, instance: agent.instance))
            parked.append(connection)
        }
        try coordinator.waitUntil("/metrics", within: .seconds(20)) { reply in
            let count = reply.text.firstMatch(of: /\nspot_http_parked (\d+)/).flatMap { Int($0.output.1) }
            return (count ?? 0) >= parked.count
        }
        return parked
    }

    /// How many answers there were of each status.
    private func answers(to parked: [PlainClient]) throws -> [Int: Int] {
        var statuses: [Int: Int] = [:]
        for connection in parked { statuses[try connection.receive().status, default: 0] += 1 }
        return statuses
    }

    private func enrolAll(at coordinator: RunningCoordinator) throws -> [Enrolled] {
        let (port, token) = (coordinator.port, try coordinator.makeClient().token)
        let all = Locked<[Enrolled]>([]), failures = Locked<[String]>([])
        let threads = try (0..<Self.threads).map { thread in
            try DedicatedThread(name: "enrol") {
                do {
                    let connection = try PlainClient(port: port)
                    for number in stride(from: thread + 1, through: Self.agents, by: Self.threads) {
                        let registration = try Registration.of("slot-\(number)", machine: number)
                        let reply = try connection.ask(
                            "POST", Route.register.path(), token: token.secret, body: registration)
                        let enrolled = Enrolled(
                            instance: registration.instance, reply: try reply.decode(RegistrationReply.self))
                        all.withLock { $0.append(enrolled) }
                    }
                } catch { failures.withLock { $0.append("\(error)") } }
            }
        }
        for thread in threads { thread.join() }
        try #require(failures.withLock { $0 } == [])
        return all.withLock { $0 }
    }
}
