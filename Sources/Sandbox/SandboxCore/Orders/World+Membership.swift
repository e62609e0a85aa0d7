/// Who is behind a balancer, ordered by somebody, for instances that do not say it themselves.
extension World {
    mutating func balance(_ what: String, _ index: Int, _ order: Order, at now: Moment) throws(Refusal) {
        let group = try group(named: order.need("balancer"))
        let targets = [(id: instances[index].id, port: Int?.none)]
        if what == "register" {
            try register(targets, in: group, at: now)
        } else {
            deregister(targets, from: group, at: now)
        }
    }

    private func group(named name: String) throws(Refusal) -> Int {
        if let index = groups.firstIndex(where: { $0.front.name == name }) { return index }
        let names = groups.map(\.front.name).joined(separator: ", ")
        let remedy = names.isEmpty ? "serve --balancer \(name)=ADDRESS:PORT makes one" : "only \(names)"
        throw Refusal("", "there is no balancer \(name): \(remedy)", status: 404)
    }
}
