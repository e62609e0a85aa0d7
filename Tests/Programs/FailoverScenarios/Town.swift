import Glibc
import JSON
import Platform
import TestSupport
import Wire

/// A coordinator and two machines, each with a systemd and a network of its own and installed from our packages, in a pretended AWS;
/// and a client of the workload. All is in the network that this program was started in.
final class Town {
    let handOver: HandOver
    let folder: String
    let journal = Journal()
    let witness: Witness
    let sandbox: Sandbox
    let network: Network
    /// Where the coordinator is.
    let hall: Box
    private(set) var primary: Host
    private(set) var replica: Host
    private(set) var slot: SlotID?
    private let console: Console

    private static let hallAddress = "10.77.0.10"
    private static let hostAddresses = ["a": "10.77.0.11", "b": "10.77.0.12"]
    private static let coordinator = "https://\(hallAddress):5000"
    static let hallName = "coordinator.town"
    static var hallURL: String { coordinator }
    private static let adminToken = "the-operator-of-this-town"
    private static let nameServer = "10.77.0.53"
    /// The longest that a step of the scenery may take.
    static let patience = Duration.seconds(30)

    var hosts: [Host] { [primary, replica] }
    var boxes: [Box] { [hall] + hosts.map(\.box) }

    init(_ handOver: HandOver, in folder: String) throws {
        (self.handOver, self.folder) = (handOver, folder)
        network = try Network()
        sandbox = try Sandbox(in: folder)
        let certificate = try Certificate(in: folder, for: "IP:\(Self.hallAddress),DNS:\(Self.hallName)")
        console = Console(Self.coordinator, token: Self.adminToken, authority: certificate.certificate)
        hall = try Box(
            Step.coordinator, network.add("hall", Self.hallAddress), in: folder,
            copies: [
                "\(try Self.package("spot-coordinator")):/box/package.deb",
                "\(certificate.certificate):/etc/spot-optimizer/tls.crt",
                "\(certificate.key):/etc/spot-optimizer/tls.key",
            ], journal)
        let agent = [
            "\(try Self.package("spot-agent")):/box/package.deb",
            "\(certificate.certificate):/etc/spot-optimizer/coordinator.crt",
            "\(try builtProgram("FailoverScenarios")):/usr/bin/workload",
        ]
        let hosts = try Self.hostAddresses.sorted { $0.key < $1.key }.map { [network, sandbox, journal] in
            try Host(Box($0.key, network.add($0.key, $0.value), in: folder, copies: agent, journal), in: sandbox)
        }
        (primary, replica) = (hosts[0], hosts[1])
        witness = try Witness(Array(Self.hostAddresses.values))
    }

    /// The newest that `Packaging/build-packages` has made.
    private static func package(_ name: String) throws -> String {
        let root = "/" + #filePath.split(separator: "/").dropLast(4).joined(separator: "/")
        let list = "ls -t \(root)/.build/packages/\(name)_*.deb"
        let found = try ChildProcess("/bin/sh", ["-c", list]).waitForEnd().output.split(separator: "\n")
        guard let newest = found.first else { throw Broken("there are no packages: run Packaging/build-packages") }
        return String(newest)
    }

    func stop() {
        witness.stop()
        for box in boxes { box.stop() }
        sandbox.stop()
    }

    // MARK: The machines

    /// The coordinator, the primary that serves, and, unless it is to be launched first, the replica that is ready.
    /// `byName`: the agents know the coordinator's name alone.
    func settle(_ settings: [String] = [], hasReplica: Bool = true, byName: Bool = false) throws {
        // They boot and install the packages side by side.
        for box in boxes { try box.ask(":", within: .seconds(90)) }
        try openHall()
        let token = try console.tell(
            Route.createClient.path(), ClientCreation(name: "town", email: nil), as: CreatedClient.self
        ).token
        if byName { try startNames() }
        let server = byName ? "https://\(Self.hallName):5000" : Self.coordinator
        let all = ["SPOT_OPTIMIZER_SERVER_URL=\(server)", "SERVER_CA_FILE=/etc/spot-optimizer/coordinator.crt"]
        for host in hosts { try host.furnish(handOver, settings: all + settings, token: token) }
        try primary.start()
        try eventually("a workload that runs", within: Self.patience) { try primary.state(of: "web") == "active" }
        slot = try console.ask(Route.agents.path(), as: AgentList.self).agents.first?.id
        guard hasReplica else { return }
        try replica.start()
        try waitForReadiness()
    }

    private func openHall() throws {
        try hall.ask("mkdir -p /etc/credstore; umask 077; echo \(Self.adminToken) >/etc/credstore/admin-token")
        try hall.ask("chown spot-coordinator /etc/spot-optimizer/tls.key; chmod 400 /etc/spot-optimizer/tls.key")
        let files = ["CERT_FILE": "crt", "KEY_FILE": "key"].map { "TLS_\($0)=/etc/spot-optimizer/tls.\($1)" }
        try hall.put("/etc/spot-optimizer/coordinator.env", ["HOST=0.0.0.0"] + files)
        try hall.ask("systemctl start spot-coordinator")
    }

    // MARK: Names

    /// What stands in the file is known; of all else a name server is asked that does not answer.
    func startNames() throws {
        for host in hosts {
            try network.lose(from: host.box.place, to: Self.nameServer)
            try host.box.ask("echo nameserver \(Self.nameServer) >/etc/resolv.conf")
            try host.box.ask("echo \(Self.hallAddress) \(Self.hallName) >>/etc/hosts")
        }
    }

    func stopNames() throws {
        for host in hosts {
            try host.box.ask("sed '/ \(Self.hallName)$/d' /etc/hosts >/run/hosts; cat /run/hosts >/etc/hosts")
        }
    }

    func waitForReadiness() throws {
        var reasons: [String] = []
        do {
            try eventually("a replica that is ready", within: Self.patience) {
                reasons = try readiness().reasons
                usleep(10_000)
                return reasons.isEmpty
            }
        } catch { throw Broken("\(error): \(reasons.joined(separator: "; "))") }
    }

    /// The workload has moved: a new machine takes the place of the old primary.
    func goOn(isReady: Bool = true) throws {
        (primary, replica) = (replica, primary)
        try replica.replace()
        if isReady { try waitForReadiness() }
    }

    // MARK: The coordinator

    func known() throws -> SlotID {
        guard let slot else { throw Broken("the coordinator has no agent") }
        return slot
    }

    func readiness() throws -> SlotReadiness { try console.ask(Route.readiness.path(known())) }

    func incidents() throws -> [Incident] {
        try console.ask(
            Route.incidents.target([], query: [(.agent, known().text), (.limit, "10")]), as: IncidentList.self
        ).incidents
    }

    func incident(_ id: IncidentID) throws -> Incident { try console.ask(Route.incident.path(id)) }

    /// The latest.
    func commands() throws -> [CommandSummary] {
        try console.ask(
            Route.commands.target([], query: [(.agent, known().text), (.limit, "100")]), as: CommandList.self
        ).commands
    }

    func commands(of incident: IncidentID) throws -> [CommandSummary] {
        try commands().filter { $0.incident == incident }
    }

    /// What the coordinator has stored of it, which no kill takes from it.
    func events(of incident: IncidentID) throws -> [String] {
        try console.ask(
            Route.events.target([], query: [(.agent, known().text), (.limit, "500")]), as: LogLines.self
        ).events.filter { $0.incident == incident }.map(\.kind)
    }

    /// Nothing is left to be told, done or judged. `hosts`: who is there to be asked.
    func expectNothingLeft(on hosts: [Host]) throws {
        try eventually("the end of all incidents") { try incidents().allSatisfy { $0.state != .open } }
        try eventually("the end of all commands") { try commands().allSatisfy { !$0.state.isOpen } }
        for host in hosts {
            var status = ""
            do {
                try eventually("an empty outbox on \(host.box.name)") {
                    status = try host.box.run("spot-agent status").said
                    return status.contains(/\noutbox +0 waiting\n/)
                }
            } catch { throw Broken("\(error)\n\(status)") }
        }
    }

    /// As often as it takes until the coordinator cannot store it. Returns the names that it has acknowledged.
    func writeUntilRefused() throws -> [String] {
        var written: [String] = []
        for number in 0..<5_000 {
            let creation = ClientCreation(name: "filler \(number)", email: nil)
            guard (try? console.tell(Route.createClient.path(), creation, as: CreatedClient.self)) != nil else {
                return written
            }
            written.append(creation.name)
        }
        throw Broken("a full disk takes everything")
    }

    /// The names of all clients.
    func clients() throws -> [String] { try console.ask(Route.clients.path(), as: ClientNames.self).names }

    private struct ClientNames: JSONReadable {
        let names: [String]

        init(from json: JSONValue) throws(JSONError) {
            var names: [String] = []
            for entry in try json.array() { names.append(try entry.object().required("name").string()) }
            self.names = names
        }
    }

    func epoch() throws -> Epoch { try console.ask(Route.agent.path(known()), as: AgentDetail.self).agent.epoch }
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
