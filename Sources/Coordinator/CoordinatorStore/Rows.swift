import CoordinatorCore
import JSON
import Platform
import SQLite
import Wire

// Rows to values. Each states the order of the columns that its statements select; the first names the row.

extension Slot {
    /// id, client, name, created, settings, reports prices, version, epoch, deleted, due, contested, launches, launch failed
    init(_ row: borrowing Row) throws {
        self.init(
            id: try row.value(0), client: try row.value(1), logicalAgent: try row.value(2),
            createdAt: try row.value(3), settings: try SlotSettings(row, column: 4))
        reportsPrices = try row.value(5)
        configVersion = try row.value(6)
        epoch = try row.value(7)
        deletedAt = try row.value(8)
        dueAt = try row.value(9)
        contestedBy = try row.value(10)
        launches = try row.value(11)
        launchFailedAt = try row.value(12)
    }
}

/// Those that were read last, with their text: nearly all slots have the same, and to read them is a third of loading one.
private let knownSettings = Locked<(text: String, settings: SlotSettings)?>(nil)

extension SlotSettings {
    fileprivate init(_ row: borrowing Row, column: Int) throws {
        let text: String = try row.value(column)
        if let known = knownSettings.withLock({ $0 }), known.text == text {
            self = known.settings
            return
        }
        let change: SlotSettingsChange = try row.json(column, "settings")
        self = change.applied(to: SlotSettings())
        knownSettings.withLock { [self] in $0 = (text, self) }
    }
}

extension Host {
    /// instance, role, since, registered, nine facts, lacking, offline, dead, blind, inspected, asked, heard, lease, witness,
    /// service, stops, terminations, inspections, failing, abilities
    init(_ row: borrowing Row) throws {
        self.init(
            instance: try row.value(0), role: try row.value(1), roleSince: try row.value(2),
            registeredAt: try row.value(3), facts: try HostFacts(row, from: 4))
        lacking = try row.json(13, "lacking")
        isOffline = try row.value(14)
        isProvenDead = try row.value(15)
        isBlind = try row.value(16)
        inspectedAt = try row.value(17)
        terminationAskedAt = try row.value(18)
        lastHeardAt = try row.value(19)
        leaseSeconds = try row.value(20)
        inspectedBy = try row.value(21)
        service = try row.value(22)
        stops = try row.value(23)
        terminations = try row.value(24)
        inspections = try row.value(25)
        failingSince = try row.value(26)
        abilities = try row.value(27)
    }
}

extension HostFacts {
    /// hostname, version, region, zone, type, mode, image, private and public address
    init(_ row: borrowing Row, from first: Int) throws {
        self.init()
        hostname = try row.maybe(first)
        agentVersion = try row.maybe(first + 1)
        region = try row.maybe(first + 2)
        zone = try row.maybe(first + 3)
        instanceType = try row.maybe(first + 4)
        mode = try row.maybe(first + 5)
        image = try row.maybe(first + 6)
        privateAddress = try row.maybe(first + 7)
        publicAddress = try row.maybe(first + 8)
    }
}

extension Replica {
    /// id, type, status, instance, parent, pool, created, ready, terminated
    init(_ row: borrowing Row) throws {
        self.init(
            id: try row.value(0), type: try row.value(1), status: try row.value(2), createdAt: try row.value(6))
        instance = try row.value(3)
        parent = try row.value(4)
        pool = try row.value(5)
        readyAt = try row.value(7)
        terminatedAt = try row.value(8)
    }
}

extension CommandRecord {
    /// id, instance, asks, priority, created, not before, expires, lease, epoch, incident, state, attempt, until, finished,
    /// result, delivered
    init(_ row: borrowing Row) throws {
        self.init(
            id: try row.value(0), instance: try row.value(1), order: try row.json(2, "asks"),
            priority: try row.value(3), createdAt: try row.value(4), notBefore: try row.value(5),
            expiresAt: try row.value(6), leaseSeconds: try row.value(7), epoch: try row.value(8),
            incident: try row.value(9))
        state = try row.value(10)
        attempt = try row.value(11)
        leaseUntil = try row.value(12)
        finishedAt = try row.value(13)
        result = try row.json(14, "result")
        deliveredAt = try row.value(15)
    }
}

extension Incident {
    /// id, slot, instance, kind, state, detected, interruption, deadline, epoch, successor, verified, closed, ledger, drill
    init(_ row: borrowing Row) throws {
        self.init(
            id: try row.value(0), slot: try row.value(1), instance: try row.value(2), kind: try row.value(3),
            state: try row.value(4), detectedAt: try row.value(5), epoch: try row.value(8))
        interruptionTime = try row.value(6)
        deadline = try row.value(7)
        successor = try row.value(9)
        verifiedAt = try row.value(10)
        closedAt = try row.value(11)
        ledger = try row.json(12, "ledger")
        drill = try row.value(13)
    }
}

extension IncidentRecord {
    /// Those of the incident, then: ordered replica, late, blocked, end, maintenance.
    init(_ row: borrowing Row) throws {
        self.init(try Incident(row))
        ordered = try row.value(14)
        isLate = try row.value(15)
        isBlocked = try row.value(16)
        endsAt = try row.value(17)
        maintenance = try row.value(18)
    }
}
