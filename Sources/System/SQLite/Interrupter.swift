import CSQLite
import Platform

/// Ends what a connection is doing, from any thread; the statement then throws `.interrupted`. It may outlive the
/// connection and does nothing after that.
package final class Interrupter: Sendable {
    // The address as a number: a pointer may not be shared between threads, and this one is only used under the lock.
    private let address: Locked<UInt>

    init(_ connection: OpaquePointer) { address = Locked(UInt(bitPattern: connection)) }

    package func interrupt() {
        address.withLock { address in
            guard let connection = unsafe OpaquePointer(bitPattern: address) else { return }
            unsafe sqlite3_interrupt(connection)
        }
    }

    /// Before the connection closes.
    func detach() { address.withLock { $0 = 0 } }
}
