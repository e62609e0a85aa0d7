package import JSON

/// The agent's whole decision logic: one input and the moment it came in, a list of effects out.
///
/// ```
///              answered                    failed
/// contacting ───────────▶ inContact ───────────────▶ outOfContact ──┐ again, after a wait that grows to 5 s
///     │                       ▲                            │  ▲      │
///     └───────────────────────┼────────────────────────────┘  └──────┘
///              failed         └──────── answered ──────────┘
/// ```
package struct AgentMachine: Sendable {
    /// What has happened.
    package enum Input: Sendable, Equatable {
        case started
        case wokeUp
        /// The coordinator answered the question for its time that was asked `asked` ago.
        case coordinatorAnswered(serverTime: Timestamp, asked: Duration)
        case coordinatorFailed(reason: String)
        /// SIGHUP: the configuration was read again.
        case periodChanged(Duration)
    }

    /// What the shell does next, in this order.
    package enum Effect: Sendable, Equatable {
        case askCoordinator(deadline: Duration)
        case wake(at: Duration)
        case announce(Contact)
    }

    /// The moment an input came in, and the chance it may use.
    package struct Moment: Sendable, Equatable {
        package var monotonic: Duration
        package var wall: Timestamp
        package var chance: UInt64

        package init(monotonic: Duration, wall: Timestamp, chance: UInt64) {
            self.monotonic = monotonic
            self.wall = wall
            self.chance = chance
        }
    }

    /// What the agent knows of the coordinator.
    package enum Contact: Sendable, Equatable {
        /// Not heard yet.
        case contacting
        /// It answers; its clock is ahead of ours by `clockOffset`, give or take half the round trip.
        case inContact(clockOffset: Duration)
        case outOfContact(reason: String)
    }

    /// A coordinator that is well answers in milliseconds; a dead one must not hold the question longer than this.
    package static let answerDeadline: Duration = .seconds(5)

    package private(set) var contact = Contact.contacting
    private var period: Duration
    private var backoff = Backoff()

    package init(period: Duration) { self.period = period }

    package mutating func handle(_ input: Input, at moment: Moment) -> [Effect] {
        switch input {
        case .started, .wokeUp:
            return [.askCoordinator(deadline: Self.answerDeadline)]
        case .coordinatorAnswered(let serverTime, let asked):
            backoff.reset()
            // The answer was made about half-way through the round trip.
            let offset = serverTime - (moment.wall - asked / 2)
            return become(.inContact(clockOffset: offset)) + [.wake(at: moment.monotonic + jittered(by: moment.chance))]
        case .coordinatorFailed(let reason):
            let wait = backoff.next(chance: moment.chance)
            return become(.outOfContact(reason: reason)) + [.wake(at: moment.monotonic + wait)]
        case .periodChanged(let period):
            self.period = period
            return []
        }
    }

    /// Each state is announced once, not at every answer: the journal is a timeline, not a meter.
    private mutating func become(_ new: Contact) -> [Effect] {
        defer { contact = new }
        switch (contact, new) {
        case (.inContact, .inContact), (.outOfContact, .outOfContact), (.contacting, .contacting): return []
        default: return [.announce(new)]
        }
    }

    /// A tenth either way, so that agents started together do not stay together.
    private func jittered(by chance: UInt64) -> Duration { period * (0.9 + 0.2 * fraction(of: chance)) }
}

/// A number from 0 up to, not including, 1.
func fraction(of chance: UInt64) -> Double { Double(chance >> 11) / Double(1 << 53) }
