private import CLinux
import Synchronization

/// State that threads share and nobody waits for: `Synchronization.Mutex`, which the thread sanitizer understands.
///
/// The slow path of `Mutex` is compiled into the Swift runtime, where the sanitizer does not see it, so that it takes two
/// threads that follow each other through a contended lock for a race. Here it is told of the order. Without the sanitizer
/// that costs two comparisons.
package struct Locked<State: ~Copyable>: ~Copyable, Sendable {
    private let mutex: Mutex<State>

    package init(_ state: consuming sending State) { mutex = Mutex(state) }

    /// Runs `body` with the state to itself. It must not wait for anything.
    package borrowing func withLock<Value: ~Copyable, Failure: Error>(
        _ body: (inout sending State) throws(Failure) -> sending Value
    ) throws(Failure) -> sending Value {
        try mutex.withLock { (state: inout sending State) throws(Failure) -> sending Value in
            unsafe withUnsafeMutablePointer(to: &state) { unsafe clinux_sanitizer_acquire($0) }
            defer { unsafe withUnsafeMutablePointer(to: &state) { unsafe clinux_sanitizer_release($0) } }
            return try body(&state)
        }
    }
}
