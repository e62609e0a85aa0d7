import CoordinatorCore
import CoordinatorStore
import Glibc
import JSON
import Platform
import Wire

/// Prints what the store costs: a command among 10,000 agents, and with a file of 100,000 a start, a turn, and the lists that
/// an operator opens. With `--commands` only the first: a run short enough to be counted instruction by instruction.
@main struct StoreBenchmark {
    private static let agents = 100_000
    private static let clock = SystemSurroundings()

    static func main() {
        let path = "/tmp/spot-store-benchmark.\(getpid()).sqlite"
        defer {
            for file in [path, "\(path).commands"] {
                for suffix in ["", "-wal", "-shm", ".lock"] { try? removeFile(file + suffix) }
            }
        }
        do {
            try Commands.measure("\(path).commands", count: 1_000)
            if CommandLine.arguments.contains("--commands") { return }
            try fill(path)
            try start(path)
            try turns(path)
            try lists(path)
        } catch {
            print("measure the store at \(path): \(error)")
            exit(1)
        }
    }

    private static func fill(_ path: String) throws {
        let store = try Store(path: path)
        try store.write { store in
            for client in 0..<Fleet.clients { try store.insert(Fleet.client(client)) }
        }
        let took = try measured {
            for first in stride(from: 0, to: agents, by: 1000) {
                try store.write { store in
                    for number in first..<(first + 1000) {
                        try store.save(Fleet.slot(number), replacing: nil)
                        try store.setToken(Fleet.hash(number), of: Fleet.instance(number), in: Fleet.slotID(number))
                    }
                }
            }
        }
        show("fill, per agent", took / agents, "new slot with a primary, a replica and an incident")
    }

    private static func start(_ path: String) throws {
        var hosts = 0
        let opening = try measured { try Store(path: path).probe() }
        let reader = try StoreReader(path: path)
        var known = 0
        let clients = try measured { known = try reader.clients().count }
        let reading = try measured {
            let damaged = try reader.forEachHost { _ in hosts += 1 }
            precondition(damaged.isEmpty && hosts == 2 * agents && known == Fleet.clients, "everything is read")
        }
        show("open the file", opening, "")
        show("read \(Fleet.clients) clients", clients, "")
        show("read \(hosts) hosts", reading, "")
        show("  for 100,000 hosts", reading * 100_000 / hosts, "")
    }

    private static func turns(_ path: String) throws {
        let store = try Store(path: path)
        let count = 1000
        var working: Duration = .zero
        let whole = try measured {
            try store.write { store in
                working = try measured {
                    for number in 0..<count { try store.savepoint { try turn(store, number * 97 % agents) } }
                }
            }
        }
        show("one turn in a batch of \(count)", working / count, "load, save 2 new commands, an incident, 4 events")
        show("  its share of the commit", (whole - working) / count, "")
        let single = try measured {
            for number in 0..<count { try store.write { try turn($0, number * 89 % agents) } }
        }
        show("one turn, committed alone", single / count, "")
        let heard = try measured {
            for first in 0..<50 {
                try store.write { store in
                    try store.noteHeard(
                        (0..<200).map {
                            (Fleet.slotID(first * 200 + $0), Fleet.instance(first * 200 + $0), clock.wall())
                        })
                }
            }
        }
        show("note 200 hosts as heard", heard / 50, "one commit")
    }

    private static func turn(_ store: borrowing StoreTransaction, _ number: Int) throws {
        let now = clock.wall()
        guard let before = try store.slot(Fleet.slotID(number), naming: Focus(now: now)) else {
            preconditionFailure("slot \(number) was filled in")
        }
        var slot = before
        var turn = Turn(now: now, chance: clock.random(), slot: slot.id, client: slot.client)
        for host in slot.hosts {
            slot.commands.append(
                CommandRecord(
                    id: turn.makeID(), instance: host.instance, order: .activate, priority: 100, createdAt: now,
                    notBefore: nil, expiresAt: now + .seconds(180), leaseSeconds: 10, epoch: slot.epoch, incident: nil))
        }
        slot.incidents[0].isLate.toggle()
        slot.dueAt = now + .seconds(10)
        for _ in 0..<4 {
            turn.note(.commandQueued, "activate on \(slot.hosts[0].instance)", instance: slot.hosts[0].instance)
        }
        try store.save(slot, replacing: before)
        _ = try store.append(turn.events)
    }

    private static func lists(_ path: String) throws {
        let reader = try StoreReader(path: path)
        let isFresh = { (_: SlotID, _: InstanceID) in true }
        var page = AgentList(agents: [])
        show("500 agents", try measured { page = try reader.agents(isFresh: isFresh) }, "")
        show("the next 500", try measured { page = try reader.agents(after: page.next, isFresh: isFresh) }, "")
        var filter = AgentFilter()
        filter.status = .offline
        show("agents offline (none)", try measured { page = try reader.agents(filter, isFresh: isFresh) }, "walks all")
        filter.status = nil
        filter.search = "nowhere"
        show(
            "agents by a name (none)", try measured { page = try reader.agents(filter, isFresh: isFresh) }, "walks all")
        filter.search = nil
        filter.client = Fleet.client(7).id
        show("500 agents of a client", try measured { page = try reader.agents(filter, isFresh: isFresh) }, "")
        show(
            "one agent, whole", try measured { _ = try reader.agentDetail(Fleet.slotID(77_777), isFresh: isFresh) }, "")
        show("500 instances", try measured { _ = try reader.instances(isFresh: isFresh) }, "")
        var instances = InstanceFilter()
        instances.client = Fleet.client(7).id
        show("500 instances of a client", try measured { _ = try reader.instances(instances, isFresh: isFresh) }, "")
        show("500 commands", try measured { _ = try reader.commands() }, "")
        show("commands pending", try measured { _ = try reader.commands(state: .pending) }, "")
        show("100 incidents", try measured { _ = try reader.incidents(state: .open) }, "")
        show("500 lines of the log", try measured { _ = try reader.latestEvents() }, "")
        show(
            "clients with their numbers", try measured { _ = try reader.clientSummaries(isFresh: isFresh) }, "walks all"
        )
        show("counts", try measured { _ = try reader.counts() }, "walks all")
        show(
            "vacancies of price reporters", try measured { _ = try reader.priceReporterVacancies(limit: 100) },
            "walks all")
    }

    // MARK: Measuring

    private static func measured(_ body: () throws -> Void) throws -> Duration {
        let start = clock.monotonic()
        try body()
        return clock.monotonic() - start
    }

    private static func show(_ what: String, _ took: Duration, _ remark: String) {
        let (seconds, attoseconds) = took.components
        let microseconds = seconds * 1_000_000 + attoseconds / 1_000_000_000_000
        let number = String(microseconds)
        let padded = String(repeating: " ", count: max(0, 10 - number.count)) + number
        print(what + String(repeating: " ", count: max(0, 34 - what.count)) + padded + " µs  \(remark)")
    }
}
