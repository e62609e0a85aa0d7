import JSON
import Wire

/// Reads from the metadata service who we are and what becomes of us, one read at a time, and knows when it is blind.
struct Watch: Sendable {
    enum Finding: Sendable, Equatable {
        /// Told once at the start, and again when the service says otherwise.
        case identified(InstanceFacts)
        /// New, or the same in other words (another time, another action).
        case noticed(Notice.Signal)
        /// The service does not say it any more, or has called it off.
        case gone(Notice.Signal)
        case blind(reason: String)
        case sighted(after: Duration)
    }

    /// When it wants to be woken; nil while a read is under way, whose answer comes by its deadline.
    private(set) var nextDue: Duration?
    private(set) var isBlind = false
    /// The age of the newest answer of the metadata service.
    func age(at now: Duration) -> Duration? { nil }

    init(_ options: AgentOptions) {}

    mutating func begin(_ turn: inout Turn) {}
    mutating func change(to options: AgentOptions, _ turn: inout Turn) {}
    mutating func take(_ item: MetadataItem, _ reading: MetadataReading, _ turn: inout Turn) -> [Finding] { [] }
    /// Time has passed.
    mutating func wake(_ turn: inout Turn) -> [Finding] { [] }
}
