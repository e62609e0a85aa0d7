import Platform

/// An answer that is written piece by piece while the client reads it.
///
/// Between two pieces the connection is suspended in the library: an idle stream costs memory only. A client that went
/// away is noticed when something is written to it, so whoever owns a stream writes now and then. Any thread may write;
/// pieces keep the order of the calls.
package final class ResponseStream: Sendable {
    package enum WriteResult: Sendable, Equatable {
        case accepted
        /// The client reads too slowly and the piece was not taken. Finish the stream, or wait for `onWritable`.
        case full
        /// The stream has ended. Nothing can be written any more.
        case closed
    }

    private struct State {
        var buffer: [UInt8] = []
        /// Where in the buffer the client is.
        var position = 0
        var isSuspended = false
        var isFinished = false
        var isEnded = false
        var onWritable: (@Sendable () -> Void)?

        var pending: Int { buffer.count - position }
    }

    private let core: ListenerCore
    private let connection: Connection
    private let suspension: Suspension
    private let state = Locked(State())

    init(core: ListenerCore, connection: Connection, suspension: Suspension) {
        self.core = core
        self.connection = connection
        self.suspension = suspension
    }

    /// Takes all of `bytes` or nothing. Never waits.
    package func write(_ bytes: [UInt8]) -> WriteResult {
        let (result, isSuspended): (WriteResult, Bool) = state.withLock { state in
            guard !state.isEnded && !state.isFinished else { return (.closed, false) }
            guard state.pending + bytes.count <= core.options.limits.streamBytes else { return (.full, false) }
            // A client that reads all the time and never comes to the end would have all that it read kept.
            if state.position >= core.options.limits.streamBytes {
                state.buffer.removeFirst(state.position)
                state.position = 0
            }
            state.buffer.append(contentsOf: bytes)
            return (.accepted, takeSuspension(&state))
        }
        if isSuspended { core.resume(suspension) }
        return result
    }

    /// Calls `action` once, on a worker, as soon as the client has read everything, or when the stream ends; it must not
    /// wait. At once if there is nothing unread.
    package func onWritable(_ action: @escaping @Sendable () -> Void) {
        let isWritable = state.withLock { state in
            let isWritable = state.pending == 0 || state.isEnded
            if !isWritable { state.onWritable = action }
            return isWritable
        }
        if isWritable { action() }
    }

    /// Ends the answer after what was written, and `last`, for which there is room in any case. The client has the listener's
    /// `answerTime` to read that.
    package func finish(with last: [UInt8] = []) {
        let isSuspended = state.withLock { state in
            guard !state.isEnded && !state.isFinished else { return false }
            state.buffer.append(contentsOf: last)
            state.isFinished = true
            return takeSuspension(&state)
        }
        if isSuspended { core.resume(suspension) }
    }

    enum Piece: Equatable {
        case bytes(Int)
        case suspended
        case end
    }

    /// For the library, on the connection's worker: the next piece.
    func read(into target: UnsafeMutableRawBufferPointer) -> Piece {
        let (piece, action): (Piece, (@Sendable () -> Void)?) = state.withLock { state in
            guard state.pending > 0 else {
                if state.isFinished { return (.end, nil) }
                // Under the lock: nobody can resume before the library has suspended.
                state.isSuspended = true
                connection.allow(until: Connection.noDeadline)
                suspension.suspend()
                return (.suspended, nil)
            }
            let count = min(target.count, state.pending)
            unsafe target.copyBytes(from: state.buffer[state.position..<state.position + count])
            state.position += count
            connection.allow(until: core.now() + core.times.answer)
            guard state.pending == 0 else { return (.bytes(count), nil) }
            state.buffer = []
            state.position = 0
            return (.bytes(count), state.onWritable.take())
        }
        action?()
        return piece
    }

    /// The connection is done with it, or it never began.
    func ended() {
        let (isFirst, action): (Bool, (@Sendable () -> Void)?) = state.withLock { state in
            defer {
                state.isEnded = true
                state.buffer = []
                state.position = 0
            }
            return (!state.isEnded, state.onWritable.take())
        }
        guard isFirst else { return }
        core.roster.remove(self)
        core.counters.streams.decrement()
        action?()
    }

    /// True: the caller must resume. The stop waits for every resume that is under way, so it is counted under the lock.
    private func takeSuspension(_ state: inout State) -> Bool {
        guard state.isSuspended else { return false }
        state.isSuspended = false
        core.resumesUnderWay.increment()
        return true
    }
}
