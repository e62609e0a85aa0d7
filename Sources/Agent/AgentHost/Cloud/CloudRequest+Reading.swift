import AgentCore
import JSON
import Wire
import XML

extension CloudRequest {
    /// What the pages of the answer say together.
    func read(_ pages: [CloudPage]) throws(UnreadableAnswer) -> CloudAnswer {
        switch self {
        case .describeInstances, .findInstances:
            .instances(
                try items(pages, "reservationSet").flatMap { $0["instancesSet"]?.children(named: "item") ?? [] }
                    .reading(CloudInstance.init))
        case .userData: .userData(try only(pages).first("userData", "value")?.text ?? "")
        case .subnets: .subnets(try items(pages, "subnetSet").reading(CloudAnswer.Subnet.init))
        case .run: .launched(try CloudInstance(firstItem(pages, "instancesSet")))
        case .terminate: .terminating(try firstItem(pages, "instancesSet").state("currentState"))
        case .createImage: .imageCreated(try only(pages).need("imageId"))
        case .image, .findImages: .images(try items(pages, "imagesSet").reading(CloudAnswer.Image.init))
        case .findSnapshots: .snapshots(try items(pages, "snapshotSet").reading(CloudAnswer.Snapshot.init))
        case .tag, .deregisterImage, .deleteSnapshot, .moveAddress, .attachVolume, .detachVolume, .registerTarget,
            .deregisterTarget:
            try done(pages)
        case .spotPrices(let type): .spotPrices(try newestPrices(items(pages, "spotPriceHistorySet"), of: type))
        case .onDemandPrice(_, let region): .onDemandPrice(try PriceList.price(in: pages, region))
        case .address:
            .address(CloudAnswer.Address(try firstItem(pages, "addressesSet")))
        case .volumes: .volumes(try items(pages, "volumeSet").reading(CloudAnswer.Volume.init))
        case .targetGroup: .targetGroup(try CloudAnswer.HealthCheck(firstMember(pages, "TargetGroups")))
        case .targetHealth: .targetHealth(try CloudAnswer.TargetHealth(firstMember(pages, "TargetHealthDescriptions")))
        case .may(let request) where !request.changesSomething: try allowed(pages)
        case .may:
            throw UnreadableAnswer("it did not say whether we may, as if it had been asked to do it")
        }
    }

    /// What only reads was read in place of a trial, which proves as much.
    private func allowed(_ pages: [CloudPage]) throws(UnreadableAnswer) -> CloudAnswer {
        _ = try only(pages)
        return .allowed
    }

    private func answers(_ pages: [CloudPage]) throws(UnreadableAnswer) -> [XMLElement] {
        var answers: [XMLElement] = []
        for page in pages {
            guard case .query(let answer) = page, answer.name.hasSuffix("Response") else {
                throw UnreadableAnswer("it is no answer of a query API")
            }
            answers.append(answer)
        }
        return answers
    }

    func only(_ pages: [CloudPage]) throws(UnreadableAnswer) -> XMLElement {
        guard let answer = try answers(pages).first else { throw UnreadableAnswer("it has no page") }
        return answer
    }

    /// A set without anything in it may be an empty element; one that is not there is another answer.
    private func items(_ pages: [CloudPage], _ name: String) throws(UnreadableAnswer) -> [XMLElement] {
        var items: [XMLElement] = []
        for answer in try answers(pages) {
            guard let set = answer[name] else { throw UnreadableAnswer("\(answer.name) has no \(name)") }
            items += set.children(named: "item")
        }
        return items
    }

    private func firstItem(_ pages: [CloudPage], _ name: String) throws(UnreadableAnswer) -> XMLElement {
        guard let item = try items(pages, name).first else { throw UnreadableAnswer("\(name) is empty") }
        return item
    }

    /// Not every action confirms in so many words what its status says.
    private func done(_ pages: [CloudPage]) throws(UnreadableAnswer) -> CloudAnswer {
        guard try only(pages)["return"]?.text ?? "true" == "true" else {
            throw UnreadableAnswer("it does not say that it did it")
        }
        return .done
    }

    /// One price for each zone. A zone can have one for each of the two names of Linux.
    private func newestPrices(_ items: [XMLElement], of type: InstanceType) -> [PoolPrice] {
        var newest: [AvailabilityZone: (at: Timestamp, price: JSONNumber)] = [:]
        for item in items {
            // A zone that we cannot name, or a price that is none, is left out: the others are good.
            guard let zone: AvailabilityZone = item.identifier("availabilityZone"),
                let price = item["spotPrice"].flatMap({ JSONNumber($0.text) }), price > JSONNumber(0)
            else { continue }
            let at = item.time("timestamp") ?? .earliest
            if let known = newest[zone], known.at >= at { continue }
            newest[zone] = (at, price)
        }
        return newest.keys.sorted().compactMap { zone in
            newest[zone].map { PoolPrice(pool: PoolID(type, zone), price: $0.price) }
        }
    }
}

extension [XMLElement] {
    fileprivate func reading<Value>(
        _ read: (XMLElement) throws(UnreadableAnswer) -> Value
    ) throws(UnreadableAnswer) -> [Value] {
        var values: [Value] = []
        for element in self { values.append(try read(element)) }
        return values
    }
}

extension CloudInstance {
    fileprivate init(_ item: XMLElement) throws(UnreadableAnswer) {
        self.init(id: try item.need("instanceId"), state: try item.state("instanceState"))
        stateReason = item.first("stateReason", "code")?.text
        instanceType = item.identifier("instanceType")
        zone = item["placement"]?.identifier("availabilityZone")
        image = item.identifier("imageId")
        mode = item["instanceLifecycle"]?.text == "spot" ? .spot : .ondemand
        network = item.identifier("vpcId")
        subnet = item.identifier("subnetId")
        securityGroups = (item["groupSet"]?.children(named: "item") ?? []).compactMap { $0.identifier("groupId") }
        profile = item.first("iamInstanceProfile", "arn").flatMap { $0.text.isEmpty ? nil : $0.text }
        keyName = item["keyName"].flatMap { $0.text.isEmpty ? nil : $0.text }
        tags = (item["tagSet"]?.children(named: "item") ?? []).compactMap { tag in
            tag["key"].map { CloudRequest.Tag($0.text, tag["value"]?.text ?? "") }
        }
    }
}

extension CloudAnswer.Subnet {
    fileprivate init(_ item: XMLElement) throws(UnreadableAnswer) {
        self.init(
            id: try item.need("subnetId"), zone: try item.need("availabilityZone"),
            freeAddresses: item["availableIpAddressCount"].flatMap { Int($0.text) } ?? 0)
    }
}

extension CloudAnswer.Image {
    fileprivate init(_ item: XMLElement) throws(UnreadableAnswer) {
        let word = item["imageState"]?.text ?? ""
        let state: State =
            switch word {
            case "available": .available
            case "pending", "transient": .pending
            default: .failed(item.first("stateReason", "message")?.text ?? "it is \(word.isEmpty ? "nowhere" : word)")
            }
        self.init(id: try item.need("imageId"), state: state, createdAt: item.time("creationDate"))
        snapshots = (item["blockDeviceMapping"]?.children(named: "item") ?? []).compactMap {
            $0["ebs"]?.identifier("snapshotId")
        }
    }
}

extension CloudAnswer.Snapshot {
    fileprivate init(_ item: XMLElement) throws(UnreadableAnswer) {
        self.init(
            id: try item.need("snapshotId"), isCompleted: item["status"]?.text == "completed",
            startedAt: item.time("startTime"))
    }
}

extension XMLElement {
    /// What the child of that name names; nil when there is none, or one that cannot be.
    func identifier<Kind: IdentifierKind>(_ name: String) -> Identifier<Kind>? {
        self[name].flatMap { try? Identifier<Kind>($0.text) }
    }

    func need<Kind: IdentifierKind>(_ name: String) throws(UnreadableAnswer) -> Identifier<Kind> {
        guard let child = self[name] else { throw UnreadableAnswer("\(self.name) has no \(name)") }
        do { return try Identifier<Kind>(child.text) } catch {
            throw UnreadableAnswer("\(name): \(error), found \(child.text.prefix(64))")
        }
    }

    fileprivate func time(_ name: String) -> Timestamp? {
        self[name].flatMap { Timestamp(rfc3339: $0.text, withoutZone: .meansUTC) }
    }

    fileprivate func state(_ name: String) throws(UnreadableAnswer) -> InstanceState {
        let word = first(name, "name")?.text ?? ""
        guard let state = InstanceState(rawValue: word) else {
            throw UnreadableAnswer("\(name) is no state of an instance: \(word.prefix(64))")
        }
        return state
    }
}
