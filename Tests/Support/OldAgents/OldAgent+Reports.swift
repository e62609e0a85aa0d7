import JSON

// Prices and the clean-up; and the time as each writes it.
extension OldAgent {
    mutating func reportPrices(_ cloud: Cloud) {
        detectMode(cloud)
        let zone = machine(cloud)?.zone ?? ""
        let pool = "\(cloud.type).\(zone)"
        let body: OldValue =
            switch build {
            case .v5, .v5production: pricesOfFive(cloud.type, zone, pool)
            case .v3: pricesOfThree(cloud.type, zone, pool)
            default: pricesOfFour(cloud.type, zone, pool)
            }
        call("POST", path("pricing-report"), body) { agent, _, reply in
            agent.judge(reply) { agent, _ in agent.rest(.prices, 300) }
        }
    }

    private func priced(_ pool: String, _ zone: String, _ type: String) -> OldValue {
        ["pool_id": .text(pool), "instance_type": .text(type), "az": .text(zone), "price": .real("0.031")]
    }

    private func pricesOfThree(_ type: String, _ zone: String, _ pool: String) -> OldValue {
        [
            "instance": [
                "instance_id": .text(instance), "instance_type": .text(type), "region": .text(environment.region),
                "az": .text(zone), "current_mode": .text(mode), "current_pool_id": .text(pool),
            ],
            "on_demand_price": ["price": .real("0.096")], "spot_pools": [priced(pool, zone, type)],
        ]
    }

    private func pricesOfFour(_ type: String, _ zone: String, _ pool: String) -> OldValue {
        let isSpot = mode == "spot"
        return [
            "instance": [
                "instance_id": .text(instance), "instance_type": .text(type), "region": .text(environment.region),
                "az": .text(zone), "mode": .text(mode), "pool_id": isSpot ? .text(pool) : .none,
            ],
            "pricing": [
                "on_demand_price": .real("0.096"), "current_spot_price": isSpot ? .real("0.031") : .none,
                "cheapest_pool": isSpot ? ["pool_id": .text(pool), "price": .real("0.031")] : .none,
                "spot_pools": [priced(pool, zone, type)], "collected_at": .text(clock),
            ],
        ]
    }

    private func pricesOfFive(_ type: String, _ zone: String, _ pool: String) -> OldValue {
        [
            "agent_id": OldValue(agentID), "timestamp": .text(clock),
            "pricing_data_array": [
                [
                    "instance_type": .text(type), "az": .text(zone), "pool_id": .text(pool),
                    "spot_price": .real("0.031"), "timestamp": .text(clock),
                ],
                [
                    "instance_type": .text(type), "price_type": "ondemand",
                    "price": .real(build == .v5 ? "0.1" : "0.096"), "timestamp": .text(clock),
                ],
            ],
        ]
    }

    mutating func reportCleanup(_ cloud: Cloud) {
        // v4-sync compares times of two kinds as soon as there is something to compare.
        let hasImages = cloud.hasOwnImages
        func half(_ type: String, _ lists: [String]) -> OldValue {
            var fields: [String: OldValue] = ["type": .text(type), "failed": []]
            for list in lists { fields[list] = [] }
            if build == .sync && hasImages {
                fields["error"] = "can't compare offset-naive and offset-aware datetimes"
            } else {
                fields["cutoff_date"] = .text(clock)
            }
            return .object(fields)
        }
        let body: OldValue = [
            "timestamp": .text(clock), "snapshots": half("snapshots", ["deleted"]),
            "amis": half("amis", ["deleted_amis", "deleted_snapshots"]),
        ]
        call("POST", path("cleanup-report"), body) { agent, _, _ in agent.rest(.cleanup, 3_600) }
    }

    /// What the machine's clock says, in the form that this build writes.
    var clock: String {
        let time = epoch + now
        // Without a zone: they mean UTC.
        let text = time.description.prefix { $0 != "Z" }
        let precise = text.contains(".") ? text : text + ".000000"
        return build == .sync ? "\(precise)+00:00" : String(precise)
    }
}
