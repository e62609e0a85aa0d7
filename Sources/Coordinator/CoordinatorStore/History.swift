package import CoordinatorCore
package import JSON
import SQLite
package import Wire

// What is only ever added.
extension StoreTransaction {
    /// Adds lines to the log. Returns their places in it, one after the other; nil without lines.
    package borrowing func append(_ events: [Event]) throws(StoreError) -> ClosedRange<Int64>? {
        guard !events.isEmpty else { return nil }
        return try attempt("add to the event log") { transaction in
            for event in events {
                try transaction.execute(
                    """
                    INSERT INTO event (at, kind, sentence, client_id, slot_id, instance_id, incident_id, command_id,
                        is_drill, notifies)
                    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                    """, event.at, event.kind.rawValue, event.sentence, event.client, event.slot, event.instance,
                    event.incident, event.command, event.isDrill, event.notifies)
            }
            // One writer in one transaction: no other line came between.
            let last = transaction.lastInsertRowID
            return (last - Int64(events.count) + 1)...last
        }
    }

    package borrowing func append(_ switches: [SwitchRecord], of slot: SlotID) throws(StoreError) {
        try attempt("add to the switches of slot \(slot)") { transaction in
            for record in switches {
                let isKnown = try completeSwitch(record, of: slot, transaction)
                if !isKnown { try insertSwitch(record, of: slot, transaction) }
                guard record.saved > 0 else { continue }
                try transaction.execute(
                    """
                    UPDATE client SET saved = min(saved, ?) + ? WHERE id = (SELECT client_id FROM slot WHERE id = ?)
                    """, Int64.max - record.saved, record.saved, slot)
            }
        }
    }

    /// Keeps each price of the report as it was told.
    package borrowing func insert(
        _ report: PricingReport, of slot: SlotID, at now: Timestamp
    ) throws(StoreError) {
        try attempt("keep the prices of report \(report.stamp.report)") { transaction in
            for (pool, price) in report.prices {
                try transaction.execute(
                    """
                    INSERT INTO price (region, instance_type, pool_id, price, observed_at, received_at, slot_id, instance_id,
                        report_id)
                    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
                    """, report.instance.region, pool?.instanceType ?? report.instance.instanceType, pool, price,
                    report.collectedAt, now, slot, report.stamp.instance, report.stamp.report)
            }
        }
    }
}

/// The last move was noted when its new machine was seen to serve: its report says more of the same. False: it was another one.
private func completeSwitch(
    _ record: SwitchRecord, of slot: SlotID, _ transaction: borrowing Transaction
) throws -> Bool {
    guard record.timing != nil else { return false }
    let rows = try transaction.execute(
        """
        UPDATE switch SET trigger = ?, old_instance = ?, new_instance = ?, on_demand_price = ?, old_spot_price = ?,
            new_spot_price = ?, timing = ?
        WHERE number = (SELECT number FROM switch WHERE slot_id = ? ORDER BY at DESC, number DESC LIMIT 1)
            AND timing IS NULL AND old_instance ->> '$.instance_id' = ? AND new_instance ->> '$.instance_id' = ?
        """, record.trigger, jsonText(record.old), jsonText(record.new), record.onDemandPrice, record.oldSpotPrice,
        record.newSpotPrice, jsonText(record.timing), slot, record.old?.instance, record.new.instance)
    return rows > 0
}

private func insertSwitch(_ record: SwitchRecord, of slot: SlotID, _ transaction: borrowing Transaction) throws {
    try transaction.execute(
        """
        INSERT INTO switch (slot_id, at, trigger, old_instance, new_instance, on_demand_price, old_spot_price,
            new_spot_price, timing)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
        """, slot, record.at, record.trigger, jsonText(record.old), jsonText(record.new), record.onDemandPrice,
        record.oldSpotPrice, record.newSpotPrice, jsonText(record.timing))
}

extension PricingReport {
    /// Each once: nil is on demand. The cheapest pool is one of them all.
    fileprivate var prices: [(pool: PoolID?, price: JSONNumber)] {
        var prices: [(pool: PoolID?, price: JSONNumber)] = pools.map { ($0.pool, $0.price) }
        if let own = instance.pool, let price = currentSpotPrice, !pools.contains(where: { $0.pool == own }) {
            prices.append((own, price))
        }
        if let onDemandPrice { prices.append((nil, onDemandPrice)) }
        return prices
    }
}
