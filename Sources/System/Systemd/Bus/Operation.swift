import CSystemd

/// Something asked of the bus that ends exactly once: with its answer, or with a failure at its deadline, when the
/// connection ends, or when its request could not be sent. The bus holds it until then.
class Operation {
    let doing: String
    /// CLOCK_MONOTONIC. It comes early for what could not be sent, so that no completion runs inside the call that asked.
    private(set) var deadline: Duration
    private(set) var failure: SystemdError
    /// The manager's job whose end is awaited, and what to do with its result.
    var job: (path: String, removed: (JobResult) -> Void)?
    /// The call whose reply is awaited, if there is one now.
    private var slot: Slot?
    private var onReply: ((borrowing Message) throws(SystemdError) -> Void)?

    init(doing: String, deadline: Duration) {
        self.doing = doing
        self.deadline = deadline
        failure = SystemdError(.timedOut, "\(doing): no answer in time")
    }

    /// Ends it; the second time does nothing.
    func fail(_ error: SystemdError) { letGo() }

    func failAtNextTurn(_ error: SystemdError) {
        deadline = .zero
        failure = error
    }

    final func letGo() {
        slot = nil
        onReply = nil
        job = nil
    }

    final func error(_ code: SystemdError.Code, _ why: String) -> SystemdError {
        SystemdError(code, "\(doing): \(why)")
    }

    /// Sends `message`, and hands its reply to `onReply` or fails with what came instead.
    final func send(
        _ message: borrowing Message, on connection: OpaquePointer,
        _ onReply: @escaping (borrowing Message) throws(SystemdError) -> Void
    ) throws(SystemdError) {
        var handle: OpaquePointer?
        let context = unsafe Unmanaged.passUnretained(self).toOpaque()
        // No timeout of sd-bus's own: it would be up to 250 ms late, and ours covers all the calls of an operation.
        let result = unsafe sd_bus_call_async(connection, &handle, message.handle, replied, context, .max)
        guard result >= 0, let handle = unsafe handle else { throw error(.disconnected, reason(result)) }
        slot = unsafe Slot(owning: handle)
        self.onReply = onReply
    }

    fileprivate final func take(_ reply: borrowing Message) {
        let onReply = self.onReply
        letGo()
        do throws(SystemdError) {
            if let refusal = reply.refusal { throw refusal }
            try onReply?(reply)
        } catch {
            fail(self.error(error.code, error.description))
        }
    }
}

/// An operation with somebody who waits for its value.
final class Pending<Value>: Operation {
    private var completion: ((Result<Value, SystemdError>) -> Void)?
    private let ended: () -> Void

    init(
        doing: String, deadline: Duration, ended: @escaping () -> Void,
        _ completion: @escaping (Result<Value, SystemdError>) -> Void
    ) {
        self.completion = completion
        self.ended = ended
        super.init(doing: doing, deadline: deadline)
    }

    func end(_ result: Result<Value, SystemdError>) {
        guard let completion else { return }
        self.completion = nil
        letGo()
        ended()
        completion(result)
    }

    override func fail(_ error: SystemdError) { end(.failure(error)) }
}

private func replied(
    message: OpaquePointer?, context: UnsafeMutableRawPointer?, _: UnsafeMutablePointer<sd_bus_error>?
) -> Int32 {
    guard let message = unsafe message, let context = unsafe context else { return 0 }
    let operation = unsafe Unmanaged<Operation>.fromOpaque(context).takeUnretainedValue()
    unsafe operation.take(Message(sharing: message))
    return 1
}

/// Owns one reference to an `sd_bus_slot`: a call under way, or a match. Dropping it ends its callbacks.
@safe final class Slot {
    private let handle: OpaquePointer
    init(owning handle: OpaquePointer) { unsafe self.handle = handle }
    deinit { unsafe sd_bus_slot_unref(handle) }
}
