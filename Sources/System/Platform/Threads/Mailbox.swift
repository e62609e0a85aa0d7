private import CLinux
import Glibc

/// The way onto a loop's thread: any thread sends, the loop's thread receives, in the order of sending.
///
/// Bounded; a full mailbox refuses at once, so that no sender ever waits for the loop. One receiver at a time.
package final class Mailbox<Message: Sendable>: Sendable {
    private struct Content {
        var messages: [Message] = []
        /// Places promised to messages that are still being made.
        var reserved = 0
    }

    private let content = Locked(Content())
    /// Not zero from the moment that the first message comes until the receiver has taken the last.
    private let signal: FileDescriptor
    private let capacity: Int
    private let batchSize: Int

    /// `batchSize` is how many messages one turn of the loop handles at most: timers and sockets get their turn before the
    /// next batch.
    package init(capacity: Int, batchSize: Int = 64) throws(PlatformError) {
        precondition(capacity > 0 && batchSize > 0, "a mailbox that holds or delivers nothing")
        self.capacity = capacity
        self.batchSize = batchSize
        let number = eventfd(0, Int32(EFD_CLOEXEC | EFD_NONBLOCK))
        guard number >= 0 else { throw PlatformError("create a mailbox", errno: lastErrno) }
        signal = FileDescriptor(owning: number)
    }

    /// From any thread, never waiting. False: the mailbox is full and the message is not in it.
    package func send(_ message: Message) -> Bool {
        let wasEmpty: Bool? = content.withLock { content in
            guard content.messages.count + content.reserved < capacity else { return nil }
            content.messages.append(message)
            return content.messages.count == 1
        }
        if wasEmpty == true { raiseSignal() }
        return wasEmpty != nil
    }

    /// Keeps a place for one message, so that work whose result must arrive is not begun when it could not.
    package func reserve() -> Bool {
        content.withLock { content in
            guard content.messages.count + content.reserved < capacity else { return false }
            content.reserved += 1
            return true
        }
    }

    /// Sends into a place kept by `reserve`; always accepted.
    package func sendReserved(_ message: Message) {
        let wasEmpty = content.withLock { content in
            precondition(content.reserved > 0, "a reserved message without a reservation")
            content.reserved -= 1
            content.messages.append(message)
            return content.messages.count == 1
        }
        if wasEmpty { raiseSignal() }
    }

    /// Gives back a place kept by `reserve` that will not be used.
    package func cancelReservation() {
        content.withLock { content in
            precondition(content.reserved > 0, "no reservation to give back")
            content.reserved -= 1
        }
    }

    /// Delivers to `handler` on the loop's thread while the result lives. Messages sent before are delivered first. A batch
    /// that has begun is delivered to its end, also when its handler cancels.
    package func attach(
        to loop: any EventLoop, _ handler: @escaping (Message) -> Void
    ) throws(EventLoopError) -> any DescriptorWatch {
        try loop.watch(descriptor: signal.number, for: .readable) { _ in
            for message in self.takeBatch() { handler(message) }
        }
    }

    private func takeBatch() -> [Message] {
        // Lowered before looking: a message that comes after the look raises it again.
        lowerSignal()
        let (batch, isMore) = content.withLock { content in
            let batch = Array(content.messages.prefix(batchSize))
            content.messages.removeFirst(batch.count)
            return (batch, !content.messages.isEmpty)
        }
        if isMore { raiseSignal() }
        return batch
    }

    private func raiseSignal() {
        var one: UInt64 = 1
        // Fails only when the counter is at its top: then it is raised already.
        _ = unsafe write(signal.number, &one, MemoryLayout<UInt64>.size)
    }

    private func lowerSignal() {
        var count: UInt64 = 0
        _ = unsafe read(signal.number, &count, MemoryLayout<UInt64>.size)
    }
}
