/// The addresses of the hosts that were looked up. They are used for as long as no newer ones are known: a name server that is
/// dead must not part those who have found each other.
struct KnownNames {
    struct Entry: Sendable {
        /// As `inet_ntop` writes them.
        let addresses: [String]
        var renewAt: Duration
    }

    /// A host may move; one that has not been connected to for that long is looked up beside the next connection.
    let renewAfter: Duration
    private var entries: [String: Entry] = [:]
    /// A coordinator may have that many hosts to tell things to; some 100 bytes each.
    private static let limit = 256

    init(renewAfter: Duration) { self.renewAfter = renewAfter }

    func addresses(of origin: String) -> [String]? { entries[origin]?.addresses }

    mutating func note(_ addresses: [String], of origin: String, at now: Duration) {
        if entries.count >= Self.limit, entries[origin] == nil {
            let oldest = entries.min { $0.value.renewAt < $1.value.renewAt }
            if let oldest { entries[oldest.key] = nil }
        }
        entries[origin] = Entry(addresses: addresses, renewAt: now + renewAfter)
    }

    /// Whether it is time to look it up again; from then on it is not for a while, whatever comes of it.
    mutating func shouldRenew(_ origin: String, at now: Duration) -> Bool {
        guard let entry = entries[origin], entry.renewAt <= now else { return false }
        entries[origin]?.renewAt = now + renewAfter
        return true
    }
}
