import Glibc

/// State that threads share and nobody waits for; who has to wait takes a `Monitor`.
///
/// Not `Synchronization.Mutex`, which waits inside the Swift runtime where the thread sanitizer does not see it: each
/// contended use would be reported as a race, and a real one would drown in that. It knows the C library's mutex.
@safe package struct Locked<State: ~Copyable>: ~Copyable, @unchecked Sendable {
    // `state` is touched only between lock and unlock of `mutex`; both stay where they are, as pthread demands.
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private let state: UnsafeMutablePointer<State>

    package init(_ state: consuming sending State) {
        unsafe mutex = .allocate(capacity: 1)
        unsafe pthread_mutex_init(mutex, nil)
        unsafe self.state = .allocate(capacity: 1)
        unsafe self.state.initialize(to: state)
    }

    deinit {
        unsafe state.deinitialize(count: 1)
        unsafe state.deallocate()
        unsafe pthread_mutex_destroy(mutex)
        unsafe mutex.deallocate()
    }

    /// Runs `body` with the state to itself. It must not wait for anything, nor lock the same state again.
    package borrowing func withLock<Value: ~Copyable, Failure: Error>(
        _ body: (inout sending State) throws(Failure) -> sending Value
    ) throws(Failure) -> sending Value {
        unsafe pthread_mutex_lock(mutex)
        defer { unsafe pthread_mutex_unlock(mutex) }
        return try unsafe body(&state.pointee)
    }
}
