import CSystemd
package import Platform

/// Feeds the service manager's watchdog from the loop that does the work, while that work moves.
///
/// A loop that hangs feeds nothing, because the timer is on it. A loop that turns while a duty of its own is stuck is
/// caught by `machineryMoves`; a peer that is dead must not make it false, or a remote failure would restart us.
package final class Watchdog {
    private let loop: any EventLoop
    private let period: Duration
    private let feed: () -> Void
    private var timer: (any LoopTimer)?

    /// How often the manager wants to hear from us, or nil when it does not. Takes the variables away, as `Notifier`
    /// does, and under the same condition.
    package static func takeIntervalFromEnvironment() throws(SystemdError) -> Duration? {
        var microseconds: UInt64 = 0
        let result = unsafe sd_watchdog_enabled(1, &microseconds)
        guard result >= 0 else { throw SystemdError(.malformed, "read $WATCHDOG_USEC: \(reason(result))") }
        return result > 0 ? Duration(microseconds: microseconds) : nil
    }

    /// Feeds at once and then twice in each `interval`. `undelivered` hears of feeds that the manager did not get.
    package init(
        loop: any EventLoop, notifier: Notifier, interval: Duration, machineryMoves: @escaping () -> Bool,
        undelivered: @escaping (Notifier.Delivery) -> Void
    ) throws(EventLoopError) {
        self.loop = loop
        period = interval / 2
        feed = {
            guard machineryMoves() else { return }
            let delivery = notifier.watchdog()
            if delivery != .delivered { undelivered(delivery) }
        }
        timer = try loop.makeTimer { [unowned self] in beat() }
        beat()
    }

    private func beat() {
        feed()
        timer?.arm(at: loop.now + period)
    }
}
