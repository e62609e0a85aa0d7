/// What opens one instance's metadata service, version 2.
struct SessionTokens: Sendable {
    private var tokens: [(text: String, end: Duration)] = []

    /// Programs on one machine have one each, and make a new one when they start.
    private static let countMax = 64
    static let secondsMax = 21_600

    mutating func add(_ text: String, seconds: Int, now: Duration) {
        tokens.removeAll { $0.end <= now }
        if tokens.count == Self.countMax { tokens.removeFirst() }
        tokens.append((text, now + .seconds(seconds)))
    }

    func open(_ text: String, now: Duration) -> Bool { tokens.contains { $0.text == text && now < $0.end } }
}
