import Platform

/// The thread of whoever follows the log for all live streams: a thousand of them are written to while the next commit is
/// under way, and it waits for none.
final class Following: Sendable {
    private struct Follower: Sendable {
        let grown: @Sendable () -> Void
        let beat: @Sendable () -> Void
    }

    private struct State {
        var follower: Follower?
        var hasGrown = false
        var isBeat = false
        var isStopping = false
    }

    /// What there is to tell, which is told once, however often it came true meanwhile.
    private struct Call: Sendable {
        let follower: Follower
        let hasGrown: Bool
        let isBeat: Bool
    }

    private let state = Monitor(State())
    private let thread: Locked<DedicatedThread?> = Locked(nil)

    func follow(grown: @escaping @Sendable () -> Void, beat: @escaping @Sendable () -> Void) {
        state.change { $0.follower = Follower(grown: grown, beat: beat) }
    }

    func grow() { state.change { $0.hasGrown = true } }
    func beat() { state.change { $0.isBeat = true } }

    func start() throws(PlatformError) {
        let thread = try DedicatedThread(name: "feed") { [state] in
            while let call = Self.next(state) {
                if call.hasGrown { call.follower.grown() }
                if call.isBeat { call.follower.beat() }
            }
        }
        self.thread.withLock { $0 = thread }
    }

    func stop() {
        state.change { $0.isStopping = true }
        let thread = thread.withLock { $0.take() }
        thread?.join()
    }

    private static func next(_ state: Monitor<State>) -> Call? {
        let next: Call?? = state.wait { state -> Call?? in
            if state.isStopping { return .some(nil) }
            guard let follower = state.follower, state.hasGrown || state.isBeat else { return nil }
            defer { (state.hasGrown, state.isBeat) = (false, false) }
            return Call(follower: follower, hasGrown: state.hasGrown, isBeat: state.isBeat)
        }
        return next ?? nil
    }
}
