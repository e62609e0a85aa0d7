/// One request under way. Letting go of it changes nothing; `cancel` does.
package final class Call {
    typealias Completion = (Result<IncomingResponse, TransportError>) -> Void

    let number: UInt64
    let request: OutgoingRequest
    let started: Duration
    var deadline: Duration
    var completion: Completion?
    var target: Target?
    var transfer: Transfer?
    /// Decided before anything was sent, and told at the next turn of the loop.
    var verdict: TransportError?
    /// How often the name was looked up for it.
    var lookups = 0
    private weak var transport: Transport?

    init(
        number: UInt64, request: OutgoingRequest, started: Duration, transport: Transport,
        completion: @escaping Completion
    ) {
        self.number = number
        self.request = request
        self.started = started
        self.transport = transport
        self.completion = completion
        deadline = started + request.deadline
    }

    /// Ends the request now. Its completion will never be called. Without effect once it has been.
    package func cancel() { transport?.cancel(self) }

    var name: String { "\(request.method.rawValue) \(target?.display ?? "to an unusable URL")" }

    func result(deadlinePassedAt now: Duration) -> TransportError {
        if let verdict { return verdict.prefixed(name) }
        let stage = transfer?.stage ?? "looking up \(target?.host ?? "the host")"
        return TransportError(
            .deadlinePassed, "\(name): no complete answer in \(request.deadline) while \(stage)",
            wasSent: transfer?.wasSent ?? false)
    }
}
