import CoordinatorCore
import JSON
import SQLite
package import Wire

/// How much there is of everything, for whoever watches from outside.
package struct StoreCounts: Equatable, Sendable {
    package var clients = 0
    /// A slot whose primary is not offline counts as `unknown`: the switchboard knows which are heard.
    package var slots: [AgentStatus: Int] = [:]
    package var hosts: [Role: Int] = [:]
    package var openCommands: [CommandState: Int] = [:]
    package var openIncidents = 0
    /// These are no incidents.
    package var openDrills = 0
    /// The lines that the log ever had.
    package var events: Int64 = 0
    package var databaseBytes: Int64 = 0
}

extension StoreReader {
    /// It walks all slots and hosts, a tenth of a second for 100,000.
    package borrowing func counts() throws(StoreError) -> StoreCounts {
        try attempt("count what there is") { transaction in
            var counts = StoreCounts()
            counts.clients = try number("SELECT count(*) FROM client", transaction)
            counts.slots = try countSlots(transaction)
            counts.hosts = try histogram("SELECT role, count(*) FROM host GROUP BY role", transaction)
            counts.openCommands = try histogram(
                "SELECT state, count(*) FROM command INDEXED BY command_open WHERE finished_at IS NULL GROUP BY state",
                transaction)
            counts.openIncidents = try number(
                "SELECT count(*) FROM incident WHERE closed_at IS NULL AND NOT is_drill", transaction)
            counts.openDrills = try number(
                "SELECT count(*) FROM incident WHERE closed_at IS NULL AND is_drill", transaction)
            counts.events = try lastSequence(transaction)
            counts.databaseBytes = Int64(
                try number(
                    "SELECT p.page_count * s.page_size FROM pragma_page_count AS p, pragma_page_size AS s", transaction)
            )
            return counts
        }
    }

    /// How often the workload of a slot moved, by what set that off.
    package borrowing func switchCounts(of slot: SlotID) throws(StoreError) -> [Trigger: Int] {
        try attempt("count the switches of slot \(slot)") { transaction in
            var counts: [Trigger: Int] = [:]
            try transaction.forEach("SELECT trigger, count(*) FROM switch WHERE slot_id = ? GROUP BY trigger", slot) {
                row in counts[try row.value(0)] = try row.value(1)
            }
            return counts
        }
    }

    /// By name, with how many agents there are of each client and how many are online.
    package borrowing func clientSummaries(
        isFresh: (SlotID, InstanceID) -> Bool
    ) throws(StoreError) -> [ClientSummary] {
        try attempt("list clients") { transaction in
            let tallies = try tally(transaction, isFresh)
            return try transaction.all(
                "SELECT id, name, is_active, created_at, saved FROM client ORDER BY name LIMIT ?", Self.clientsMax
            ) { row in
                try reading("client", row) { row in
                    var client = ClientSummary(
                        id: try row.value(0), name: try row.value(1), isActive: try row.value(2),
                        createdAt: try row.value(3))
                    client.totalSavings = dollars(try row.value(4))
                    let tally = tallies[client.id] ?? Tally()
                    client.agentsTotal = tally.agents
                    client.agentsOnline = tally.online
                    client.instances = tally.hosts
                    client.lastSync = tally.heard
                    return client
                }
            }
        }
    }

    /// More than one installation serves; the answer is one list.
    private static var clientsMax: Int { 10_000 }
}

/// With four digits behind the point, as the original had them.
private func dollars(_ billionths: Int64) -> JSONNumber {
    let digits = String(10_000 + billionths / 100_000 % 10_000).dropFirst()
    guard let dollars = JSONNumber("\(billionths / 1_000_000_000).\(digits)") else {
        preconditionFailure("\(billionths) billionths of a dollar are a number")
    }
    return dollars
}

/// What one client has.
private struct Tally {
    var agents = 0
    var online = 0
    var hosts = 0
    var heard: Timestamp?
}

/// SQLite adds up what it can: a row that is handed over costs as much as ten that are counted.
private func tally(
    _ transaction: borrowing Transaction, _ isFresh: (SlotID, InstanceID) -> Bool
) throws -> [ClientID: Tally] {
    var tallies: [ClientID: Tally] = [:]
    try transaction.forEach("SELECT client_id, count(*) FROM slot WHERE deleted_at IS NULL GROUP BY client_id") { row in
        tallies[try row.value(0), default: Tally()].agents = try row.value(1)
    }
    try transaction.forEach(
        """
        SELECT slot.client_id, count(*), max(host.last_heard_at) FROM host CROSS JOIN slot ON slot.id = host.slot_id
        WHERE host.role <> 'terminated' AND slot.deleted_at IS NULL GROUP BY slot.client_id
        """
    ) { row in
        let client: ClientID = try row.value(0)
        tallies[client, default: Tally()].hosts = try row.value(1)
        tallies[client, default: Tally()].heard = try row.value(2)
    }
    try transaction.forEach(
        """
        SELECT slot.client_id, slot.id, host.instance_id FROM host CROSS JOIN slot ON slot.id = host.slot_id
        WHERE host.role = 'primary' AND host.is_offline = 0 AND slot.deleted_at IS NULL AND slot.enabled = 1
        """
    ) { row in
        guard isFresh(try row.value(1), try row.value(2)) else { return }
        tallies[try row.value(0), default: Tally()].online += 1
    }
    return tallies
}

private func number(_ sql: StaticString, _ transaction: borrowing Transaction) throws -> Int {
    try transaction.first(sql) { try $0.value(0) } ?? 0
}

private func histogram<Word: SQLiteConvertible & Hashable>(
    _ sql: StaticString, _ transaction: borrowing Transaction
) throws -> [Word: Int] {
    var counts: [Word: Int] = [:]
    try transaction.forEach(sql) { row in counts[try row.value(0)] = try row.value(1) }
    return counts
}

private func countSlots(_ transaction: borrowing Transaction) throws -> [AgentStatus: Int] {
    var counts: [AgentStatus: Int] = [:]
    try transaction.forEach(
        """
        SELECT CASE
                WHEN slot.deleted_at IS NOT NULL THEN 'deleted'
                WHEN NOT slot.enabled THEN 'disabled'
                WHEN EXISTS (SELECT 1 FROM host WHERE host.slot_id = slot.id AND host.role = 'promoting')
                    THEN 'switching'
                WHEN serving.is_offline = 0 THEN 'unknown'
                ELSE 'offline' END AS status,
            count(*)
        FROM slot LEFT JOIN host AS serving ON serving.slot_id = slot.id AND serving.role = 'primary'
        GROUP BY status
        """
    ) { row in
        if let status = AgentStatus(rawValue: try row.value(0)) { counts[status] = try row.value(1) }
    }
    return counts
}
