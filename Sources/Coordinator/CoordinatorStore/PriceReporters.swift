import CoordinatorCore
import JSON
import SQLite
package import Wire

// One slot of each kind asks EC2 for prices. A kind is a client, a region and an instance type. Hosts without a token of their own
// ask as they like, and do not count.
extension StoreTransaction {
    /// Whether some slot of the kind, besides that one, reports prices and has a primary that is not offline.
    package borrowing func hasPriceReporter(
        client: ClientID, region: Region, type: InstanceType, besides slot: SlotID?
    ) throws(StoreError) -> Bool {
        try attempt("look up who reports prices of \(type) in \(region) for client \(client)") { transaction in
            try transaction.first(
                """
                SELECT 1 FROM slot JOIN host ON host.slot_id = slot.id AND host.role = 'primary'
                WHERE slot.client_id = ? AND slot.reports_prices = 1 AND slot.deleted_at IS NULL AND slot.id IS NOT ?
                    AND host.is_offline = 0 AND host.abilities IS NULL AND host.region = ? AND host.instance_type = ?
                LIMIT 1
                """, client, slot, region, type
            ) { _ in true } ?? false
        }
    }
}

extension StoreReader {
    /// A slot for each kind of which nobody reports prices, though it has primaries that are not offline. It walks all slots
    /// without keeping the writer waiting; what has changed by the time that somebody acts on it, the next walk finds.
    package borrowing func priceReporterVacancies(limit: Int) throws(StoreError) -> [SlotID] {
        try attempt("look up where nobody reports prices") { transaction in
            try transaction.all(
                """
                SELECT min(slot.id) FROM slot JOIN host ON host.slot_id = slot.id AND host.role = 'primary'
                WHERE slot.deleted_at IS NULL AND host.is_offline = 0 AND host.abilities IS NULL
                    AND host.region IS NOT NULL AND host.instance_type IS NOT NULL
                GROUP BY slot.client_id, host.region, host.instance_type
                HAVING max(slot.reports_prices) = 0
                ORDER BY 1 LIMIT ?
                """, limit
            ) { try $0.value(0) }
        }
    }

    /// The slots that report prices though another one of their kind does: one that was replaced while it was offline and is
    /// back, or one whose workload moved to another type.
    package borrowing func priceReporterSurplus(limit: Int) throws(StoreError) -> [SlotID] {
        try attempt("look up where several report prices") { transaction in
            try transaction.all(
                """
                SELECT id FROM (
                    SELECT slot.id AS id, row_number() OVER (
                        PARTITION BY slot.client_id, host.region, host.instance_type ORDER BY slot.id) AS place
                    FROM slot JOIN host ON host.slot_id = slot.id AND host.role = 'primary'
                    WHERE slot.deleted_at IS NULL AND slot.reports_prices = 1 AND host.is_offline = 0
                        AND host.abilities IS NULL
                        AND host.region IS NOT NULL AND host.instance_type IS NOT NULL)
                WHERE place > 1 ORDER BY id LIMIT ?
                """, limit
            ) { try $0.value(0) }
        }
    }
}
