import Glibc
import JSON
import Platform
import PretendMetadata
import TestSupport
import Wire

/// Two machines with a systemd of their own each, a coordinator on the first, and a client of the workload; all in the network
/// that this program was started in.
final class Town {
    let handOver: HandOver
    let folder: String
    let journal = Journal()
    let witness: Witness
    let boxes: [Box]
    private(set) var primary: Host
    private(set) var replica: Host
    private(set) var slot: SlotID?
    private let iam: PretendIAM
    private var machines = 2

    private static let port: UInt16 = 5000
    private static let adminToken = "the-operator-of-this-town"
    /// The longest that a step of the scenery may take.
    static let patience = Duration.seconds(30)

    init(_ handOver: HandOver, in folder: String) throws {
        self.handOver = handOver
        self.folder = folder
        try Self.raiseLoopback()
        iam = try PretendIAM()
        let products = try builtProgram("")
        let systemd = "/" + #filePath.split(separator: "/").dropLast(4).joined(separator: "/") + "/Systemd"
        let copies = Host.copies.map { products + $0 } + [systemd]
        let journal = journal
        try journal.follow("\(folder)/\(Step.coordinator).log", of: Step.coordinator)
        boxes = try ["a", "b"].map { try Box($0, in: folder, copies: copies, journal) }
        let hosts = try zip(boxes, 1...).map { box, number in
            let instance = try Self.instance(number)
            let values = PretendMetadata.ordinary.merging(["instance-id": instance.text]) { $1 }
            return Host(box, try PretendMetadata(values: values), port: UInt16(8080 + number), instance)
        }
        (primary, replica) = (hosts[0], hosts[1])
        witness = try Witness(ports: hosts.map(\.port))
    }

    func stop() {
        witness.stop()
        for box in boxes { box.stop() }
        for host in [primary, replica] { host.metadata.stop() }
        iam.stop()
    }

    private static func raiseLoopback() throws {
        let outcome = try ChildProcess("/bin/sh", ["-c", "PATH=/usr/sbin:/sbin:/usr/bin:/bin exec ip link set lo up"])
            .waitForEnd()
        guard outcome.status == 0 else { throw Broken("ip link set lo up (Debian: iproute2): \(outcome.errors)") }
    }

    private static func instance(_ number: Int) throws -> InstanceID {
        let digits = String(number, radix: 16)
        return try InstanceID("i-" + String(repeating: "0", count: 17 - digits.count) + digits)
    }

    // MARK: The machines

    /// The coordinator, the primary that serves, and the replica that is ready.
    func settle(_ settings: [String] = []) throws {
        let first = boxes[0]
        try first.ask(
            "mkdir -p /etc/credstore; echo \(Self.adminToken) >/etc/credstore/admin-token", within: .seconds(60))
        try first.ask("chmod 600 /etc/credstore/admin-token; systemctl start spot-coordinator")
        let reply = try ask("POST", Route.createClient.path(), body: ClientCreation(name: "town", email: nil))
        let token = try reply.decode(CreatedClient.self).token
        let all = ["AWS_ENDPOINT_URL=\(iam.url)", "AWS_ACCESS_KEY_ID=a", "AWS_SECRET_ACCESS_KEY=s"] + settings
        for host in [primary, replica] { try host.furnish(handOver, settings: all, token: token) }
        try primary.start()
        try eventually("a workload that runs", within: Self.patience) { try primary.state(of: "web") == "active" }
        slot = try ask(Route.agents.path()).decode(AgentList.self).agents.first?.id
        try replica.start()
        try waitForReadiness()
    }

    func waitForReadiness() throws {
        var reasons: [String] = []
        do {
            try eventually("a replica that is ready", within: Self.patience) {
                reasons = try ask(Route.readiness.path(known())).decode(SlotReadiness.self).reasons
                usleep(10_000)
                return reasons.isEmpty
            }
        } catch { throw Broken("\(error): \(reasons.joined(separator: "; "))") }
    }

    /// The workload has moved: a new machine takes the place of the old primary.
    func goOn() throws {
        (primary, replica) = (replica, primary)
        machines += 1
        try replica.replace(with: Self.instance(machines))
        try waitForReadiness()
    }

    // MARK: The coordinator

    func known() throws -> SlotID {
        guard let slot else { throw Broken("the coordinator has no agent") }
        return slot
    }

    func ask(_ path: String) throws -> PlainReply { try ask("GET", path, body: nil) }

    private func ask(_ method: String, _ path: String, body: (any JSONWritable)?) throws -> PlainReply {
        let reply = try PlainClient(port: Self.port).ask(method, path, token: Self.adminToken, body: body)
        guard reply.status < 300 else { throw Broken("\(method) \(path): \(reply.status) \(reply.text)") }
        return reply
    }

    func incidents() throws -> [Incident] {
        try ask(Route.incidents.target([], query: [(.agent, known().text), (.limit, "10")]))
            .decode(IncidentList.self).incidents
    }

    func incident(_ id: IncidentID) throws -> Incident { try ask(Route.incident.path(id)).decode(Incident.self) }

    func commands(of incident: IncidentID) throws -> [CommandSummary] {
        try ask(Route.commands.target([], query: [(.agent, known().text), (.limit, "100")]))
            .decode(CommandList.self).commands.filter { $0.incident == incident }
    }

    func epoch() throws -> Epoch { try ask(Route.agent.path(known())).decode(AgentDetail.self).agent.epoch }
}

/// Runs `body` in a town of its own.
func withTown(_ words: [String], _ body: (Town) throws -> Void) throws {
    guard words.count > 1, let handOver = HandOver(rawValue: words[1]) else { throw Misuse(words: words) }
    try withTemporaryFolder { folder in
        let town = try Town(handOver, in: folder)
        defer { town.stop() }
        try body(town)
    }
}
