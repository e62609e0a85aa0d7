import JSON

/// The operator's orders: JSON below `/sandbox/`.
///
///     GET    /sandbox/status                       what there is
///     GET    /sandbox/instances                    all of them
///     POST   /sandbox/instances                    launch one: type, zone, address, boot, spot, name
///     POST   /sandbox/instances/ID/notice          seconds, action
///     POST   /sandbox/instances/ID/rebalance
///     POST   /sandbox/instances/ID/maintenance     seconds, code
///     POST   /sandbox/instances/ID/lifecycle       state
///     POST   /sandbox/instances/ID/terminate       at_once
///     POST   /sandbox/instances/ID/cancel          what was announced is taken back
///     POST   /sandbox/instances/ID/register        balancer: it sends traffic there from now on
///     POST   /sandbox/instances/ID/deregister      balancer
///     GET    /sandbox/faults
///     POST   /sandbox/faults                       what, kind, value, instance, count, seconds
///     POST   /sandbox/mend                         what; all without
///     GET    /sandbox/targets
///
/// An instance is named by its id, its address, or its tag Name.
extension World {
    mutating func obey(_ question: Question, at now: Moment) -> Reply {
        let parts = question.path.split(separator: "/").dropFirst().map(String.init)
        do throws(Refusal) {
            if question.method == "GET" { return .json(try look(at: parts, at: now)) }
            guard question.method == "POST" else { throw Refusal("", "GET and POST alone", status: 405) }
            return .json(try take(parts, Order(question.body), at: now))
        } catch {
            var writer = JSONWriter()
            writer.object { $0.field("error", error.message) }
            return .json(writer.bytes, error.status)
        }
    }

    private mutating func look(at parts: [String], at now: Moment) throws(Refusal) -> [UInt8] {
        faults.forget(at: now.time)
        return switch parts {
        case ["status"]: writeStatus()
        case ["instances"]: writeInstances(at: now)
        case ["faults"]: writeFaults(at: now)
        case ["targets"]: writeTargets()
        default: throw .noSuchOrder
        }
    }

    private mutating func take(_ parts: [String], _ order: Order, at now: Moment) throws(Refusal) -> [UInt8] {
        switch parts {
        case ["instances"]:
            let instance = try launch(order, at: now)
            return writeInstance(instance, at: now)
        case ["faults"]:
            let fault = try fault(order, at: now)
            try faults.add(fault)
            return writeFaults(at: now)
        case ["mend"]:
            let what = order.text("what")
            if let what { try expectKnown(what) }
            faults.mend(what)
            return writeFaults(at: now)
        default: break
        }
        guard parts.count == 3, parts[0] == "instances" else { throw .noSuchOrder }
        let index = try instance(named: parts[1])
        if ["register", "deregister"].contains(parts[2]) {
            try balance(parts[2], index, order, at: now)
            return writeTargets()
        }
        try announce(parts[2], index, order, at: now)
        return writeInstance(instances[index], at: now)
    }

    private func instance(named name: String) throws(Refusal) -> Int {
        let found = instances.indices.filter { index in
            let instance = instances[index]
            return instance.id == name
                || instance.state.isThere && (instance.address == name || instance.metadata.description == name)
                || instance.state.isThere
                    && tags[instance.id]?.contains { $0.key == "Name" && $0.value == name } ?? false
        }
        guard let index = found.first else {
            throw Refusal("", "there is no instance \(name): spot-sandbox instances lists them", status: 404)
        }
        guard found.count == 1 else {
            throw Refusal("", "\(found.count) instances are called \(name): name one by its id", status: 409)
        }
        return index
    }

    private mutating func launch(_ order: Order, at now: Moment) throws(Refusal) -> Instance {
        let type = order.text("type") ?? "m5.large"
        guard price(of: type) != nil else { throw Refusal("", "\(type) is no instance type such as m5.large") }
        let zone = order.text("zone") ?? rules.zones.first ?? ""
        guard rules.zones.contains(zone) else {
            throw Refusal("", "there is no zone \(zone), only \(rules.zones.joined(separator: ", "))")
        }
        let address = order.text("address")
        guard address.map({ IPv4($0)?.isPrivate ?? false }) ?? true else {
            throw Refusal("", "\(address ?? "") is no private IPv4 address such as 10.0.0.7")
        }
        guard address.map({ address in !instances.contains { $0.state.isThere && $0.address == address } }) ?? true
        else {
            throw Refusal("", "another instance has the address \(address ?? "")", status: 409)
        }
        let name = order.text("name")
        // Orders have it in their paths.
        guard name.map({ (1...256).contains($0.utf8.count) && !$0.contains("/") && $0 != "." && $0 != ".." }) ?? true
        else {
            throw Refusal("", "\(name ?? "") is no name: expected 1 to 256 bytes without a slash, such as web-1")
        }
        let isSpot = try order.flag("spot") ?? true
        let boots = try order.flag("boot") ?? true
        let instance = try launch(
            { instance in
                (instance.type, instance.zone, instance.image) = (type, zone, Self.baseImage)
                (instance.isSpot, instance.boots, instance.groups) = (isSpot, boots, [Self.securityGroup])
                if let address { instance.address = address }
            }, at: now)
        if let name { tags[instance.id] = [Tag(key: "Name", value: name)] }
        return instance
    }

    private func expectKnown(_ what: String) throws(Refusal) {
        guard Fault.isKnown(what) else {
            let calls = Action.allCases.map(\.rawValue).joined(separator: ", ")
            throw Refusal("", "nothing is called \(what): expected metadata, all, or a call: \(calls)")
        }
    }

    private func fault(_ order: Order, at now: Moment) throws(Refusal) -> Fault {
        let what = try order.need("what")
        try expectKnown(what)
        let kinds = "throttle, error CODE, slow MILLISECONDS, hang or drop"
        let kind: Fault.Kind
        switch (try order.need("kind"), order.text("value")) {
        case ("throttle", nil): kind = .throttle
        case ("hang", nil): kind = .hang
        case ("drop", nil): kind = .drop
        case ("error", let code?):
            guard what != "metadata" || Fault.status(code) != nil else {
                throw Refusal("", "the metadata services answer with a status, 400 to 599, and not with \(code)")
            }
            kind = .error(code)
        case ("slow", let text?):
            guard let delay = Int(text), (1...Fault.delayMax).contains(delay) else {
                throw Refusal("", "slow \(text): expected 1 to \(Fault.delayMax) milliseconds")
            }
            kind = .slow(.milliseconds(delay))
        default: throw Refusal("", "a fault is \(kinds)")
        }
        var fault = Fault(what: what, kind: kind)
        if let name = order.text("instance") { fault.instance = instances[try instance(named: name)].id }
        guard fault.instance == nil || what == "metadata" else {
            throw Refusal("", "only the metadata can go wrong for one instance: what asks EC2 is not known")
        }
        fault.left = try order.number("count", in: 1...1_000_000)
        fault.end = try order.number("seconds", in: 1...86_400).map { now.time + .seconds($0) }
        return fault
    }
}

extension Refusal {
    fileprivate static let noSuchOrder = Refusal("", "there is no such order: see spot-sandbox --help", status: 404)
}

/// What goes with an order.
struct Order {
    private let object: JSONObject?

    init(_ body: [UInt8]) throws(Refusal) {
        do throws(JSONError) { object = body.isEmpty ? nil : try JSONDocument(body).root.object() } catch {
            throw Refusal("", "the order is no JSON object: \(error)")
        }
    }

    func text(_ key: String) -> String? {
        guard let value = object?.optional(key) else { return nil }
        return (try? value.string()) ?? String(decoding: value.verbatim, as: UTF8.self)
    }

    func need(_ key: String) throws(Refusal) -> String {
        guard let text = text(key) else { throw Refusal("", "\(key) is missing") }
        return text
    }

    func flag(_ key: String) throws(Refusal) -> Bool? {
        guard let value = object?.optional(key) else { return nil }
        guard let flag = try? value.boolean() else { throw Refusal("", "\(key): expected true or false") }
        return flag
    }

    func number(_ key: String, in range: ClosedRange<Int>) throws(Refusal) -> Int? {
        guard let text = text(key) else { return nil }
        guard let number = Int(text), range.contains(number) else {
            let bounds = "\(range.lowerBound) to \(range.upperBound)"
            throw Refusal("", "\(key) \(text): expected a whole number from \(bounds)")
        }
        return number
    }
}
