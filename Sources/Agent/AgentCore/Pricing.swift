import JSON
import Wire

/// Asks what a type of machine costs: on the spot market in every zone, and on demand. What is not known stays absent.
struct Pricing: Errand {
    let type: InstanceType
    let region: Region
    /// For each of the two.
    let within: Duration
    /// Sorted by their names, so that the same answer makes the same report.
    private(set) var pools: [PoolPrice] = []
    private(set) var onDemand: JSONNumber?
    private var faults: [String] = []
    private var isAskingOnDemand = false

    init(_ type: InstanceType, _ region: Region, within: Duration) {
        self.type = type
        self.region = region
        self.within = within
    }

    func spot(_ zone: AvailabilityZone?) -> JSONNumber? { pools.first { $0.pool.zone == zone }?.price }

    mutating func go(on event: ErrandEvent, _ standing: Standing, _ turn: inout Turn) -> ErrandStep {
        guard case .answered(let answer) = event else { return .call(.spotPrices(type), within: within) }
        take(answer)
        if !isAskingOnDemand {
            isAskingOnDemand = true
            return .call(.onDemandPrice(type, region), within: within)
        }
        return faults.isEmpty ? .done("prices of \(type) are known") : .failed(faults.joined(separator: "; "))
    }

    private mutating func take(_ answer: Result<CloudAnswer, CloudFault>) {
        switch answer {
        case .success(.spotPrices(let found)) where !isAskingOnDemand:
            pools = Array(
                found.filter { $0.pool.instanceType == type }.sorted { $0.pool < $1.pool }.prefix(Limits.poolsMax))
            if pools.isEmpty { faults.append("EC2 tells no spot price of \(type)") }
        case .success(.onDemandPrice(let price)) where isAskingOnDemand:
            onDemand = price
            if price == nil { faults.append("the price list has no \(type) in \(region)") }
        case .success(let other): faults.append("\(CloudFault.mismatch(other))")
        case .failure(let fault): faults.append("\(fault)")
        }
    }
}

/// The duty of the one host that reports prices for its client, region and type.
struct PricesErrand: Errand {
    private var pricing: Pricing
    private let zone: AvailabilityZone

    /// Nil while the metadata service has not told enough.
    init?(_ facts: InstanceFacts) {
        guard let type = facts.instanceType, let zone = facts.zone else { return nil }
        // A pass that takes longer is of no use: the next one is due.
        pricing = Pricing(type, facts.region, within: .seconds(60))
        self.zone = zone
    }

    mutating func go(on event: ErrandEvent, _ standing: Standing, _ turn: inout Turn) -> ErrandStep {
        let step = pricing.go(on: event, standing, &turn)
        if case .end = step, pricing.onDemand != nil || !pricing.pools.isEmpty {
            let wall = turn.wall
            turn.report { .pricing(report($0, standing, at: wall)) }
        }
        return step
    }

    private func report(_ id: ReportID, _ standing: Standing, at wall: Timestamp) -> PricingReport {
        let facts = standing.facts
        let instance = PricedInstance(
            instance: facts.instance, instanceType: pricing.type, region: facts.region, zone: zone, mode: facts.mode,
            pool: facts.pool)
        var report = PricingReport(
            stamp: ReportStamp(report: id, instance: facts.instance, epoch: standing.epoch), instance: instance,
            pools: pricing.pools, collectedAt: wall)
        report.onDemandPrice = pricing.onDemand
        report.currentSpotPrice = pricing.spot(zone)
        report.cheapestPool = pricing.pools.min { $0.price < $1.price }
        return report
    }
}
