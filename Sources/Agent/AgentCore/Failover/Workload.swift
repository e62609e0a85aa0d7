import JSON
import Wire

/// What is known of the right to run the workload here, and what we decide about it without being told.
///
/// ```
///              new boot, pause, lease lost,
///              fence fired, last moment                the coordinator says it is still ours
///   serving ─────────────────────────────▶ halted ─────────────────────────────────────────▶ serving
/// ```
/// In an exclusive slot another host may serve whenever this one cannot be sure of itself: it stops first and asks second.
struct Workload: Sendable {
    /// A lease must have done its work when it ends, so what stops the workload begins before: first in good order, then by
    /// the timer, which kills after two seconds more.
    private static let haltLead = Duration.seconds(5)
    private static let fenceLead = Duration.seconds(3)
    /// A machine that outlived what was announced, by so much, is not going away.
    static let outlived = Duration.seconds(10)
    /// So long after an epoch that is not of our making: an order to stop that got lost is delivered again within its lease
    /// of ten seconds, and until then "primary" may mean the one that is about to be replaced.
    static let strangeEpochPatience = Duration.seconds(15)
    /// Where two may serve, the one that was to take over may be at it for as long, leg by leg; then it came to nothing, and may
    /// have our traffic.
    static let overlapPatience = Duration.seconds(90)
    /// What the coordinator said longer ago than this says nothing of whose the traffic is now: some heartbeats.
    private static let wordLasts = Duration.seconds(30)
    private static let retry = Duration.seconds(5)
    /// What does not come up is not tried all the time, and nobody waits for longer once it is mended.
    private static let longestRetry = Duration.seconds(60)

    /// The coordinator's last word that the workload is ours, and when it was asked for.
    private struct Confirmation: Sendable {
        var epoch: Epoch
        var askedAt: Duration
    }

    /// A stop that must be, and is not begun.
    var wanted: Halt?
    var fence = Fence()
    private var confirmation: Confirmation?
    /// Answers to questions from before do not count.
    private var doubtsSince = Duration.zero
    /// An epoch that is not of our making, and since when there is that one.
    private var strange: (epoch: Epoch, since: Duration)?
    private var leaseEndsAt: Duration?
    /// Before that a timer of an earlier life is left alone: it may be a lease's, or that of an order which was forgotten.
    var hasHeard: Bool { toldAskedAt != nil }
    private(set) var toldAskedAt: Duration?
    private var haltRetryAt = Duration.zero
    private var serveRetryAt = Duration.zero
    /// Why it does not run here, though it is ours; nil when it does, or is not.
    private(set) var failure: String?
    /// What goes with it and has not come, though it runs here.
    private(set) var missing: String?
    private var pauses = Backoff(upTo: longestRetry)
    /// What is remembered may be wrong: PID 1 can have stopped it while nobody looked.
    private(set) var mustLook = false
    /// Who was to take over before us, and does not know that it is not any more, may still move our traffic.
    private var looksAgainAt: Duration?

    // MARK: What happens

    /// The agent starts. `isNewBoot`: the machine did, too.
    mutating func begin(isNewBoot: Bool, isExclusive: Bool, hasTraffic: Bool, lease: Duration?, at now: Duration) {
        doubtsSince = now
        // The end of its last life may have been just after it had taken over.
        if hasTraffic { looksAgainAt = now + Self.overlapPatience }
        if isNewBoot, isExclusive { wanted = .newBoot }
        // What is remembered is what was meant; an end of the agent in the middle of it, or a timer, left something else.
        mustLook = true
        // The true end is in PID 1's timer; this one is later.
        leaseEndsAt = lease.map { now + $0 }
    }

    /// Another agent's: what was to become of the workload for the last one counts no more, and may be half done.
    mutating func leaveSlot() {
        (wanted, failure, missing, mustLook, looksAgainAt) = (nil, nil, nil, true, nil)
        (haltRetryAt, serveRetryAt) = (.zero, .zero)
    }

    /// Where two may serve only the last moment is a reason to stop.
    mutating func noteShared() { if wanted != .lastMoment { wanted = nil } }

    mutating func doubt(_ halt: Halt, at now: Duration) {
        wanted = wanted ?? halt
        doubtsSince = now
    }

    mutating func hear(
        _ role: Role, _ epoch: Epoch, askedAt: Duration, lease: Duration?, isKnownEpoch: Bool, at now: Duration
    ) {
        leaseEndsAt = lease.map { askedAt + $0 }
        toldAskedAt = max(toldAskedAt ?? askedAt, askedAt)
        if isKnownEpoch { strange = nil } else if strange?.epoch != epoch { strange = (epoch, now) }
        if role == .primary, !isKnownEpoch { mustLook = true }
        confirmation =
            role == .primary ? Confirmation(epoch: epoch, askedAt: askedAt) : nil
    }

    /// A lease that a configuration brings, or shortens, counts from when that came: the coordinator takes it for held as soon as it
    /// hears that the configuration is known here, and its answer to that may never arrive.
    mutating func hold(_ lease: Duration?, at now: Duration) {
        guard let lease else { return }
        leaseEndsAt = min(leaseEndsAt ?? now + lease, now + lease)
    }

    /// What was heard so far says nothing of now.
    mutating func ageWord(at now: Duration) { doubtsSince = now }

    /// A stop for another host came to nothing.
    mutating func noteUnstopped(at now: Duration) {
        wanted = wanted ?? .unstopped
        haltRetryAt = now + Self.retry
    }

    mutating func noteHalted(_ halt: Halt, isStopped: Bool, at now: Duration) {
        doubtsSince = now
        mustLook = false
        guard !isStopped else { return }
        wanted = halt
        haltRetryAt = now + Self.retry
    }

    mutating func noteServing(failure: String?, missing: String?, at now: Duration, chance: UInt64) {
        self.failure = failure
        self.missing = missing
        mustLook = failure != nil || missing != nil
        if let looksAgainAt, looksAgainAt <= now { self.looksAgainAt = nil }
        if mustLook { serveRetryAt = now + Self.retry + pauses.next(chance: chance) } else { pauses.reset() }
    }

    mutating func noteBrought(_ brought: Brought, with takeOver: TakeOver, at now: Duration) {
        if takeOver.hasTraffic { looksAgainAt = now + Self.overlapPatience }
        guard brought == .inPart else { return }
        mustLook = true
        serveRetryAt = now + Self.retry
    }

    // MARK: What follows

    /// Whether an answer to what was asked then is younger than every doubt.
    func isSettled(by askedAt: Duration) -> Bool { wanted == nil && askedAt >= doubtsSince }

    func halt(_ position: Position, at now: Duration) -> Halt? {
        if let wanted { return now >= haltRetryAt ? wanted : nil }
        guard position.mayServe else { return nil }
        if let firesAt = fence.firesAt, firesAt <= now { return .fenceFired }
        if let haltAt, haltAt <= now, position.isExclusive { return .leaseLost }
        guard let last = position.lastMoment, last <= now, !position.isOutlived(at: now) else { return nil }
        return .lastMoment
    }

    /// Whether it is to run here and, as far as we know, does not.
    func isToServe(_ position: Position, _ epoch: Epoch, at now: Duration) -> Bool {
        guard let confirmation, confirmation.epoch == epoch, confirmation.askedAt >= doubtsSince else { return false }
        let looks = mustLook || looksAgain(at: now, with: confirmation)
        guard wanted == nil, !position.serves || looks, now >= serveRetryAt,
            position.lastMoment.map({ now < $0 }) ?? true || position.isOutlived(at: now)
        else { return false }
        if case .idle(let under)? = position.state, under >= epoch { return false }
        // A timer of an earlier life may fire just after the look.
        if position.hasFence, !fence.isKnown { return false }
        guard let strange else { return true }
        let patience = position.isExclusive || !position.serves ? Self.strangeEpochPatience : Self.overlapPatience
        return confirmation.askedAt >= strange.since + patience
    }

    private func looksAgain(at now: Duration, with confirmation: Confirmation) -> Bool {
        guard let looksAgainAt, looksAgainAt <= now else { return false }
        return confirmation.askedAt + Self.wordLasts >= now
    }

    func fenceMoment(_ position: Position, demotion: Duration?, at now: Duration) -> Duration? {
        guard position.hasFence, position.mayServe else { return nil }
        if let demotion { return demotion }
        let end = position.isOutlived(at: now) ? nil : position.endsAt.map { $0 - Self.fenceLead }
        return [leaseEndsAt.map { $0 - Self.fenceLead }, end].compactMap(\.self).min()
    }

    private var haltAt: Duration? { leaseEndsAt.map { $0 - Self.haltLead } }

    func nextDue(_ position: Position, at now: Duration) -> Duration? {
        let retry = wanted == nil ? serveRetryAt : haltRetryAt
        let last = position.mayServe ? position.lastMoment : position.endsAt.map { $0 + Self.outlived }
        let lease = position.isExclusive && position.mayServe ? haltAt : nil
        return [retry, last, lease, position.mayServe ? fence.firesAt : nil, fence.nextDue, looksAgainAt]
            .compactMap(\.self).filter { $0 > now }.min()
    }

    /// How this machine stands towards the workload.
    struct Position: Sendable {
        var state: WorkloadState?
        var role: Role?
        var isExclusive: Bool
        /// It was to stop, and was not seen to.
        var isUnstopped = false
        /// There are units, which a timer can stop.
        var hasUnits: Bool
        /// When EC2 takes the machine.
        var endsAt: Duration?
        /// When we stop on our own before that.
        var lastMoment: Duration?

        var hasFence: Bool { isExclusive && hasUnits }
        /// What was announced has not come.
        func isOutlived(at now: Duration) -> Bool { endsAt.map { now >= $0 + Workload.outlived } ?? false }
        var serves: Bool { if case .serving? = state { true } else { false } }
        /// As far as we know, or do not know.
        var mayServe: Bool { serves || isUnstopped || (state == nil && role == .primary) }
    }
}
