import JSON
import Wire

/// One thing to be done in the cloud or on this machine, step by step: a command, a duty, or a part of one. It does one step at
/// a time and says what it needs before the next.
///
/// Whoever runs it (`Errands`) carries that out, and after a restart begins it again with what it had made known of itself.
protocol Errand: Sendable {
    mutating func go(on event: ErrandEvent, _ standing: Standing, _ turn: inout Turn) -> ErrandStep
}

enum ErrandEvent: Sendable {
    /// The first; `progress` is empty but after a restart.
    case began(progress: [Progress])
    case answered(Result<CloudAnswer, CloudFault>)
    case acted(Result<Acted, ActFault>)
    /// All parts are over, in the order in which they were asked for.
    case joined([PartEnd])
    /// The pause is over.
    case rested
    /// What it made known is on its way to the disk.
    case remembered
    /// The coordinator will be told; what follows is ours alone.
    case reported
}

/// What an errand needs before its next step.
enum ErrandStep: Sendable {
    /// What only reads is asked again until it is answered or the time is over. What changes something goes out once, after
    /// everything that the errand made known is on the disk, or the disk did not take it in the time that a machine in danger
    /// can wait.
    case call(CloudRequest, within: Duration)
    /// Goes out at once, and once: what is done to the workload bears being done again after a crash.
    case act(Act, within: Duration)
    /// Side by side, each for as long as its budget.
    case join([Part])
    case rest(Duration)
    case remember(Progress)
    /// The command is answered with this; the errand goes on.
    case report(ErrandEnd)
    /// The errand is over, and so is its command, unless that was answered before.
    case end(ErrandEnd)
}

struct ErrandEnd: Sendable, Equatable {
    var outcome: CommandResult.Outcome
    /// For a person: what was done, or what failed, and what is left of it.
    var message: String
    var facts: CommandResult.Facts?
    /// What each step of a hand-over took.
    var ledger: [LedgerStep] = []
    /// What a look at a replica found missing.
    var lacks: [String] = []
    /// What is not as it should be, though it is done.
    var doubts: [String] = []

    static func done(_ message: String, _ facts: CommandResult.Facts? = nil) -> ErrandEnd {
        ErrandEnd(outcome: .done, message: message, facts: facts)
    }
    static func failed(_ message: String) -> ErrandEnd { ErrandEnd(outcome: .failed, message: message) }
    static func refused(_ message: String) -> ErrandEnd { ErrandEnd(outcome: .refused, message: message) }
}

extension ErrandStep {
    static func done(_ message: String, _ facts: CommandResult.Facts? = nil) -> ErrandStep {
        .end(.done(message, facts))
    }
    static func failed(_ message: String) -> ErrandStep { .end(.failed(message)) }
}

extension CloudFault {
    /// Nobody knows whether it was done; it may be asked again.
    var isPassing: Bool { kind == .busy || kind == .unreachable }
}

extension Result<CloudAnswer, CloudFault> {
    /// What EC2 says of one machine; nil: it does not know it (yet, or any more).
    func instance(_ id: InstanceID) throws(CloudFault) -> CloudInstance? {
        switch self {
        case .success(.instances(let found)):
            return found.first { $0.id == id && $0.state != .notFound }
        case .success(let other): throw .mismatch(other)
        case .failure(let fault) where fault.kind == .notFound: return nil
        case .failure(let fault): throw fault
        }
    }
}

extension CloudFault {
    /// The answer to another question: whoever reads answers must not fall over one.
    static func mismatch(_ answer: CloudAnswer) -> CloudFault {
        CloudFault(.invalid, "the cloud answered something else than it was asked: \(answer)")
    }
}
