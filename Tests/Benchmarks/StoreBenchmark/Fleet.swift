import CoordinatorCore
import CoordinatorStore
import JSON
import Wire

/// A fleet as large as the coordinator is built for: each slot with a primary, a replica and an open incident.
enum Fleet {
    static let clients = 50
    private static let start = Timestamp(nanosecondsSinceEpoch: 1_767_225_600_000_000_000)

    static func client(_ number: Int) -> ClientRecord {
        ClientRecord(
            id: named("client", number), name: "client \(number)", email: nil, tokenHash: hash(number),
            sealedToken: [1],
            createdAt: start)
    }

    static func slotID(_ number: Int) -> SlotID { named("0190c5d2-8f4e-7c31-9b1a", number) }

    static func slot(_ number: Int) -> Slot {
        let agent: LogicalAgentID
        do { agent = try LogicalAgentID("web-\(number)") } catch { preconditionFailure("\(error)") }
        var slot = Slot(
            id: slotID(number), client: client(number % clients).id, logicalAgent: agent, createdAt: start,
            settings: SlotSettings())
        slot.hosts = [host(number, .primary), host(number + 1 << 20, .replica)]
        slot.hosts[1].lacking = []
        var replica = Replica(id: named("replica", number), type: .manual, status: .ready, createdAt: start)
        replica.instance = slot.hosts[1].instance
        slot.replicas = [replica]
        slot.incidents = [
            IncidentRecord(
                Incident(
                    id: named("incident", number), slot: slot.id, instance: slot.hosts[0].instance, kind: .interruption,
                    state: .open, detectedAt: start, epoch: 1))
        ]
        return slot
    }

    static func instance(_ number: Int) -> InstanceID {
        let digits = String(number, radix: 16)
        do { return try InstanceID("i-\(String(repeating: "0", count: 17 - digits.count))\(digits)") } catch {
            preconditionFailure("\(error)")
        }
    }

    static func hash(_ number: Int) -> [UInt8] {
        (0..<8).map { UInt8(truncatingIfNeeded: number >> ($0 * 8)) } + [UInt8](repeating: 9, count: 24)
    }

    private static func host(_ number: Int, _ role: Role) -> Host {
        var facts = HostFacts()
        facts.hostname = "ip-10-0-12-\(number).ec2.internal"
        facts.agentVersion = productVersion
        facts.region = "us-east-1"
        facts.zone = "us-east-1b"
        facts.instanceType = "m5.large"
        facts.mode = .spot
        facts.image = "ami-0a1b2c3d4e5f60718"
        facts.privateAddress = "10.0.12.34"
        return Host(instance: instance(number), role: role, facts: facts, at: start)
    }

    private static func named<Kind: ServerMade>(_ word: String, _ number: Int) -> Identifier<Kind> {
        let digits = String(number)
        do { return try Identifier("\(word)-\(String(repeating: "0", count: 12 - digits.count))\(digits)") } catch {
            preconditionFailure("\(error)")
        }
    }
}
