/// What was launched for which token: the same again starts nothing new.
struct ClientTokens: Sendable {
    private var known: [String: (fingerprint: [String], instance: String)] = [:]
    private var order: [String] = []

    /// EC2 remembers them for a day or more; so many machines no sandbox launches in one.
    private static let countMax = 4_096

    /// The instance of that token; nil when the token is new.
    func instance(of token: String, _ fingerprint: [String]) throws(Refusal) -> String? {
        guard let entry = known[token] else { return nil }
        guard entry.fingerprint == fingerprint else {
            throw Refusal(
                "IdempotentParameterMismatch",
                "The client token you have provided is associated with a resource that was created with different parameters"
            )
        }
        return entry.instance
    }

    mutating func remember(_ token: String, _ fingerprint: [String], _ instance: String) {
        if order.count == Self.countMax { known[order.removeFirst()] = nil }
        order.append(token)
        known[token] = (fingerprint, instance)
    }
}
