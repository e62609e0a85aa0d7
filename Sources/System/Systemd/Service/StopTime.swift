package import Platform

/// Has the manager wait while a service stops: asks for a little more time again and again, as long as the loop turns.
///
/// A loop that hangs asks for nothing, and is killed when the last slice is over.
package final class StopTime {
    /// Longer than the pause, so that a turn that is late costs nothing.
    private static let slice = Notifier.extensionMax
    private static let pause = Duration.seconds(2)

    private let loop: any EventLoop
    private let notifier: Notifier
    private let end: Duration
    private var timer: (any LoopTimer)?

    /// Begins to ask, `limit` long at most; then what the unit itself allows is all there is. `stopping` was said before.
    package init(loop: any EventLoop, notifier: Notifier, limit: Duration) throws(EventLoopError) {
        self.loop = loop
        self.notifier = notifier
        end = loop.now + limit
        timer = try loop.makeTimer { [unowned self] in ask() }
        ask()
    }

    private func ask() {
        let left = end - loop.now
        guard left > .zero else { return }
        notifier.extendTimeout(by: min(left, Self.slice))
        timer?.arm(at: loop.now + min(left, Self.pause))
    }
}
