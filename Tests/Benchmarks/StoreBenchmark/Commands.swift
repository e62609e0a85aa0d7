import CoordinatorCore
import CoordinatorStore
import Glibc
import JSON
import Wire

/// What one command costs the writer, by figures that another load on the machine does not change much: its processor time,
/// and the pages that its commit writes. The same for the result that ends it.
enum Commands {
    private static let agents = 10_000
    private static let start = Timestamp(nanosecondsSinceEpoch: 1_767_312_000_000_000_000)

    static func measure(_ path: String, count: Int) throws {
        let store = try Store(path: path)
        try fill(store)
        var open: [(slot: SlotID, command: CommandID)] = []
        var names = NameSource(now: start, chance: 1)
        // So that pages are in memory and statements prepared, as in a coordinator that runs.
        try store.write { store in
            for number in 0..<agents { _ = try store.slot(Fleet.slotID(number), naming: Focus(now: start)) }
        }
        let ordered = try cost(of: count, store) { number in
            let slot = Fleet.slotID(Int(names.draw() % UInt64(agents)))
            let now = start + .milliseconds(10) * number
            guard let command = try store.write({ try order(slot, now, names.draw(), $0) }) else { return }
            open.append((slot, command))
        }
        show("a switch is ordered", ordered)
        show(
            "its result is taken",
            try cost(of: open.count, store) { number in
                let now = start + .milliseconds(10) * (count + number)
                try store.write { try finish(open[number], now, names.draw(), $0) }
            })
    }

    private static func fill(_ store: borrowing Store) throws {
        try store.write { store in
            for client in 0..<Fleet.clients { try store.insert(Fleet.client(client)) }
        }
        for first in stride(from: 0, to: agents, by: 1_000) {
            try store.write { store in
                for number in first..<first + 1_000 {
                    var slot = Fleet.slot(number)
                    slot.incidents = []
                    try store.save(slot, replacing: nil)
                    try store.setToken(Fleet.hash(number), of: slot.hosts[0].instance, in: slot.id)
                }
            }
        }
    }

    /// As the heart does it. Nil when one is under way there.
    private static func order(
        _ id: SlotID, _ now: Timestamp, _ chance: UInt64, _ store: borrowing StoreTransaction
    ) throws -> CommandID? {
        try turn(of: id, Focus(now: now), chance, store) { slot, turn in
            guard let command = try? slot.askSwitch(to: .onDemand, &turn) else { return nil }
            _ = slot.deliver(to: command.instance, at: now)
            return command.id
        }
    }

    private static func finish(
        _ open: (slot: SlotID, command: CommandID), _ now: Timestamp, _ chance: UInt64,
        _ store: borrowing StoreTransaction
    ) throws {
        let focus = Focus(now: now, command: open.command)
        _ = try turn(of: open.slot, focus, chance, store) { slot, turn in
            guard let command = slot.command(open.command) else { preconditionFailure("an ordered command is there") }
            let result = CommandResult(
                .done, message: "benchmark", instance: command.instance, attempt: 1, epoch: command.epoch,
                finishedAt: now)
            return try slot.take(result, of: command.id, &turn)
        }
    }

    private static func turn<Value>(
        of id: SlotID, _ focus: Focus, _ chance: UInt64, _ store: borrowing StoreTransaction,
        _ decide: (inout Slot, inout Turn) throws -> Value
    ) throws -> Value {
        try store.savepoint {
            guard var before = try store.slot(id, naming: focus) else { preconditionFailure("\(id) was filled in") }
            for index in before.hosts.indices { before.hosts[index].isFresh = true }
            var slot = before
            var turn = Turn(now: focus.now, chance: chance, slot: id, client: slot.client)
            let value = try decide(&slot, &turn)
            try store.save(slot, replacing: before)
            _ = try store.append(turn.events)
            return value
        }
    }

    // MARK: Measuring

    private struct Cost {
        var program: Int
        var kernel: Int
        var frames: Double
    }

    private static func cost(of count: Int, _ store: borrowing Store, _ body: (Int) throws -> Void) throws -> Cost {
        // The WAL begins anew, so that the number of its frames tells what was written.
        try store.checkpoint()
        try body(0)
        let (frames, began) = (store.framesInWAL, use())
        for number in 1..<count { try body(number) }
        let ended = use()
        return Cost(
            program: (ended.program - began.program) / (count - 1), kernel: (ended.kernel - began.kernel) / (count - 1),
            frames: Double(store.framesInWAL - frames) / Double(count - 1))
    }

    /// Microseconds of a processor; nothing else runs in this process.
    private static func use() -> (program: Int, kernel: Int) {
        var use = rusage()
        _ = unsafe getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &use)
        return (
            use.ru_utime.tv_sec * 1_000_000 + use.ru_utime.tv_usec,
            use.ru_stime.tv_sec * 1_000_000 + use.ru_stime.tv_usec
        )
    }

    private static func show(_ what: String, _ cost: Cost) {
        let tenths = Int((cost.frames * 10).rounded())
        print(
            "\(what), committed alone: \(cost.program) µs in the program, \(cost.kernel) µs in the kernel,"
                + " \(tenths / 10).\(tenths % 10) pages in the WAL")
    }
}
