package import Wire

/// What came of what was asked of the heart.
package enum Outcome<Reply: Sendable>: Sendable {
    /// Done, and on the disk.
    case done(Reply)
    /// It cannot be done, and nothing was changed.
    case refused(ErrorReply)
    /// It was not done, or nobody can tell yet; asking again is safe.
    case unavailable(String)

    package func map<Other: Sendable>(_ change: (Reply) -> Other) -> Outcome<Other> {
        switch self {
        case .done(let reply): .done(change(reply))
        case .refused(let reply): .refused(reply)
        case .unavailable(let reason): .unavailable(reason)
        }
    }
}
