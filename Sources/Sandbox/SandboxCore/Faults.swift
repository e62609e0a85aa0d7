/// What somebody wants to go wrong, until it has often enough, or long enough, or is mended.
struct Faults: Sendable {
    private(set) var all: [Fault] = []

    /// A person keeps track of a handful.
    static let countMax = 64

    mutating func add(_ fault: Fault) throws(Refusal) {
        guard all.count < Self.countMax else {
            throw Refusal("TooMany", "there are \(Self.countMax) faults already: spot-sandbox mend takes them away")
        }
        all.append(fault)
    }

    mutating func mend(_ what: String?) { all.removeAll { what == nil || $0.what == what } }

    /// The first that hits this, counted down.
    mutating func meet(_ target: Target, at now: Duration) -> Fault.Kind? {
        forget(at: now)
        guard let index = all.firstIndex(where: { $0.hits(target) }) else { return nil }
        if let left = all[index].left { all[index].left = left - 1 }
        return all[index].kind
    }

    mutating func forget(at now: Duration) {
        all.removeAll { fault in fault.left == 0 || fault.end.map { $0 <= now } ?? false }
    }

    enum Target: Sendable {
        case call(action: String)
        case metadata(_ instance: String)
    }
}

struct Fault: Sendable {
    enum Kind: Sendable, Equatable {
        case throttle
        case error(String)
        case slow(Duration)
        case hang
        case drop
    }

    /// An action of EC2 or ELB, `metadata`, or `all`.
    let what: String
    let kind: Kind
    /// Nil: of all instances.
    var instance: String?
    /// How many more times; nil: always.
    var left: Int?
    var end: Duration?

    func hits(_ target: Faults.Target) -> Bool {
        switch target {
        case .call(let action): instance == nil && (what == action || what == "all")
        case .metadata(let id): (what == "metadata" || what == "all") && (instance == nil || instance == id)
        }
    }

    var words: String {
        switch kind {
        case .throttle: "throttle"
        case .error(let code): "error \(code)"
        case .slow(let delay): "slow \(Int64(delay / .milliseconds(1))) ms"
        case .hang: "hang"
        case .drop: "drop"
        }
    }

    /// What a metadata service can answer; nil for any other code.
    static func status(_ code: String) -> Int? { Int(code).flatMap { (400...599).contains($0) ? $0 : nil } }

    /// Whether anything of that name can go wrong.
    static func isKnown(_ what: String) -> Bool { ["metadata", "all"].contains(what) || Action(rawValue: what) != nil }

    /// Longer than any of our deadlines, and shorter than the server keeps a request open.
    static let delayMax = 55_000
}
