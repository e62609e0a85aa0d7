private import CLinux
import Glibc

/// State that threads share and wait for: a mutex and a condition in one.
///
/// `Locked` is the choice wherever nobody waits. This one exists because a thread that has nothing to do
/// must sleep, and a thread that waits must be able to give up at a time on CLOCK_MONOTONIC.
@safe package final class Monitor<State>: @unchecked Sendable {
    // `state` is touched only between lock and unlock of `mutex`, which lives at a fixed address as pthread demands.
    private var state: State
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private let changed: UnsafeMutablePointer<pthread_cond_t>

    package init(_ state: sending State) {
        self.state = state
        unsafe mutex = .allocate(capacity: 1)
        unsafe changed = .allocate(capacity: 1)
        unsafe pthread_mutex_init(mutex, nil)
        var attributes = pthread_condattr_t()
        unsafe pthread_condattr_init(&attributes)
        // The default is the wall clock, which may jump and make a wait endless.
        unsafe pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        unsafe pthread_cond_init(changed, &attributes)
        unsafe pthread_condattr_destroy(&attributes)
    }

    deinit {
        unsafe pthread_cond_destroy(changed)
        unsafe pthread_mutex_destroy(mutex)
        unsafe changed.deallocate()
        unsafe mutex.deallocate()
    }

    /// Runs `body` with the state to itself and wakes every waiter to look again.
    package func change<Value: Sendable>(_ body: (inout State) -> Value) -> Value {
        unsafe pthread_mutex_lock(mutex)
        let value = body(&state)
        unsafe pthread_cond_broadcast(changed)
        unsafe pthread_mutex_unlock(mutex)
        return value
    }

    /// Waits until `body` has something to return, or until `deadline` on CLOCK_MONOTONIC has passed: then nil.
    /// `body` runs at least once, so a deadline in the past asks without waiting.
    package func wait<Value: Sendable>(until deadline: Duration, for body: (inout State) -> Value?) -> Value? {
        let limit = timespec(sinceClockZero: deadline)
        return unsafe wait(for: body) { mutex, changed in
            var limit = limit
            return unsafe pthread_cond_timedwait(changed, mutex, &limit) != ETIMEDOUT
        }
    }

    /// Waits as long as it takes; for a thread whose only duty this is.
    package func wait<Value: Sendable>(for body: (inout State) -> Value?) -> Value {
        while true {
            let value = unsafe wait(for: body) { mutex, changed in unsafe pthread_cond_wait(changed, mutex) == 0 }
            if let value { return value }
        }
    }

    private func wait<Value: Sendable>(
        for body: (inout State) -> Value?,
        sleep: (UnsafeMutablePointer<pthread_mutex_t>, UnsafeMutablePointer<pthread_cond_t>) -> Bool
    ) -> Value? {
        unsafe pthread_mutex_lock(mutex)
        defer { unsafe pthread_mutex_unlock(mutex) }
        while true {
            if let value = body(&state) { return value }
            guard unsafe sleep(mutex, changed) else { return body(&state) }
        }
    }
}

extension timespec {
    init(sinceClockZero time: Duration) {
        let (seconds, attoseconds) = max(time, .zero).components
        self.init(tv_sec: Int(seconds), tv_nsec: Int(attoseconds / 1_000_000_000))
    }
}
