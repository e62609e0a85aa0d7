import JSON

/// How a call is read, may go wrong, and is answered.
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
        return (Action(rawValue: action)?.service ?? .ec2, action, form)
    }

    private mutating func perform(
        _ name: String, of service: Service, _ form: Form, _ body: [UInt8], at now: Moment
    ) throws(Refusal) -> [UInt8] {
        guard let action = Action(rawValue: name), action.service == service else {
            throw Refusal("InvalidAction", "The sandbox does not know the action \(name): it is not AWS")
        }
        if service == .ec2, form["DryRun"] == "true" {
            let message = "Request would have succeeded, but DryRun flag is set."
            throw Refusal("DryRunOperation", message, status: 412)
        }
        return switch action {
        case .describeInstances: try describeInstances(form, at: now)
        case .runInstances: try runInstances(form, at: now)
        case .terminateInstances: try terminateInstances(form, at: now)
        case .describeInstanceAttribute: try describeInstanceAttribute(form, at: now)
        case .describeSubnets: try describeSubnets(form)
        case .createTags: try createTags(form)
        case .createImage: try createImage(form, at: now)
        case .describeImages: try describeImages(form)
        case .deregisterImage: try deregisterImage(form)
        case .describeSnapshots: try describeSnapshots(form)
        case .deleteSnapshot: try deleteSnapshot(form)
        case .describeSpotPriceHistory: try describeSpotPrices(form, at: now)
        case .describeAddresses: try describeAddresses(form)
        case .associateAddress: try associateAddress(form)
        case .describeVolumes: try describeVolumes(form)
        case .attachVolume: try attachVolume(form, at: now)
        case .detachVolume: try detachVolume(form, at: now)
        case .describeTargetGroups: try describeTargetGroups(form)
        case .describeTargetHealth: try describeTargetHealth(form)
        case .registerTargets: try registerTargets(form, at: now)
        case .deregisterTargets: try deregisterTargets(form, at: now)
        case .getProducts: try priceList(body)
        }
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

    /// As in EC2. There is never more of anything.
    private static let pageMax = 1_000

    /// One page, and what leads to the next.
    func page<Thing>(_ things: [Thing]) throws(Refusal) -> (page: ArraySlice<Thing>, next: String?) {
        let start = self["NextToken"].map { Int($0) ?? -1 } ?? 0
        guard (0...things.count).contains(start) else { throw .invalid("NextToken", self["NextToken"] ?? "") }
        let size = self["MaxResults"].map { Int($0) ?? 0 } ?? Self.pageMax
        guard (1...Self.pageMax).contains(size) else { throw .invalid("MaxResults", self["MaxResults"] ?? "") }
        let end = min(start + size, things.count)
        return (things[start..<end], end < things.count ? "\(end)" : nil)
    }
}
