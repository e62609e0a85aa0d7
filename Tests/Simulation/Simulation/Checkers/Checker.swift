import AgentCore
import CoordinatorCore
import CoordinatorStore
import OldAgents
import PretendCloud
import Wire

/// Watches over one promise. It is told what happens, step by step, and compares it with what it may be; each is cheap.
class Checker {
    unowned let world: World

    required init(_ world: World) { self.world = world }

    /// The promise, as it is told when it was broken.
    var promise: String { preconditionFailure("each checker has a promise") }

    final func broken(_ sentence: String) { world.fail(promise, sentence) }

    // MARK: What happens
    // An old program announces nothing, remembers next to nothing, and neither starts nor stops the workload: what is built on these
    // says nothing of it. Nor can it be fenced, so whoever must never serve beside another is never one.

    /// The coordinator committed a slot; `before` is as it was last committed.
    func committed(_ slot: Slot, _ before: Slot?) {}
    /// An answer has left that says that something is stored.
    func acknowledged(_ fact: Acknowledged, in slot: SlotID) {}
    /// An answer has reached the host that had asked.
    func answered(_ machine: Machine, _ answer: Result<Answer, AskFailure>, to question: Question) {}
    /// The coordinator has got what an old program asks,
    func heard(_ machine: Machine, _ call: OldCall) {}
    /// and answers it.
    func told(_ machine: Machine, _ call: OldCall, _ reply: OldValue) {}
    func noted(_ event: Event) {}
    func announced(_ machine: Machine, _ announcement: Announcement) {}
    /// An agent starts with what its disk holds.
    func remembers(_ machine: Machine, _ memory: Memory) {}
    /// EC2 is about to do what a host asks.
    func asks(_ machine: Machine, _ request: CloudRequest) {}
    func launched(_ launched: PretendCloud.Machine, by machine: Machine) {}
    /// An agent has something done on its machine.
    func acts(_ machine: Machine, _ act: Act) {}
    /// What runs on a machine, or who could be answered by it, may be another now.
    func workloadChanged(_ machine: Machine) {}
    func fenceArmed(on machine: Machine) {}
    func fenceFired(on machine: Machine) {}
    /// A look at the workload found that it serves.
    func probed(_ machine: Machine) {}
    /// A machine starts, with nothing running yet.
    func booted(_ machine: Machine) {}
    /// A machine stood still, and does not any more. It was suspended for so long of that.
    func wentOn(_ machine: Machine, after suspension: Duration) {}
    /// Everything should have come to rest: what is not as it should be, each in a sentence.
    func unrest(in place: Place) -> [String] { [] }
    /// The database is open after a crash, before anybody else changes it.
    func storeOpened(_ store: borrowing StoreTransaction) throws {}
}

/// What the coordinator told somebody who asked that it is stored.
enum Acknowledged {
    case host(InstanceID)
    case report(ReportStamp, kind: StaticString, ReportReply.Outcome, Said?)
    case result(CommandID, CommandResult, ReportReply.Outcome, Said?)
    case incident(IncidentID)
    case command(CommandID)
    case configuration(ConfigVersion)
    case deletion
}
