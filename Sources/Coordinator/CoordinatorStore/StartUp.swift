package import CoordinatorCore
package import JSON
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
    /// Only those that its heartbeats repeat.
    package var facts = HostFacts()
    /// Nil while it has not got a token of its own.
    package var tokenHash: [UInt8]?
    /// Of one without: from where it registered.
    package var address: String?
    package var abilities: Abilities
    /// It spoke at least once.
    package var wasHeard: Bool
    package var hasOpenCommands: Bool
    /// Its slot has an open incident, or nobody who serves.
    package var isInTrouble: Bool
    /// As `Slot.hindrances(at:)`, but for incidents.
    package var isHindered: Bool
    /// Its slot was deleted.
    package var isEnded: Bool
    /// And its hosts have nothing left to do for it.
    package var isOver: Bool

    init(_ row: borrowing Row) throws {
        instance = try row.field(0)
        slot = try row.field(1)
        client = try row.field(2)
        role = try row.field(3)
        epoch = try row.field(4)
        configVersion = try row.field(5)
        heartbeatSeconds = try row.field(6)
        leaseSeconds = try row.field(7)
        isOffline = try row.field(8)
        isBlind = try row.field(9)
        lacking = try row.json(10, "lacking")
        facts.agentVersion = try row.maybe(11)
        facts.region = try row.maybe(12)
        facts.zone = try row.maybe(13)
        facts.instanceType = try row.maybe(14)
        facts.mode = try row.maybe(15)
        tokenHash = try row.maybe(16)
        isEnded = try row.field(17)
        isOver = try row.field(18)
        isHindered = try row.field(19)
        isInTrouble = try row.field(20)
        abilities = try row.field(21)
        wasHeard = try row.field(22)
        address = try row.maybe(23)
        hasOpenCommands = false
    }
}

extension StoreTransaction {
    /// Takes back what was concluded from silence: the coordinator itself was away, and nobody could be heard. What EC2 said
    /// stays. Whatever waits for a host to speak waits anew, or for some heartbeats more: machines that were launched, those that
    /// are taking over, and answers to orders, also of hosts that do not say what they are at work on; orders of a hand-over wait on to
    /// be fetched. The clock may have been set back meanwhile, so no pause is left to it.
    package borrowing func forgetSilence(at now: Timestamp) throws(StoreError) {
        try attempt("forget who was silent") { transaction in
            try transaction.execute(
                """
                UPDATE host SET is_offline = 0, inspected_at = NULL
                WHERE role <> 'terminated' AND is_proven_dead = 0 AND (is_offline = 1 OR inspected_at IS NOT NULL)
                """)
            // Not past one that may serve and was told to later: who is older tells who was replaced.
            try transaction.execute(
                """
                UPDATE host SET role_since = ?1
                WHERE role IN ('launching', 'promoting')
                    OR (role = 'primary' AND last_heard_at IS NULL AND NOT EXISTS (
                        SELECT 1 FROM host AS other WHERE other.slot_id = host.slot_id AND other.service <> 'idle'
                            AND other.role_since > host.role_since))
                """, now)
            try transaction.execute(
                "UPDATE host SET role_since = ?1 - (role = 'primary') WHERE role_since > ?1", now)
            try transaction.execute(
                "UPDATE replica SET created_at = ?1 WHERE status = 'launching' AND instance_id IS NULL AND created_at > ?1",
                now)
            try transaction.execute(
                """
                UPDATE command INDEXED BY command_open SET
                    expires_at = CASE WHEN state = 'delivered' OR asks ->> '$.command_type' IN ('promote', 'activate', 'demote')
                        THEN max(expires_at, ?2) ELSE expires_at END,
                    lease_until = CASE
                        WHEN EXISTS (
                            SELECT 1 FROM host WHERE host.slot_id = command.slot_id
                                AND host.instance_id = command.instance_id AND host.abilities IS NOT NULL)
                        THEN max(lease_until, ?2) ELSE lease_until END,
                    not_before = CASE WHEN created_at > ?1 THEN NULL ELSE not_before END
                WHERE finished_at IS NULL
                """, now, now + Rules.graceAfterAbsence)
        }
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

    /// How many hosts may still run.
    package borrowing func hostCount() throws(StoreError) -> Int {
        try attempt("count the hosts") { transaction in
            try transaction.first("SELECT count(*) FROM host INDEXED BY host_not_ended WHERE role <> 'terminated'") {
                try $0.value(0)
            } ?? 0
        }
    }

    /// Gives `body` each host that may still run, also those of deleted slots: they may have something left to do, and are to
    /// be told to stay away. Returns what was found damaged and left out, the first few: one unreadable row must not keep all
    /// others from their coordinator. Several readers may share the hosts: each is given to one of them.
    package borrowing func forEachHost(
        share: Int = 0, of shares: Int = 1, _ body: (HostRow) -> Void
    ) throws(StoreError) -> [StoreError] {
        var damaged: [StoreError] = []
        try attempt("read the hosts") { transaction in
            // Few have any, so this is cheaper than to ask for each host.
            let busy = Set(
                try transaction.all(
                    "SELECT slot_id, instance_id FROM command INDEXED BY command_open WHERE finished_at IS NULL"
                ) { Busy(slot: try $0.value(0), instance: try $0.value(1)) })
            let troubled = Set(
                try transaction.all(
                    """
                    SELECT slot_id FROM incident INDEXED BY incident_open WHERE closed_at IS NULL
                    UNION SELECT slot_id FROM host WHERE role IN ('zombie', 'terminating') AND service <> 'idle'
                    """
                ) { try $0.value(0, as: SlotID.self) })
            let numbers = try numbers(share, of: shares, transaction)
            try transaction.forEach(
                """
                SELECT host.instance_id, host.slot_id, slot.client_id, host.role, slot.epoch, slot.config_version,
                    slot.heartbeat_seconds, slot.lease_seconds, host.is_offline, host.is_blind, host.lacking,
                    host.agent_version, host.region, host.zone, host.instance_type, host.mode,
                    host.token_hash, slot.deleted_at IS NOT NULL,
                    slot.deleted_at IS NOT NULL
                        AND NOT EXISTS (SELECT 1 FROM command WHERE slot_id = slot.id AND finished_at IS NULL)
                        AND (
                            NOT EXISTS (SELECT 1 FROM host AS other WHERE other.slot_id = slot.id
                                AND other.role = 'primary' AND NOT other.is_offline
                                AND coalesce(other.abilities & ?5, 1))
                            OR NOT EXISTS (SELECT 1 FROM host AS other WHERE other.slot_id = slot.id
                                AND other.termination_attempts <= ?4 AND (other.role = 'terminating'
                                    OR (other.role = 'zombie' AND slot.settings ->> '$.auto_terminate_enabled')))),
                    slot.contested_by IS NOT NULL
                        OR (instr(slot.settings, '"hand_over":"exclusive"') > 0 AND (
                            slot.settings ->> '$.failover_deadline_seconds'
                                < slot.settings ->> '$.drain_budget_seconds' + ?3
                            OR EXISTS (
                                SELECT 1 FROM host AS other WHERE other.slot_id = slot.id AND other.service <> 'idle'
                                    AND other.role NOT IN ('primary', 'terminated') AND other.is_proven_dead = 0)))
                        OR EXISTS (
                            SELECT 1 FROM host AS other WHERE other.slot_id = slot.id AND other.role = 'primary'
                                AND other.abilities IS NOT NULL),
                    -- Nearly all are primaries, for which nothing is looked up.
                    host.role <> 'primary' AND NOT EXISTS (
                        SELECT 1 FROM host AS other WHERE other.slot_id = slot.id AND other.role = 'primary'),
                    host.abilities, host.last_heard_at IS NOT NULL, host.registered_from
                FROM host CROSS JOIN slot ON slot.id = host.slot_id
                WHERE host.role <> 'terminated' AND host.number BETWEEN ?1 AND ?2
                """, numbers.lowerBound, numbers.upperBound,
                Int(Rules.exclusiveHandOver.components.seconds), Rules.attemptsMax, Abilities.endsOthers.rawValue
            ) { row in
                do {
                    var host = try reading("host", row) { try HostRow($0) }
                    host.hasOpenCommands = busy.contains(Busy(slot: host.slot, instance: host.instance))
                    if troubled.contains(host.slot) { host.isInTrouble = true }
                    body(host)
                } catch let error as StoreError {
                    guard error.code == .damaged else { throw error }
                    if damaged.count < Self.damagedMax { damaged.append(error) }
                }
            }
        }
        return damaged
    }

    /// A stretch of the table for each share, so that no page of it is read twice.
    private borrowing func numbers(
        _ share: Int, of shares: Int, _ transaction: borrowing Transaction
    ) throws -> ClosedRange<Int64> {
        let last: Int64 = try transaction.first("SELECT coalesce(max(number), 0) FROM host") { try $0.value(0) } ?? 0
        let length = last / Int64(shares) + 1
        let first = Int64(share) * length
        return first...(first + length - 1)
    }

    private struct Busy: Hashable {
        let slot: SlotID
        let instance: InstanceID
    }

    /// As many as a person reads.
    private static var damagedMax: Int { 100 }
}
