package import JSON

/// `POST /api/agents/{agent_id}/pricing-report`: what capacity costs now, in dollars an hour.
///
/// A price that is not known is absent, never invented. Numbers keep the text that AWS gave.
package struct PricingReport: WireObject {
    package var stamp: ReportStamp
    package var instance: PricedInstance
    package var onDemandPrice: JSONNumber?
    package var currentSpotPrice: JSONNumber?
    package var cheapestPool: PoolPrice?
    package var pools: [PoolPrice]
    package var collectedAt: Timestamp

    package init(stamp: ReportStamp, instance: PricedInstance, pools: [PoolPrice], collectedAt: Timestamp) {
        self.stamp = stamp
        self.instance = instance
        self.pools = pools
        self.collectedAt = collectedAt
    }

    package init(_ fields: Fields) throws(JSONError) {
        stamp = try ReportStamp(fields)
        instance = try fields.need("instance")
        let pricing = try fields.needObject("pricing")
        onDemandPrice = try pricing.price("on_demand_price")
        currentSpotPrice = try pricing.price("current_spot_price")
        cheapestPool = try pricing.maybe("cheapest_pool")
        pools = try pricing.list("spot_pools", upTo: Limits.poolsMax)
        collectedAt = try pricing.need("collected_at")
    }

    package func write(_ fields: inout FieldWriter) {
        stamp.write(&fields)
        fields.put("instance", instance)
        fields.putObject("pricing") { pricing in
            pricing.put("on_demand_price", onDemandPrice)
            pricing.put("current_spot_price", currentSpotPrice)
            pricing.put("cheapest_pool", cheapestPool)
            pricing.put("spot_pools", pools)
            pricing.put("collected_at", collectedAt)
        }
    }
}

/// The instance for whose type the prices were asked.
package struct PricedInstance: WireObject {
    package var instance: InstanceID
    package var instanceType: InstanceType
    package var region: Region
    package var zone: AvailabilityZone
    package var mode: Mode?
    /// Where the instance was bought; nil on demand.
    package var pool: PoolID?

    package init(
        instance: InstanceID, instanceType: InstanceType, region: Region, zone: AvailabilityZone, mode: Mode?,
        pool: PoolID? = nil
    ) {
        self.instance = instance
        self.instanceType = instanceType
        self.region = region
        self.zone = zone
        self.mode = mode
        self.pool = pool
    }

    package init(_ fields: Fields) throws(JSONError) {
        instance = try fields.need("instance_id")
        instanceType = try fields.need("instance_type")
        region = try fields.need("region")
        zone = try fields.need("az")
        mode = try fields.known("mode")
        pool = try fields.maybe("pool_id")
    }

    package func write(_ fields: inout FieldWriter) {
        fields.put("instance_id", instance)
        fields.put("instance_type", instanceType)
        fields.put("region", region)
        fields.put("az", zone)
        fields.put("mode", mode)
        fields.put("pool_id", pool)
    }
}

/// One pool's price. Type and zone are in the pool's id; they are written beside it for readers of the original form.
package struct PoolPrice: WireObject {
    package var pool: PoolID
    package var price: JSONNumber

    package init(pool: PoolID, price: JSONNumber) {
        self.pool = pool
        self.price = price
    }

    package init(_ fields: Fields) throws(JSONError) {
        pool = try fields.need("pool_id")
        price = try fields.needPrice("price")
    }

    package func write(_ fields: inout FieldWriter) {
        fields.put("pool_id", pool)
        fields.put("instance_type", pool.instanceType)
        fields.put("az", pool.zone)
        fields.put("price", price)
    }
}
