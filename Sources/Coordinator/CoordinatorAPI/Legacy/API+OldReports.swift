import CoordinatorHeart
import HTTPServer
import JSON
import Wire

// Prices, switches and clean-ups in the forms that old hosts give them.
extension API {
    func oldPrices(_ old: OldVisit) {
        let instance = old.body.part("instance")
        guard let line = old.speaker(named: instance.name("instance_id") ?? old.body.name("instance_id")) else {
            return old.answerStale()
        }
        if old.isSlowed(line) { return }
        learnMode(from: instance, line)
        let reports = PricingReport.all(in: old.body, of: line.instance, at: heart.wall)
        guard let last = reports.last else { return old.answer { $0.field("message", "no price was understood") } }
        for report in reports.dropLast() { heart.take(report, on: line) { _ in } }
        let understood = reports.reduce(0) { $0 + $1.pools.count + ($1.onDemandPrice == nil ? 0 : 1) }
        old.later({ heart.take(last, on: line, answer: $0) }) { reply in
            .old {
                $0.field("outcome", reply.outcome)
                $0.field("prices", understood)
            }
        }
    }

    /// One program tells nowhere else how its machine is paid for.
    private func learnMode(from instance: OldBody, _ line: Line) {
        guard let mode: Mode = instance.word("current_mode", "mode") else { return }
        var heartbeat = Heartbeat(status: .online, instance: line.instance)
        heartbeat.mode = mode
        if case .news = heart.hear(heartbeat, on: line, wait: .zero) { heart.decide(heartbeat, on: line) { _ in } }
    }

    func oldSwitch(_ old: OldVisit) {
        guard old.body.flag("success") != false else { return old.answerStale() }
        guard let report = SwitchReport(old.body, at: heart.wall) else { return refuseMachine(old) }
        guard let line = old.speaker(named: report.stamp.instance) else { return old.answerStale() }
        old.report { heart.take(report, on: line, answer: $0) }
    }

    func oldCleanup(_ old: OldVisit) {
        guard let line = old.speaker else { return old.answerStale() }
        if old.isSlowed(line) { return }
        let time = old.body.time("timestamp") ?? heart.wall
        let (snapshots, images) = (old.body.part("snapshots"), old.body.part("amis"))
        var report = CleanupReport(
            stamp: .old(time, "cleanup", line.instance), timestamp: time,
            snapshots: CleanupReport.Pass(snapshots, deletedAs: "deleted"),
            images: CleanupReport.Pass(images, deletedAs: "deleted_amis"))
        report.imageSnapshots = images.names("deleted_snapshots", upTo: Limits.cleanedMax)
        let removed = report.snapshots.deleted.count + report.imageSnapshots.count
        let (deletedImages, failed) = (
            report.images.deleted.count, report.images.failed.count + report.snapshots.failed.count
        )
        old.later({ [report] in heart.take(report, on: line, answer: $0) }) { _ in
            .old {
                $0.field("message", "noted: \(removed) snapshots and \(deletedImages) images were removed")
                $0.field("deleted_snapshots", removed)
                $0.field("deleted_amis", deletedImages)
                $0.field("failed_count", failed)
            }
        }
    }
}

extension CleanupReport.Pass {
    fileprivate init(_ body: OldBody, deletedAs name: String) {
        self.init()
        deleted = body.names(name, upTo: Limits.cleanedMax)
        failed = body.parts("failed", upTo: Limits.failuresMax).compactMap { failure in
            failure.name("id").map { CleanupReport.Failure(id: $0, error: failure.text("error") ?? "") }
        }
        cutoff = body.time("cutoff_date")
        error = body.text("error")
    }
}

// MARK: Prices

extension PricingReport {
    /// One report for each type of machine: one form has the host's own alone, the other every type that it saw.
    static func all(in body: OldBody, of instance: InstanceID, at now: Timestamp) -> [PricingReport] {
        let entries = body.parts("pricing_data_array", upTo: Limits.poolsMax)
        if !entries.isEmpty { return all(in: entries, of: instance, at: body.time("timestamp") ?? now) }
        return PricingReport(body, of: instance, at: now).map { [$0] } ?? []
    }

    private init?(_ body: OldBody, of instance: InstanceID, at now: Timestamp) {
        let nested = body.part("instance")
        let machine = nested.has("instance_id") ? nested : body
        let pricing = body.has("pricing") ? body.part("pricing") : body
        let pools = pricing.parts("spot_pools", upTo: Limits.poolsMax).compactMap { PoolPrice($0) }
        guard let type: InstanceType = machine.name("instance_type"), let zone: AvailabilityZone = machine.name("az"),
            let region = machine.name("region") ?? zone.region
        else { return nil }
        let time = pricing.time("collected_at") ?? now
        self.init(
            stamp: .old(time, "prices", instance),
            instance: PricedInstance(
                instance: instance, instanceType: type, region: region, zone: zone,
                mode: machine.word("mode", "current_mode"), pool: machine.pool("pool_id", "current_pool_id")),
            pools: pools, collectedAt: time)
        let onDemand = body.part("on_demand_price").price("price") ?? pricing.price("on_demand_price")
        onDemandPrice = onDemand.flatMap { isInvented($0, besides: pools) ? nil : $0 }
        currentSpotPrice = pricing.price("current_spot_price")
        cheapestPool = PoolPrice(pricing.part("cheapest_pool"))
    }

    private static func all(
        in entries: [OldBody], of instance: InstanceID, at time: Timestamp
    ) -> [PricingReport] {
        var pools: [InstanceType: [PoolPrice]] = [:]
        var onDemand: [InstanceType: JSONNumber] = [:]
        for entry in entries {
            guard let type: InstanceType = entry.name("instance_type") else { continue }
            if let price = PoolPrice(entry) { pools[type, default: []].append(price) }
            if entry.text("price_type") == "ondemand" { onDemand[type] = entry.price("price") }
        }
        // In an order that is the same in every process.
        return pools.sorted { $0.key < $1.key }.prefix(typesMax).compactMap { type, pools in
            guard let zone = pools.first?.pool.zone, let region = zone.region else { return nil }
            var report = PricingReport(
                stamp: .old(time, "prices-\(type)", instance),
                instance: PricedInstance(
                    instance: instance, instanceType: type, region: region, zone: zone, mode: nil),
                pools: pools, collectedAt: time)
            report.onDemandPrice = onDemand[type].flatMap { isInvented($0, besides: pools) ? nil : $0 }
            return report
        }
    }

    /// Each is a report of its own. More types than anybody runs in one region.
    private static let typesMax = 128
}

/// What old hosts put where they found no price on demand: always the same, or three times the mean of the pools.
private func isInvented(_ price: JSONNumber, besides pools: [PoolPrice]) -> Bool {
    guard let value = price.double, value != 0.1 else { return true }
    let known = pools.compactMap(\.price.double)
    guard !known.isEmpty else { return false }
    let mean = known.reduce(0, +) / Double(known.count)
    return abs(value - 3 * mean) <= 1e-9 * value
}

extension PoolPrice {
    fileprivate init?(_ body: OldBody) {
        guard let pool = body.pool("pool_id"), let price = body.price("price", "spot_price") else { return nil }
        self.init(pool: pool, price: price)
    }
}

// MARK: Switches

extension SwitchReport {
    /// Nil without the names of two machines. The same two are the same switch, however often it is told of.
    fileprivate init?(_ body: OldBody, at now: Timestamp) {
        let (oldPart, newPart) = (body.part("old_instance"), body.part("new_instance"))
        let names: (InstanceID?, InstanceID?) = (
            oldPart.name("instance_id") ?? body.name("old_instance_id"),
            newPart.name("instance_id") ?? body.name("new_instance_id")
        )
        guard let old = names.0, let new = names.1, let report = try? ReportID("\(old)-\(new)") else { return nil }
        let trigger: Trigger? = body.word("trigger")
        self.init(
            stamp: ReportStamp(report: report, instance: old), oldInstance: SwitchedInstance(old, oldPart),
            newInstance: SwitchedInstance(new, newPart),
            timing: SwitchTiming(body.has("timing") ? body.part("timing") : body, at: now), trigger: trigger ?? .manual)
        image = body.part("snapshot").name("ami_id")
        let prices = body.has("prices") ? body.part("prices") : body.part("pricing")
        onDemandPrice = prices.price("on_demand")
        oldSpotPrice = prices.price("old_spot")
        newSpotPrice = prices.price("new_spot")
    }
}

extension SwitchedInstance {
    fileprivate init(_ instance: InstanceID, _ body: OldBody) {
        self.init(instance: instance)
        instanceType = body.name("instance_type")
        region = body.name("region")
        zone = body.name("az")
        image = body.name("ami_id")
        mode = body.word("mode")
        pool = body.pool("pool_id")
    }
}

extension SwitchTiming {
    fileprivate init(_ body: OldBody, at now: Timestamp) {
        self.init(initiatedAt: body.time("switch_initiated_at", "initiated_at") ?? now)
        imageCreatedAt = body.time("ami_created_at")
        launchedAt = body.time("new_instance_launched_at", "instance_launched_at")
        readyAt = body.time("new_instance_ready_at", "instance_ready_at")
        trafficSwitchedAt = body.time("traffic_switched_at")
        oldTerminatedAt = body.time("old_instance_terminated_at", "old_terminated_at")
    }
}
