import AgentCore
package import Wire

/// What was so from a time on, for looks that are behind the truth.
package struct History<Value: Sendable>: Sendable {
    private var values: [(at: Duration, value: Value)]

    package init(_ value: Value) { values = [(.seconds(-1_000_000_000), value)] }

    mutating func note(_ value: Value, at now: Duration) { values.append((now, value)) }

    func value(at time: Duration) -> Value {
        (values.last { $0.at <= time } ?? values[0]).value
    }
    package var newest: Value { values[values.count - 1].value }
}

extension PretendCloud {
    /// An elastic IP. It is at one machine, or at none.
    package struct StoredAddress: Sendable {
        package var publicAddress: String
        package var instance: History<InstanceID?>
    }

    package mutating func add(
        address id: ResourceID, _ publicAddress: String = "198.51.100.7", at instance: InstanceID?
    ) {
        addresses[id] = StoredAddress(publicAddress: publicAddress, instance: History(instance))
    }

    package func holder(ofAddress id: ResourceID) -> InstanceID? { addresses[id]?.instance.newest }

    func describe(address id: ResourceID, at now: Duration) -> Result<CloudAnswer, CloudFault> {
        guard let stored = addresses[id] else { return unknown(id.text) }
        let holder = stored.instance.value(at: now - showsAfter).flatMap { mayHold($0, at: now) ? $0 : nil }
        return .success(.address(CloudAnswer.Address(publicAddress: stored.publicAddress, instance: holder)))
    }

    mutating func move(
        _ id: ResourceID, to instance: InstanceID, at now: Duration
    ) -> Result<CloudAnswer, CloudFault> {
        guard addresses[id] != nil else { return unknown(id.text) }
        guard mayHold(instance, at: now) else { return unknown(instance.text) }
        addresses[id]?.instance.note(instance, at: now)
        return .success(.done)
    }

    /// A machine that has ended has nothing any more.
    func mayHold(_ id: InstanceID, at now: Duration) -> Bool {
        guard let machine = machines.first(where: { $0.instance.id == id }) else { return false }
        return state(of: machine, at: now).state != .terminated
    }
}
