import JSON
import Wire

/// The errands under way: takes commands in, each once, runs them, and has their results reported.
struct Errands: Sendable {
    /// When it wants to be woken.
    private(set) var nextDue: Duration?
    /// What heartbeats name, which renews the leases.
    var running: [CommandID] { [] }

    init(_ memory: Memory) {}

    /// After a start, once it is known who and where we are: goes on with what was not ended.
    mutating func resume(_ standing: Standing, _ turn: inout Turn) {}
    mutating func take(_ commands: [Command], _ standing: Standing, _ turn: inout Turn) {}
    mutating func take(
        _ call: CallID, _ result: Result<CloudAnswer, CloudFault>, _ standing: Standing, _ turn: inout Turn
    ) {}
    mutating func noteRecorded(upTo batch: Int, _ standing: Standing, _ turn: inout Turn) {}
    /// Time has passed, or `standing` is another one.
    mutating func wake(_ standing: Standing, _ turn: inout Turn) {}
}
