import Wire

/// An errand that goes on until it is done or cannot be: whoever runs it bounds its time.
protocol UnboundedErrand: Errand {
    /// What it has been waiting for, in a sentence for whoever ends it; nil while nothing was in its way.
    var obstacle: String? { get }
}

/// How an errand of a hand-over asks: for seconds, not for minutes.
enum HandOverPace {
    /// EC2 and ELB answer looks in half a second; one that hangs must not use up a deadline of 15 s.
    static let look = Duration.seconds(3)
    /// Moving an address takes EC2 a second or two.
    static let change = Duration.seconds(5)

    /// From 250 ms to 1 s: EC2's own throttling lets two requests a second through for good.
    static var pauses: Backoff { Backoff(upTo: .seconds(1)) }
}

/// Has the elastic IP of the workload come to this machine. Moved once more, it is where it is: nothing of it must be
/// remembered over a crash.
struct AddressErrand: UnboundedErrand {
    /// What EC2 shows can be older than what it has said yes to; after this somebody else may have taken the address.
    static let settling = Duration.seconds(3)

    let address: ResourceID
    private(set) var obstacle: String?
    private var pauses = HandOverPace.pauses
    private var movedAt: Duration?
    private var moves = 0
    private var isKnown = false
    private var begunUnder: Epoch?

    /// Nil: this machine.
    private let other: InstanceID?

    init(_ address: ResourceID) { (self.address, other) = (address, nil) }

    /// Without a look first: a move to here that nobody answered can still be on its way, and looks are behind.
    static func giveBack(_ address: ResourceID, to other: InstanceID) -> AddressErrand {
        AddressErrand(address, to: other)
    }

    private init(_ address: ResourceID, to other: InstanceID) { (self.address, self.other) = (address, other) }

    mutating func go(on event: ErrandEvent, _ standing: Standing, _ turn: inout Turn) -> ErrandStep {
        let own = other ?? standing.facts.instance
        begunUnder = begunUnder ?? standing.epoch
        if other == nil, isOvertaken(standing) { return .failed("another machine was chosen to serve") }
        switch event {
        case .began where other != nil: return .call(.moveAddress(address, to: own), within: HandOverPace.change)
        case .began, .rested, .remembered, .reported, .acted, .joined: return look
        case .answered(.success(.address(let found))):
            isKnown = true
            if found.instance == own { return .done("address \(found.publicAddress ?? address.text) is at \(own)") }
            obstacle = "address \(address) is \(found.instance.map { "at \($0)" } ?? "nowhere") yet"
            if let movedAt, turn.now - movedAt < Self.settling { return rest(&turn) }
            return .call(.moveAddress(address, to: own), within: HandOverPace.change)
        case .answered(.success(.done)):
            movedAt = turn.now
            moves += 1
            // It has said yes twice: what it shows is behind, or somebody else wants it, which no third move would settle.
            if moves > 1 { return .done("address \(address) was moved to \(own), which EC2 does not show yet") }
            pauses.reset()
            return look
        case .answered(.success(let other)): return .failed("\(CloudFault.mismatch(other))")
        case .answered(.failure(let fault)):
            // Once it is known, it is this machine that EC2 does not know everywhere yet.
            guard fault.mayPass || (isKnown && fault.kind == .notFound) else {
                return .failed(fault.told(needing: [.describeAddresses, .associateAddress]))
            }
            obstacle = "\(fault)"
            return rest(&turn)
        }
    }

    /// Whoever was chosen meanwhile has it, or is about to. A primary is called one until that is proven, but under another epoch.
    private func isOvertaken(_ standing: Standing) -> Bool {
        standing.role == .zombie || (standing.role == .primary && standing.epoch != begunUnder)
    }

    private var look: ErrandStep { .call(.address(address), within: HandOverPace.look) }

    private mutating func rest(_ turn: inout Turn) -> ErrandStep { .rest(pauses.next(chance: turn.draw())) }
}

extension CloudFault {
    /// It may go away without anybody's doing: the next look tells.
    var mayPass: Bool { isPassing || kind == .conflict }

    /// With what IAM must allow, where that is what is missing.
    func told(needing rights: [Right]) -> String {
        guard kind == .notAllowed else { return description }
        return "\(self); IAM must allow this machine's role \(rights.map(\.rawValue).joined(separator: " and "))"
    }
}
