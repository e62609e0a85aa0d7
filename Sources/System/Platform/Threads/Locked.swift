import Glibc

/// State that threads share and nobody waits for; who has to wait takes a `Monitor`.
///
/// Not `Synchronization.Mutex`, which waits inside the Swift runtime where the thread sanitizer does not see it: each
/// contended use would be reported as a race, and a real one would drown in that. It knows the C library's mutex.
@safe package struct Locked<State: ~Copyable>: ~Copyable, @unchecked Sendable {
    // `state` is touched only between lock and unlock of `mutex`; both stay where they are, as pthread demands, and side by
    // side: whoever takes the lock looks at the state next.
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private let state: UnsafeMutablePointer<State>

    package init(_ state: consuming sending State) {
        let alignment = unsafe max(MemoryLayout<pthread_mutex_t>.alignment, MemoryLayout<State>.alignment)
        let place = unsafe (MemoryLayout<pthread_mutex_t>.size + alignment - 1) / alignment * alignment
        let both = UnsafeMutableRawPointer.allocate(byteCount: place + MemoryLayout<State>.size, alignment: alignment)
        unsafe mutex = both.bindMemory(to: pthread_mutex_t.self, capacity: 1)
        unsafe pthread_mutex_init(mutex, nil)
        unsafe self.state = (both + place).bindMemory(to: State.self, capacity: 1)
        unsafe self.state.initialize(to: state)
    }

    deinit {
        unsafe state.deinitialize(count: 1)
        unsafe pthread_mutex_destroy(mutex)
        unsafe UnsafeMutableRawPointer(mutex).deallocate()
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
