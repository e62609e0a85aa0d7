import XML

/// ELB's calls about target groups.
extension World {
    private func group(_ arn: String) throws(Refusal) -> Int {
        guard let index = groups.firstIndex(where: { $0.arn == arn }) else {
            throw Refusal("TargetGroupNotFound", "Target groups '\(arn)' not found")
        }
        return index
    }

    func describeTargetGroups(_ form: Form) throws(Refusal) -> [UInt8] {
        let arns = form.list("TargetGroupArns.member")
        let names = form.list("Names.member")
        for arn in arns { _ = try group(arn) }
        for name in names where !groups.contains(where: { $0.front.name == name }) {
            throw Refusal("TargetGroupNotFound", "Target groups '\(name)' not found")
        }
        let isAll = arns.isEmpty && names.isEmpty
        let found = groups.filter { isAll || arns.contains($0.arn) || names.contains($0.front.name) }
        return result("DescribeTargetGroupsResponse", "DescribeTargetGroupsResult") { writer in
            writer.element("TargetGroups") { list in
                for group in found {
                    list.element("member") { member in
                        member.element("TargetGroupArn", group.arn)
                        member.element("TargetGroupName", group.front.name)
                        member.element("Protocol", "TCP")
                        member.element("Port", "\(group.front.targetPort)")
                        member.element("TargetType", "instance")
                        member.element("HealthCheckProtocol", "TCP")
                        member.element("HealthCheckIntervalSeconds", "\(TargetGroup.interval.components.seconds)")
                        member.element("HealthyThresholdCount", "\(TargetGroup.threshold)")
                        member.element("UnhealthyThresholdCount", "\(TargetGroup.threshold)")
                    }
                }
            }
        }
    }

    func describeTargetHealth(_ form: Form) throws(Refusal) -> [UInt8] {
        let group = groups[try group(form.need("TargetGroupArn"))]
        let asked = try form.targets(isNeeded: false)
        let found = asked.isEmpty ? group.members.map { ($0.id, Optional($0.endpoint.port)) } : asked
        return result("DescribeTargetHealthResponse", "DescribeTargetHealthResult") { writer in
            writer.element("TargetHealthDescriptions") { list in
                for (id, port) in found {
                    list.element("member") { member in
                        member.element("Target") { target in
                            target.element("Id", id)
                            target.element("Port", "\(port ?? group.front.targetPort)")
                        }
                        member.element("TargetHealth") { write(health(of: id, port, in: group), to: &$0) }
                    }
                }
            }
        }
    }

    func health(of id: String, _ port: Int?, in group: TargetGroup) -> (state: String, reason: String?) {
        let port = port ?? group.front.targetPort
        guard let member = group.members.first(where: { $0.id == id && $0.endpoint.port == port }) else {
            return ("unused", "Target.NotRegistered")
        }
        if isStopped(member), member.drainEnd == nil { return ("unused", "Target.InvalidState") }
        switch member.health {
        case .initial: return ("initial", "Elb.RegistrationInProgress")
        case .healthy: return ("healthy", nil)
        case .unhealthy: return ("unhealthy", "Target.FailedHealthChecks")
        case .draining: return ("draining", "Target.DeregistrationInProgress")
        }
    }

    /// Whoever only begins to end is sent traffic until its probes fail, as by ELB.
    private func isStopped(_ member: TargetGroup.Member) -> Bool {
        instances.contains { $0.id == member.id && $0.state == .stopped }
    }

    mutating func route(_ group: Int) {
        let fit = groups[group].members.filter { $0.health == .healthy && !isStopped($0) }
        effects.append(.route(front: groups[group].id, to: fit.map(\.endpoint)))
    }

    private func write(_ health: (state: String, reason: String?), to writer: inout XMLWriter) {
        writer.element("State", health.state)
        if let reason = health.reason { writer.element("Reason", reason) }
    }

    mutating func registerTargets(_ form: Form, at now: Moment) throws(Refusal) -> [UInt8] {
        let index = try group(form.need("TargetGroupArn"))
        try register(form.targets(), in: index, at: now)
        return result("RegisterTargetsResponse", "RegisterTargetsResult") { _ in }
    }

    /// All of them or none.
    mutating func register(_ targets: [(id: String, port: Int?)], in index: Int, at now: Moment) throws(Refusal) {
        let group = groups[index]
        var added: [TargetGroup.Member] = []
        for (id, port) in targets {
            let place = Endpoint(address: try addressOfTarget(id), port: port ?? group.front.targetPort)
            let isMember = group.members.contains { $0.endpoint == place && $0.health != .draining }
            guard !isMember, !added.contains(where: { $0.endpoint == place }) else { continue }
            added.append(TargetGroup.Member(id: id, endpoint: place, nextProbe: now.time))
        }
        let staying = group.members.filter { member in !added.contains { $0.endpoint == member.endpoint } }
        guard staying.count + added.count <= TargetGroup.membersMax else {
            throw Refusal("TooManyTargets", "The target group takes \(TargetGroup.membersMax) targets")
        }
        groups[index].members = staying + added
        for member in added { tell(nil, "target \(member.id) of \(group.front.name) is initial") }
        wakeGroups(at: now)
    }

    private func addressOfTarget(_ id: String) throws(Refusal) -> String {
        if let address = IPv4(id) {
            guard address.isPrivate else { throw Refusal("InvalidTarget", "The address \(id) is not a private one") }
            return id
        }
        guard let instance = instances.first(where: { $0.id == id }), instance.state == .running else {
            throw Refusal("InvalidTarget", "The following targets are not in a running state: '\(id)'")
        }
        return instance.address
    }

    mutating func deregisterTargets(_ form: Form, at now: Moment) throws(Refusal) -> [UInt8] {
        let index = try group(form.need("TargetGroupArn"))
        deregister(try form.targets(), from: index, at: now)
        return result("DeregisterTargetsResponse", "DeregisterTargetsResult") { _ in }
    }

    mutating func deregister(_ targets: [(id: String, port: Int?)], from index: Int, at now: Moment) {
        for (id, port) in targets {
            let port = port ?? groups[index].front.targetPort
            for member in groups[index].members.indices
            where groups[index].members[member].id == id && groups[index].members[member].endpoint.port == port {
                drain(index, member, at: now)
            }
        }
    }

    private mutating func drain(_ group: Int, _ member: Int, at now: Moment) {
        guard groups[group].members[member].health != .draining else { return }
        groups[group].members[member].health = .draining
        groups[group].members[member].drainEnd = now.time + rules.drainTime
        route(group)
        effects.append(.drain(front: groups[group].id, groups[group].members[member].endpoint))
        tell(nil, "target \(groups[group].members[member].id) of \(groups[group].front.name) is draining")
    }
}

extension Form {
    /// `Targets.member.1.Id` and its port: one at least, unless none is needed.
    fileprivate func targets(isNeeded: Bool = true) throws(Refusal) -> [(id: String, port: Int?)] {
        var targets: [(id: String, port: Int?)] = []
        while targets.count < TargetGroup.membersMax, let id = values["Targets.member.\(targets.count + 1).Id"] {
            let text = self["Targets.member.\(targets.count + 1).Port"]
            let port = text.flatMap { Int($0) }
            guard text == nil || port.map({ (1...65_535).contains($0) }) ?? false else {
                throw Refusal("ValidationError", "'\(text ?? "")' is no port: expected 1 to 65535")
            }
            targets.append((id, port))
        }
        guard !targets.isEmpty || !isNeeded else { throw .missing("Targets") }
        return targets
    }
}

/// An answer of ELB: its content stands in an element of its own.
private func result(_ name: StaticString, _ inner: StaticString, _ body: (inout XMLWriter) -> Void) -> [UInt8] {
    document(name) { writer in
        writer.element(inner, body)
        writer.element("ResponseMetadata") { $0.element("RequestId", requestID) }
    }
}
