import JSON
import Wire

/// The timer of PID 1 that stops the workload when we do not: kept at the earliest moment by which it must not serve here any
/// more, and taken away when there is none.
struct Fence: Sendable {
    private static let patience = Duration.seconds(3)
    private static let retry = Duration.seconds(2)
    /// A lease is renewed every few seconds. The timer follows it in steps, so that the journal is not full of it: it may fire
    /// earlier than it must by as much.
    private static let shortestStep = Duration.seconds(2)

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

    /// From when on it may have stopped the workload: also a timer that was to be replaced, and nobody knows whether it was.
    private(set) var firesAt: Duration?
    var isKnown: Bool { timer != .unknown }

    mutating func want(_ wanted: Duration?, lease: Duration?, of units: [UnitName], _ turn: inout Turn) {
        let step = max(Self.shortestStep, (lease ?? .zero) / 8)
        guard asked == nil, turn.now >= retryAt, !isRight(wanted, step) else { return }
        let act = wanted.map { Act.armFence(units, at: $0) } ?? .disarmFence
        asked = (turn.actFirst(act, within: Self.patience), wanted.map { .armed(at: $0) } ?? .none)
    }

    private func isRight(_ wanted: Duration?, _ step: Duration) -> Bool {
        switch (timer, wanted) {
        case (.none, nil): true
        case (.armed(let time), let wanted?): wanted >= time && wanted < time + step
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
            firesAt = asked.timer.time
        case .failure(let fault):
            retryAt = turn.now + Self.retry
            timer = .unknown
            // It may have been done all the same.
            firesAt = [firesAt, asked.timer.time].compactMap(\.self).min()
            if !isFaultTold { turn.tell(.fenceNotArmed(reason: fault.description)) }
            isFaultTold = true
        }
    }

    /// What it began may not be over: until it was taken away nothing is started, which it would stop again.
    mutating func noteFired() {
        timer = .unknown
        firesAt = nil
    }
}

extension Fence.Timer {
    fileprivate var time: Duration? { if case .armed(let time) = self { time } else { nil } }
}
