import XML

struct ElasticAddress: Sendable {
    let id: String
    let front: Front
    var instance: String?

    init(_ front: Front) {
        id = identifier("eipalloc", named: front.name)
        self.front = front
    }

    var publicAddress: String { front.address }
}

/// EC2's calls about elastic addresses. What comes in at one goes to whichever instance has it.
extension World {
    func describeAddresses(_ form: Form) throws(Refusal) -> [UInt8] {
        let ids = form.list("AllocationId")
        for id in ids { _ = try address(id) }
        let chosen = ids.isEmpty ? addresses : addresses.filter { ids.contains($0.id) }
        let found = try form.filtered(chosen, tags: { tags[$0.id] ?? [] }) { address, name in
            switch name {
            case "allocation-id": [address.id]
            case "public-ip": [address.publicAddress]
            case "instance-id": address.instance.map { [$0] } ?? []
            case "domain": ["vpc"]
            default: nil
            }
        }
        return response("DescribeAddressesResponse") { writer in
            writer.element("addressesSet") { set in
                for address in found {
                    set.element("item") { item in
                        item.element("publicIp", address.publicAddress)
                        item.element("allocationId", address.id)
                        item.element("domain", "vpc")
                        if let instance = address.instance {
                            item.element("instanceId", instance)
                            item.element("associationId", association(of: address))
                        }
                    }
                }
            }
        }
    }

    private func address(_ id: String) throws(Refusal) -> Int {
        guard let index = addresses.firstIndex(where: { $0.id == id }) else {
            throw .notFound("InvalidAllocationID", "allocation", id)
        }
        return index
    }

    private func association(of address: ElasticAddress) -> String { "eipassoc-\(address.id.dropFirst(9))" }

    mutating func associateAddress(_ form: Form) throws(Refusal) -> [UInt8] {
        let index = try address(form.need("AllocationId"))
        let id = try form.need("InstanceId")
        guard let instance = instances.first(where: { $0.id == id }) else {
            throw .notFound("InvalidInstanceID", "instance", id)
        }
        guard instance.state == .running || instance.state == .stopped else {
            throw Refusal(
                "IncorrectInstanceState", "Instance '\(id)' is not in a state that an address can be given to")
        }
        let holder = addresses[index].instance
        guard holder == nil || holder == id || form["AllowReassociation"] != "false" else {
            throw Refusal("Resource.AlreadyAssociated", "resource \(addresses[index].id) is already associated")
        }
        // An instance has one address: the one that it had is nobody's from now on.
        for other in addresses.indices where other != index && addresses[other].instance == id { release(other) }
        if holder != id {
            release(index)
            addresses[index].instance = id
            effects.append(.route(front: front(index), to: [endpoint(index, instance)]))
            tell(id, "has the address \(addresses[index].publicAddress)")
        }
        return response("AssociateAddressResponse") { writer in
            writer.element("return", "true")
            writer.element("associationId", association(of: addresses[index]))
        }
    }

    mutating func releaseAddresses(of instance: String) {
        for index in addresses.indices where addresses[index].instance == instance { release(index) }
    }

    /// Whoever is connected through it notices: packets go to the new machine, which does not know the connection.
    private mutating func release(_ index: Int) {
        guard let holder = instances.first(where: { $0.id == addresses[index].instance }) else { return }
        addresses[index].instance = nil
        effects.append(.route(front: front(index), to: []))
        effects.append(.cut(front: front(index), endpoint(index, holder)))
    }

    private func front(_ index: Int) -> FrontID { .address(addresses[index].front.name) }
    private func endpoint(_ index: Int, _ instance: Instance) -> Endpoint {
        Endpoint(address: instance.address, port: addresses[index].front.targetPort)
    }
}
