import CoordinatorCore
package import JSON
import Platform
package import Wire

/// One enrolled host as the switchboard knows it, in memory: what it was last told, when it was heard, and the heartbeat
/// that it has parked here. Any thread may use it.
package final class Line: Sendable {
    package let slot: SlotID
    package let instance: InstanceID
    package let client: ClientID

    /// What an answer to a heartbeat says, as of the last commit that touched the slot.
    struct View: Equatable {
        var role: Role
        var epoch: Epoch
        var configVersion: ConfigVersion
        var heartbeatSeconds: Int
        var leaseSeconds: Int
        /// It is not known to hold that lease: the heartbeat that names this configuration is news.
        var awaitsLease: Bool
        /// There are commands for it that are not finished.
        var hasOrders: Bool
        /// Some of them wait to be handed out.
        var hasDue: Bool
        /// An incident is open, nobody serves, or somebody who must not may: each host that is heard again counts.
        var isInTrouble: Bool
        /// It is the primary, and says that its workload does not run.
        var isFailing: Bool
        /// Something that has nothing to do with who is heard stands in the way of a hand-over.
        var isHindered: Bool
        /// It announced its own end.
        var isGoing: Bool
        /// The slot was deleted.
        var isEnded: Bool
        /// And its hosts have nothing left to do for it.
        var isOver: Bool
        var abilities: Abilities
        /// It has no token of its own, and does something that it was told: it may say nothing meanwhile.
        var isAtWork: Bool

        /// How often a host with these abilities is to be heard.
        static func period(_ seconds: Int, of abilities: Abilities) -> Int {
            abilities.contains(.handsOver) ? seconds : max(seconds, Rules.tokenlessHeartbeatSeconds)
        }
    }

    /// What a heartbeat says that a decision could depend on.
    struct Saying: Equatable {
        var facts: HostFacts
        var lacking: [String]?
        var isBlind: Bool

        init(_ heartbeat: Heartbeat) {
            facts = HostFacts(heartbeat)
            lacking = heartbeat.lacking
            isBlind = heartbeat.health?.blind ?? false
        }

        init(_ host: Host) {
            facts = host.facts.repeated
            lacking = host.lacking
            isBlind = host.isBlind
        }
    }

    /// `leaving` said that it stops, and may be back in a moment.
    enum Presence { case starting, fresh, leaving, unknown, offline }

    struct State {
        var view: View { didSet { form = nil } }
        /// What its replies have been made from since the view changed.
        var form: HeartbeatReplyForm?
        var presence: Presence
        /// On the monotonic clock.
        var heardAt: Duration
        /// How long its last heartbeat meant to wait.
        var wait = Duration.zero
        /// When the last answer left that a lease counts from.
        var answeredAt: Duration
        /// Nil when it is not known, as after a start: then the next heartbeat is decided.
        var saying: Saying?
        /// The text of the last heartbeat with which nothing was new.
        var echo: HeartbeatEcho?
        var call: ParkedCall?
        /// When `heardAt` was last written to the store.
        var flushedAt: Duration
        var allowance: Allowance
        var noticeAllowance: Allowance
        /// From where it last named itself, and when; of a host without a token of its own.
        var address: (text: String, at: Duration)?
    }

    let state: Locked<State>

    init(slot: SlotID, instance: InstanceID, client: ClientID, _ state: State) {
        self.slot = slot
        self.instance = instance
        self.client = client
        self.state = Locked(state)
    }

    /// The slot was deleted, and its host has nothing left to do for it.
    package var isOver: Bool { state.withLock { $0.view.isOver } }

    /// The slot was deleted.
    package var isEnded: Bool { state.withLock { $0.view.isEnded } }

    /// It speaks with its client's token.
    package var isTokenless: Bool { !state.withLock { $0.view.abilities.contains(.handsOver) } }

    package var role: Role { state.withLock { $0.view.role } }
    package var configVersion: ConfigVersion { state.withLock { $0.view.configVersion } }

    /// Whether one more request of this host is served now; in any case it is heard, unless another may have sent it. A host that asks
    /// in a circle must not cost the others, nor itself the notice of its end: those have an allowance of their own.
    package func admits(aNotice isNotice: Bool, isHeard: Bool = true, at now: Duration) -> Bool {
        state.withLock { state in
            if isHeard { state.heardAt = now }
            return isNotice ? state.noticeAllowance.take(at: now) : state.allowance.take(at: now)
        }
    }

    /// The answer that leaves now. From here on its lease counts.
    package func reply(receivedAt: Timestamp, at now: Duration, wall: Timestamp) -> HeartbeatReply {
        let view = state.withLock { state in
            state.answeredAt = now
            return state.view
        }
        return reply(view, receivedAt: receivedAt, wall: wall)
    }

    /// The same as JSON.
    package func replyText(receivedAt: Timestamp, at now: Duration, wall: Timestamp) -> [UInt8] {
        let form = state.withLock { state in
            state.answeredAt = now
            if let form = state.form { return form }
            let form = HeartbeatReplyForm(reply(state.view, receivedAt: receivedAt, wall: wall))
            state.form = form
            return form
        }
        return form.text(receivedAt: receivedAt, serverTime: wall)
    }

    private func reply(_ view: View, receivedAt: Timestamp, wall: Timestamp) -> HeartbeatReply {
        var reply = HeartbeatReply(
            slot: slot, role: view.role, epoch: view.epoch, configVersion: view.configVersion,
            heartbeatSeconds: view.heartbeatSeconds, receivedAt: receivedAt, serverTime: wall)
        if view.leaseSeconds > 0 && view.role.isInUse { reply.leaseSeconds = view.leaseSeconds }
        return reply
    }

    /// Parks the call, in place of an earlier one that its host has given up. False: there is something to do for the host
    /// after all, and the call is not kept. `wasQuiet`: nobody decided about its heartbeat, because there were no orders; when
    /// there are some now, they may be on their way to an earlier call that has ended.
    ///
    /// `end` answers the call that this one takes the place of: a host has one, and whoever parks one after the other must
    /// not hold thousands.
    package func park(_ call: ParkedCall, wasQuiet: Bool, end: (ParkedCall) -> Void = { _ in }) -> Bool {
        let (isParked, earlier): (Bool, ParkedCall?) = state.withLock { state in
            guard !state.view.hasDue, !(wasQuiet && state.view.hasOrders),
                state.view.configVersion == call.configVersion
            else { return (false, nil) }
            defer { state.call = call }
            return (true, state.call)
        }
        if let earlier { end(earlier) }
        return isParked
    }

    /// The call has ended by itself.
    package func forget(_ call: ParkedCall) {
        state.withLock { state in if state.call === call { state.call = nil } }
    }

    func takeCall() -> ParkedCall? { state.withLock { $0.call.take() } }
}

/// A heartbeat whose host waits for news.
package final class ParkedCall: Sendable {
    package let receivedAt: Timestamp
    /// The configuration that its host has, as far as it said; news of another one wakes it.
    let configVersion: ConfigVersion
    private let respond: @Sendable (HeartbeatReply) -> Bool

    /// `answer` tells whether the call was still there.
    package init(
        receivedAt: Timestamp, configVersion: ConfigVersion, answer: @escaping @Sendable (HeartbeatReply) -> Bool
    ) {
        self.receivedAt = receivedAt
        self.configVersion = configVersion
        respond = answer
    }

    @discardableResult
    package func answer(_ reply: HeartbeatReply) -> Bool { respond(reply) }
}

/// How many requests somebody may make: bursts are welcome, a loop is not.
struct Allowance {
    private let perSecond: Double
    private let burst: Double
    private var left: Double
    private(set) var at: Duration

    init(perSecond: Double, burst: Double, at now: Duration) {
        self.perSecond = perSecond
        self.burst = burst
        left = burst
        at = now
    }

    /// A busy host makes two or three requests a second; a failover a dozen.
    static func ofHost(at now: Duration) -> Allowance { Allowance(perSecond: 100, burst: 500, at: now) }
    /// A host says it again every few seconds, and each is decided about at once.
    static func ofNotices(at now: Duration) -> Allowance { Allowance(perSecond: 10, burst: 100, at: now) }

    mutating func take(at now: Duration) -> Bool {
        left = min(burst, left + (now - at) / .seconds(1) * perSecond)
        at = now
        guard left >= 1 else { return false }
        left -= 1
        return true
    }
}

extension HostFacts {
    /// Only those that a heartbeat repeats.
    fileprivate var repeated: HostFacts {
        var facts = HostFacts()
        facts.agentVersion = agentVersion
        facts.region = region
        facts.zone = zone
        facts.instanceType = instanceType
        facts.mode = mode
        return facts
    }
}
