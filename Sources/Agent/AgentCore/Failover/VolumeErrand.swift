import Wire

/// Has a data volume come to this machine, or go from it. Never with force; what is asked twice EC2 does once, so nothing of it
/// must be remembered over a crash.
///
/// ```
///  attach:  look ──▶ at another ──▶ ask that one to let go ──┐
///            ▲  └──▶ at nobody ───▶ attach ──────────────────┤
///            └────────────── a pause ◀── on its way ◀────────┘
///  detach:  look ──▶ here ──▶ detach ──▶ a pause ──▶ look …
/// ```
struct VolumeErrand: UnboundedErrand {
    private enum Wish: Sendable { case here, gone }

    let volume: DataVolume
    private let wish: Wish
    private(set) var obstacle: String?
    private var pauses = HandOverPace.pauses
    private var isKnown = false
    private var unseenSince: Duration?
    private var wasHere = false

    /// A volume that was just attached here may not be shown here yet, and a fence must not rely on such a look.
    static let unseenFor = Duration.seconds(2)

    static func attach(_ volume: DataVolume) -> VolumeErrand { VolumeErrand(volume, .here) }
    static func detach(_ volume: DataVolume) -> VolumeErrand { VolumeErrand(volume, .gone) }

    private init(_ volume: DataVolume, _ wish: Wish) { (self.volume, self.wish) = (volume, wish) }

    mutating func go(on event: ErrandEvent, _ standing: Standing, _ turn: inout Turn) -> ErrandStep {
        switch event {
        case .began, .rested, .remembered, .reported, .acted, .joined:
            return .call(.volumes([volume.id]), within: HandOverPace.look)
        case .answered(.success(.volumes(let found))):
            guard let found = found.first(where: { $0.id == volume.id }) else {
                return unknown("EC2 does not know \(volume.id)")
            }
            isKnown = true
            return wish == .here ? attach(found, standing.facts, &turn) : detach(found, standing.facts.instance, &turn)
        // Attaching and detaching take EC2 seconds after its yes.
        case .answered(.success(.done)):
            pauses.reset()
            return rest(&turn)
        case .answered(.success(let other)): return .failed("\(CloudFault.mismatch(other))")
        case .answered(.failure(let fault)): return take(fault, &turn)
        }
    }

    private mutating func take(_ fault: CloudFault, _ turn: inout Turn) -> ErrandStep {
        // Once it is known, it is a machine that EC2 does not know: perhaps not yet, perhaps not any more.
        let isUnknown = fault.kind == .notFound
        if isUnknown, !isKnown { return unknown("\(fault)") }
        guard fault.mayPass || isUnknown else {
            return .failed(
                fault.told(needing: [.describeVolumes, .detachVolume] + (wish == .here ? [.attachVolume] : [])))
        }
        obstacle = "\(fault)"
        return rest(&turn)
    }

    /// What is nowhere is not here.
    private func unknown(_ sentence: String) -> ErrandStep { wish == .here ? .failed(sentence) : .done(sentence) }

    private mutating func rest(_ turn: inout Turn) -> ErrandStep { .rest(pauses.next(chance: turn.draw())) }
}

extension VolumeErrand {
    private mutating func attach(
        _ found: CloudAnswer.Volume, _ facts: InstanceFacts, _ turn: inout Turn
    ) -> ErrandStep {
        if let distance = found.distance(from: facts.zone) { return .failed(distance) }
        if found.attachments[facts.instance] == .attached { return .done("\(volume.id) is attached here") }
        let holders = found.holders
        guard let (holder, state) = holders.first(where: { $0.key != facts.instance }) ?? holders.first else {
            return .call(.attachVolume(volume, to: facts.instance), within: HandOverPace.change)
        }
        obstacle = "\(volume.id) is \(state.rawValue) at \(holder)\(state == .busy ? Self.mountedHint : "")"
        guard holder != facts.instance, state == .attached || state == .attaching else { return rest(&turn) }
        return .call(.detachVolume(volume.id, from: holder), within: HandOverPace.change)
    }

    private mutating func detach(
        _ found: CloudAnswer.Volume, _ own: InstanceID, _ turn: inout Turn
    ) -> ErrandStep {
        guard let (_, state) = found.holders.first(where: { $0.key == own }) else { return noteUnseen(&turn) }
        wasHere = true
        obstacle = "\(volume.id) is \(state.rawValue) here\(state == .busy ? Self.mountedHint : "")"
        guard state == .attached || state == .attaching else { return rest(&turn) }
        return .call(.detachVolume(volume.id, from: own), within: HandOverPace.change)
    }

    /// Seen here and then not, it is gone.
    private mutating func noteUnseen(_ turn: inout Turn) -> ErrandStep {
        let since = unseenSince ?? turn.now
        unseenSince = since
        if wasHere || turn.now - since >= Self.unseenFor { return .done("\(volume.id) is not attached here") }
        return rest(&turn)
    }

    private static let mountedHint = ", where something still has it mounted"
}

extension CloudAnswer.Volume {
    /// In the order of the machines' ids, so that the same look leads to the same question.
    fileprivate var holders: [(key: InstanceID, value: Attachment)] {
        attachments.filter { $0.value != .detached }.sorted { $0.key < $1.key }
    }
}
