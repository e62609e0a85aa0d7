package import CoordinatorCore
import JSON
import SQLite
package import Wire

/// What the coordinator keeps in memory of a host, to answer it without asking the store.
package struct HostRow: Sendable {
    package var slot: SlotID
    package var client: ClientID
    package var instance: InstanceID
    package var role: Role
    package var epoch: Epoch
    package var configVersion: ConfigVersion
    package var heartbeatSeconds: Int
    package var leaseSeconds: Int
    package var isOffline: Bool
    package var isBlind: Bool
    package var lacking: [String]?
    package var facts: HostFacts
    /// Nil while it has not got a token of its own.
    package var tokenHash: [UInt8]?
    package var hasOpenCommands: Bool

    init(_ row: borrowing Row) throws {
        instance = try row.value(0)
        slot = try row.value(1)
        client = try row.value(2)
        role = try row.value(3)
        epoch = try row.value(4)
        configVersion = try row.value(5)
        heartbeatSeconds = try row.value(6)
        leaseSeconds = try row.value(7)
        isOffline = try row.value(8)
        isBlind = try row.value(9)
        lacking = try row.json(10, "lacking")
        facts = try HostFacts(row, from: 11)
        tokenHash = try row.value(20)
        hasOpenCommands = try row.value(21)
    }
}

// What a start reads.
extension StoreReader {
    package borrowing func clients() throws(StoreError) -> [ClientRecord] {
        try attempt("read the clients") { transaction in
            try transaction.all(
                """
                SELECT id, name, email, token_hash, sealed_token, is_active, created_at FROM client ORDER BY name
                """
            ) { row in try reading("client", row) { try ClientRecord($0) } }
        }
    }

    /// Gives `body` each host that may still run and whose slot has not ended. Returns what was found damaged and left out,
    /// the first few: one unreadable row must not keep all others from their coordinator.
    package borrowing func forEachHost(_ body: (HostRow) -> Void) throws(StoreError) -> [StoreError] {
        var damaged: [StoreError] = []
        try attempt("read the hosts") { transaction in
            try transaction.forEach(
                """
                SELECT host.instance_id, host.slot_id, slot.client_id, host.role, slot.epoch, slot.config_version,
                    slot.heartbeat_seconds, slot.lease_seconds, host.is_offline, host.is_blind, host.lacking,
                    host.hostname, host.agent_version, host.region, host.zone, host.instance_type, host.mode, host.image,
                    host.private_address, host.public_address, host.token_hash,
                    EXISTS (
                        SELECT 1 FROM command
                        WHERE command.slot_id = host.slot_id AND command.instance_id = host.instance_id
                            AND command.finished_at IS NULL)
                FROM host CROSS JOIN slot ON slot.id = host.slot_id
                WHERE host.role <> 'terminated' AND slot.deleted_at IS NULL
                """
            ) { row in
                do { body(try reading("host", row) { try HostRow($0) }) } catch let error as StoreError {
                    guard error.code == .damaged else { throw error }
                    if damaged.count < Self.damagedMax { damaged.append(error) }
                }
            }
        }
        return damaged
    }

    /// As many as a person reads.
    private static var damagedMax: Int { 100 }
}
