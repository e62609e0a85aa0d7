import JSON
import Wire

/// One thing to be done in the cloud, step by step: a command, or a duty. It does one step at a time and says what it needs
/// before the next.
///
/// Whoever runs it (`Errands`) carries that out, keeps its deadline, and after a restart begins it again with what it had made
/// known of itself.
protocol Errand: Sendable {
    mutating func go(on event: ErrandEvent, _ standing: Standing, _ turn: inout Turn) -> ErrandStep
}

enum ErrandEvent: Sendable {
    /// The first; `progress` is empty but after a restart.
    case began(progress: [Progress])
    case answered(Result<CloudAnswer, CloudFault>)
    /// The pause is over.
    case rested
    /// What it made known is on the disk, or the disk did not take it within the time that a machine in danger can wait.
    case remembered
    /// It has to end now: the command expired while it rested, or the agent stops for good.
    case calledOff(reason: String)
}

/// What an errand needs before its next step.
enum ErrandStep: Sendable {
    case call(CloudRequest, within: Duration)
    case rest(Duration)
    case remember(Progress)
    /// The errand is over.
    case end(ErrandEnd)
}

struct ErrandEnd: Sendable {
    var outcome: CommandResult.Outcome
    /// For a person: what was done, or what failed, and what is left of it.
    var message: String
    var facts: CommandResult.Facts?
}
