import Wire

/// Asks EC2 what a machine like this one needs, and where there is a network for it.
struct Planning: Sendable {
    private enum Stage: Sendable {
        case describing
        case reading(CloudInstance)
        case locating(CloudInstance, userData: String)
        case listing(CloudInstance, userData: String)
        case planned(LaunchPlan)
    }

    let wish: LaunchWish
    private var stage = Stage.describing

    init(_ wish: LaunchWish) { self.wish = wish }

    var plan: LaunchPlan? { if case .planned(let plan) = stage { plan } else { nil } }

    /// Nil when there is a plan.
    mutating func go(on event: ErrandEvent, _ standing: Standing) -> ErrandStep? {
        let own = standing.facts.instance
        guard case .answered(let answer) = event else {
            stage = .describing
            return .call(.describeInstances([own]), within: .seconds(60))
        }
        switch (stage, answer) {
        case (.planned, _): return nil
        case (_, .failure(let fault)): return .failed("find out what \(own) is made of: \(fault)")
        case (.describing, .success(.instances(let found))):
            guard let model = found.first(where: { $0.id == own }) else {
                return .failed("find out what \(own) is made of: EC2 does not know it")
            }
            stage = .reading(model)
            return .call(.userData(of: own), within: .seconds(60))
        case (.reading(let model), .success(.userData(let userData))):
            let volumes = standing.options.takeOver.volumes.map(\.id)
            guard !volumes.isEmpty else { return list(model, userData, in: wish.pool?.zone) }
            stage = .locating(model, userData: userData)
            return .call(.volumes(volumes), within: .seconds(60))
        case (.locating(let model, let userData), .success(.volumes(let found))):
            return follow(found, model, userData)
        case (.listing(let model, let userData), .success(.subnets(let subnets))):
            return settle(model, userData, subnets)
        case (_, .success(let other)): return .failed("find out what \(own) is made of: \(CloudFault.mismatch(other))")
        }
    }

    /// A volume is of use in its own zone alone.
    private mutating func follow(
        _ volumes: [CloudAnswer.Volume], _ model: CloudInstance, _ userData: String
    ) -> ErrandStep? {
        guard let volume = volumes.first else { return list(model, userData, in: wish.pool?.zone) }
        if let other = volumes.first(where: { $0.zone != volume.zone }) {
            return .failed("the data volumes \(volume.id) and \(other.id) are in two zones: no machine can have both")
        }
        guard let zone = volume.zone else { return list(model, userData, in: wish.pool?.zone) }
        if let pool = wish.pool, pool.zone != zone {
            return .failed("the data volume \(volume.id) is in \(zone): no machine of \(pool) can have it")
        }
        return list(model, userData, in: zone)
    }

    private mutating func list(
        _ model: CloudInstance, _ userData: String, in zone: AvailabilityZone?
    ) -> ErrandStep? {
        guard let network = model.network else { return settle(model, userData, []) }
        stage = .listing(model, userData: userData)
        return .call(.subnets(network: network, zone: zone), within: .seconds(60))
    }

    private mutating func settle(
        _ model: CloudInstance, _ userData: String, _ subnets: [CloudAnswer.Subnet]
    ) -> ErrandStep? {
        stage = .planned(LaunchPlan(wish, like: model, userData: userData, subnets: subnets))
        return nil
    }
}
