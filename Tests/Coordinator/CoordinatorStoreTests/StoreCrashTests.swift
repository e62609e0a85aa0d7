import CoordinatorCore
import CoordinatorStore
import DroppingVFS
import JSON
import SQLite
import Testing
import Wire

/// A coordinator's day on a disk that loses what was not synced.
struct StoreCrashTests {
    @Test func `no acknowledged registration, command, report or incident is lost in 1000 crashes`() throws {
        for seed in 1...500 as ClosedRange<UInt64> {
            var trial = Trial(seed: seed)
            // Two crashes each: the second meets what the recovery from the first left.
            for _ in 0..<2 {
                try trial.live()
                try trial.crash()
                let faults = trial.faults
                try #require(faults == [], "seed \(seed)")
            }
        }
    }
}

/// Clients that enrol hosts, hosts that announce their end and report, until the power goes; and the look at what is left.
private struct Trial {
    private let disk: DroppingDisk
    private var chance: SeededGenerator
    private var step = 0
    /// What was acknowledged, as it was then.
    private var slots: [SlotID: Slot] = [:]
    private var reports: [SlotID: Set<ReportID>] = [:]
    private var events: Int64 = 0
    private(set) var faults: [String] = []

    init(seed: UInt64) {
        disk = DroppingDisk(seed: seed)
        chance = SeededGenerator(seed: seed &* 104_729)
    }

    // MARK: Living

    /// Ends when the power goes, or after enough.
    mutating func live() throws {
        disk.cutPower(after: Int.random(in: 0..<250, using: &chance))
        do {
            let store = try Store(path: "/store", vfs: disk.name)
            var upkeep = try Upkeep(path: "/store", vfs: disk.name)
            try store.write { store in
                if try store.client(clientID(1)) == nil { try store.insert(makeClient(1)) }
            }
            for _ in 0..<40 {
                try takeTurns(store)
                if chance.chance(oneIn: 5) { _ = try upkeep.checkpoint() }
            }
        } catch let error as StoreError {
            // Only the power may end it: anything else is a fault of the store.
            if !disk.isPowerOff { faults.append("\(error)") }
        }
    }

    /// One transaction with a few events, as a busy coordinator has them.
    private mutating func takeTurns(_ store: borrowing Store) throws {
        var saved: [Slot] = []
        var noted: [(SlotID, ReportID)] = []
        let last = try store.write { store in
            var last: Int64?
            for _ in 0..<Int.random(in: 1...3, using: &chance) {
                step += 1
                let (slot, turn) = try turn(store)
                saved.append(slot)
                let report = try ReportID("report-\(step)")
                try store.note(reportKey(report, "switch"), of: slot.id, at: .at(step))
                noted.append((slot.id, report))
                last = try store.append(turn.events)?.upperBound ?? last
            }
            return last
        }
        for slot in saved { slots[slot.id] = slot }
        for (slot, report) in noted { reports[slot, default: []].insert(report) }
        events = last ?? events
    }

    /// A registration, or a notice, which opens an incident and queues commands.
    private mutating func turn(_ store: borrowing StoreTransaction) throws -> (Slot, Turn) {
        let id = slotID(Int.random(in: 1...5, using: &chance))
        var turn = Turn(now: .at(step), chance: chance.next(), slot: id, client: clientID(1))
        let before = try store.slot(id, naming: Focus(now: .at(step)))
        var slot = before ?? makeSlot(Int(id.text.suffix(9)) ?? 0)
        if let host = slot.hosts.randomElement(using: &chance)?.instance, chance.chance(oneIn: 2) {
            let signal: Notice.Signal =
                chance.chance(oneIn: 2) ? .interruption(.terminate, at: .at(step + 120)) : .rebalance
            _ = try slot.take(Notice(instance: host, signal: signal, detectedAt: .at(step)), &turn)
        } else if slot.hosts.count < 20 {
            _ = try slot.register(
                Registration(
                    logicalAgent: slot.logicalAgent, instance: instance(step), region: "us-east-1", hostname: "host"),
                &turn)
        }
        try store.save(slot, replacing: before)
        return (slot, turn)
    }

    // MARK: Crashing

    mutating func crash() throws {
        disk.crash(keeping: chance.chance(oneIn: 3) ? .onlySynced : .someUnsynced)
        do {
            let store = try Store(path: "/store", vfs: disk.name)
            try look(store)
            var options = DatabaseOptions()
            options.vfs = disk.name
            let database = try Database(path: "/store", options: options)
            faults += try database.integrityCheck()
            let twice = try database.read { transaction in
                try transaction.all(
                    "SELECT slot_id FROM host WHERE role = 'primary' GROUP BY slot_id HAVING count(*) > 1"
                ) { try $0.value(0, as: String.self) }
            }
            faults += twice.map { "two primaries in \($0)" }
        } catch { faults.append("\(error)") }
    }

    /// What was acknowledged is there; what was under way may be there too, but then whole.
    private mutating func look(_ store: borrowing Store) throws {
        var found: [String] = []
        try store.write { store in
            for (id, slot) in slots.sorted(by: { $0.key < $1.key }) {
                guard let stored = try store.slot(id, naming: Focus(now: .at(step))) else {
                    found.append("slot \(id) is lost")
                    continue
                }
                if stored.epoch < slot.epoch { found.append("slot \(id) has an older epoch") }
                for host in slot.hosts where stored.host(host.instance) == nil {
                    found.append("host \(host.instance) is lost")
                }
                for command in slot.commands where command.state.isOpen {
                    if try store.slot(id, naming: Focus(now: .at(step), command: command.id))?.command(command.id)
                        == nil
                    {
                        found.append("command \(command.id) is lost")
                    }
                }
                for incident in slot.incidents where incident.isOpen {
                    let focus = Focus(now: .at(step), incident: incident.id)
                    if try store.slot(id, naming: focus)?.incident(incident.id) == nil {
                        found.append("incident \(incident.id) is lost")
                    }
                }
                for report in reports[id, default: []] where try !store.isKnown(reportKey(report, "switch"), of: id) {
                    found.append("report \(report) is lost")
                }
            }
        }
        var lines: Int64 = 0
        try store.write { store in
            // The next place in the log tells how many there were.
            lines = (try store.append([Event(kind: .fenced, sentence: "", at: newYear)])?.lowerBound ?? 0) - 1
        }
        if lines < events { found.append("the log has \(lines) lines, \(events) were acknowledged") }
        events = lines + 1
        faults += found
    }
}
