import CoordinatorCore
import CoordinatorStore
import JSON
import Wire

/// A change that is about a tenant, not about a slot.
final class ClientWork<Reply: Sendable>: Work, @unchecked Sendable {
    // Unchecked: after it was made, only the writer's thread touches it.

    typealias Body = @Sendable (borrowing StoreTransaction, inout Batch) throws -> Outcome<Reply>

    let lastMoment: Timestamp? = nil
    private let body: Body
    private let after: @Sendable (Reply) -> Void
    private let answer: @Sendable (Outcome<Reply>) -> Void
    private var outcome: Outcome<Reply>?

    /// `after` is called once what `body` did is on the disk, before the answer.
    init(
        _ answer: @escaping @Sendable (Outcome<Reply>) -> Void, _ body: @escaping Body,
        after: @escaping @Sendable (Reply) -> Void = { _ in }
    ) {
        self.answer = answer
        self.body = body
        self.after = after
    }

    func run(_ transaction: borrowing StoreTransaction, _ batch: inout Batch) throws {
        outcome = try body(transaction, &batch)
    }

    func finish(_ end: WorkEnd) {
        switch end {
        case .committed:
            guard let outcome else { preconditionFailure("a work that was committed has run") }
            if case .done(let reply) = outcome { after(reply) }
            answer(outcome)
        case .failed(let reason): answer(.unavailable(reason))
        }
    }
}
