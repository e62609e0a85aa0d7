import JSON

/// The calls of EC2, of the balancers and of the price list that our programs make, and no others.
extension World {
    mutating func takeCall(_ question: Question, at now: Moment) -> Fate {
        guard let (service, action, form) = call(of: question) else {
            let refusal = Refusal("MalformedQueryString", "The request is no call: it needs an Action")
            return .reply(refusal.reply(from: .ec2))
        }
        if let refusal = service.refusal(question.signer) { return .reply(refusal.reply(from: service)) }
        let fault = faults.meet(.call(action: action), at: now.time)
        var delay = Duration.zero
        switch fault {
        case nil: break
        case .slow(let time): delay = time
        case .throttle: return .reply(service.throttled.reply(from: service))
        case .error(let code): return .reply(Refusal.wanted(code).reply(from: service))
        case .hang: return .hang
        case .drop: return .drop
        }
        do throws(Refusal) {
            let body = try perform(action, of: service, form, question.body, at: now)
            let type = service == .priceList ? "application/x-amz-json-1.1" : "text/xml;charset=UTF-8"
            return .reply(Reply(200, body, type: type), after: delay)
        } catch { return .reply(error.reply(from: service), after: delay) }
    }

    private func call(of question: Question) -> (Service, action: String, Form)? {
        if let target = question.headers["x-amz-target"], let form = Form([]) {
            return (.priceList, String(target.split(separator: ".").last ?? ""), form)
        }
        guard let form = Form(question.body), let action = form["Action"] else { return nil }
        return (Service.balancing.contains(action) ? .elb : .ec2, action, form)
    }

    private mutating func perform(
        _ action: String, of service: Service, _ form: Form, _ body: [UInt8], at now: Moment
    ) throws(Refusal) -> [UInt8] {
        switch service {
        case .priceList:
            guard action == "GetProducts" else { throw unknown(action) }
            return try priceList(body)
        case .elb: return try balance(action, form, at: now)
        case .ec2:
            if form["DryRun"] == "true" {
                let message = "Request would have succeeded, but DryRun flag is set."
                throw Refusal("DryRunOperation", message, status: 412)
            }
            return try compute(action, form, at: now)
        }
    }

    private mutating func compute(_ action: String, _ form: Form, at now: Moment) throws(Refusal) -> [UInt8] {
        switch action {
        case "DescribeInstances": try describeInstances(form, at: now)
        case "RunInstances": try runInstances(form, at: now)
        case "TerminateInstances": try terminateInstances(form, at: now)
        case "DescribeInstanceAttribute": try describeInstanceAttribute(form, at: now)
        case "DescribeSubnets": try describeSubnets(form)
        case "CreateTags": try createTags(form)
        case "CreateImage": try createImage(form, at: now)
        case "DescribeImages": try describeImages(form)
        case "DeregisterImage": try deregisterImage(form)
        case "DescribeSnapshots": try describeSnapshots(form)
        case "DeleteSnapshot": try deleteSnapshot(form)
        case "DescribeSpotPriceHistory": try describeSpotPrices(form, at: now)
        case "DescribeAddresses": try describeAddresses(form)
        case "AssociateAddress": try associateAddress(form)
        case "DescribeVolumes": try describeVolumes(form)
        case "AttachVolume": try attachVolume(form, at: now)
        case "DetachVolume": try detachVolume(form, at: now)
        default: throw unknown(action)
        }
    }

    private mutating func balance(_ action: String, _ form: Form, at now: Moment) throws(Refusal) -> [UInt8] {
        switch action {
        case "DescribeTargetGroups": try describeTargetGroups(form)
        case "DescribeTargetHealth": try describeTargetHealth(form)
        case "RegisterTargets": try registerTargets(form, at: now)
        case "DeregisterTargets": try deregisterTargets(form, at: now)
        default: throw unknown(action)
        }
    }

    private func unknown(_ action: String) -> Refusal {
        Refusal("InvalidAction", "The sandbox does not know the action \(action): it is not AWS")
    }
}

extension Form {
    /// Those that all filters let through; `facts` has a thing's values for a filter's name, nil for a name that it does not know.
    func filtered<Thing>(
        _ things: [Thing], tags: (Thing) -> [Tag], _ facts: (Thing, String) -> [String]?
    ) throws(Refusal) -> [Thing] {
        var left = things
        for (name, patterns) in filters {
            var passed: [Thing] = []
            for thing in left {
                let isTag = name.hasPrefix("tag:")
                let values =
                    isTag ? tags(thing).filter { $0.key == name.dropFirst(4) }.map(\.value) : facts(thing, name)
                guard let values else { throw Refusal("InvalidParameterValue", "The filter '\(name)' is invalid") }
                if values.contains(where: { value in patterns.contains { $0.matches(value) } }) { passed.append(thing) }
            }
            left = passed
        }
        return left
    }

    /// One page, and what leads to the next.
    func page<Thing>(_ things: [Thing]) throws(Refusal) -> (page: ArraySlice<Thing>, next: String?) {
        let start = self["NextToken"].map { Int($0) ?? -1 } ?? 0
        guard (0...things.count).contains(start) else { throw .invalid("NextToken", self["NextToken"] ?? "") }
        let size = self["MaxResults"].map { Int($0) ?? 0 } ?? things.count
        guard size > 0 || things.isEmpty else { throw .invalid("MaxResults", self["MaxResults"] ?? "") }
        let end = min(start + size, things.count)
        return (things[start..<end], end < things.count ? "\(end)" : nil)
    }
}
