import JSON
import Wire

/// The timer of PID 1 that stops the workload when we do not: kept at the earliest moment by which it must not serve here any
/// more, and taken away when there is none.
struct Fence: Sendable {
    private static let patience = Duration.seconds(3)
    private static let retry = Duration.seconds(2)
    /// A lease is renewed every few seconds; the timer follows it in steps of this.
    private static let step = Duration.seconds(2)

    enum Timer: Sendable, Equatable {
        /// An earlier life of the agent may have left one.
        case unknown
        case none
        case armed(at: Duration)
    }

    private(set) var timer = Timer.unknown
    private var asked: (act: ActID, timer: Timer)?
    private var retryAt = Duration.zero
    private var isFaultTold = false

    /// When it is to be looked at again, besides what `wanted` follows from.
    var nextDue: Duration? { asked == nil && isFaultTold ? retryAt : nil }

    func isWaiting(for act: ActID) -> Bool { asked?.act == act }

    /// The moment at which the timer has stopped the workload, if it is not put off.
    var firesAt: Duration? { if case .armed(let time) = timer { time } else { nil } }

    mutating func want(_ wanted: Duration?, of units: [UnitName], _ turn: inout Turn) {
        guard asked == nil, turn.now >= retryAt, !isRight(wanted) else { return }
        let act = wanted.map { Act.armFence(units, at: $0) } ?? .disarmFence
        asked = (turn.actFirst(act, within: Self.patience), wanted.map { .armed(at: $0) } ?? .none)
    }

    private func isRight(_ wanted: Duration?) -> Bool {
        switch (timer, wanted) {
        case (.none, nil): true
        case (.armed(let time), let wanted?): wanted >= time && wanted < time + Self.step
        default: false
        }
    }

    mutating func take(_ result: Result<Acted, ActFault>, _ turn: inout Turn) {
        guard let asked else { return }
        self.asked = nil
        switch result {
        case .success:
            if isFaultTold, case .armed = asked.timer { turn.tell(.fenceArmed) }
            isFaultTold = false
            timer = asked.timer
        case .failure(let fault):
            retryAt = turn.now + Self.retry
            // What is there is not known any more, and is not relied on.
            timer = .unknown
            if !isFaultTold { turn.tell(.fenceNotArmed(reason: fault.description)) }
            isFaultTold = true
        }
    }

    mutating func noteFired() { timer = .none }
}
