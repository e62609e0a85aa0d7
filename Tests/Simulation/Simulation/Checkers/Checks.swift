import AgentCore
import CoordinatorCore
import CoordinatorStore
import DroppingVFS
import OldAgents
import PretendCloud
import Wire

/// All checkers, told of everything.
final class Checks {
    private unowned let world: World
    private let checkers: [Checker]

    init(_ world: World) {
        self.world = world
        let kinds: [Checker.Type] = [
            OnePrimaryAndRisingEpochs.self, NeverTwoServe.self, NoEndWithoutEvidence.self, OnlyTheFitAreChosen.self,
            ConfigurationsAreCounted.self, VerdictsAreTrue.self, WhatIsAcknowledgedIsKept.self,
            WhatIsSentIsStored.self, RepeatsChangeNothing.self, OldEpochsChangeNothing.self,
            OneMachineForOneCommand.self, CommandsBeginOnce.self, TheDiskRemembers.self, TenantsStayApart.self,
            TheDeletedStayAway.self, NeverTwoAreReached.self, DoubtStopsFirst.self, TheFenceHolds.self,
            NoStopWithoutReason.self, TheLastMomentIsKept.self, WhatServesIsProven.self, OneServesAtLast.self,
            WhatIsBegunIsEnded.self, OldHostsAreToldOnce.self, OnlyMachinesAreHosts.self,
            OldHostsSpeakForThemselves.self,
        ]
        checkers = kinds.map { $0.init(world) }
    }

    func committed(_ slot: Slot, _ before: Slot?) { for checker in checkers { checker.committed(slot, before) } }
    func acknowledged(_ fact: Acknowledged, in slot: SlotID) {
        for checker in checkers { checker.acknowledged(fact, in: slot) }
    }
    func answered(_ machine: Machine, _ answer: Result<Answer, AskFailure>, to question: Question) {
        for checker in checkers { checker.answered(machine, answer, to: question) }
    }
    func heard(_ machine: Machine, _ call: OldCall) { for checker in checkers { checker.heard(machine, call) } }
    func told(_ machine: Machine, _ call: OldCall, _ reply: OldValue) {
        for checker in checkers { checker.told(machine, call, reply) }
    }
    func noted(_ event: Event) { for checker in checkers { checker.noted(event) } }
    func announced(_ machine: Machine, _ announcement: Announcement) {
        for checker in checkers { checker.announced(machine, announcement) }
    }
    func remembers(_ machine: Machine, _ memory: Memory) {
        for checker in checkers { checker.remembers(machine, memory) }
    }
    func asks(_ machine: Machine, _ request: CloudRequest) {
        for checker in checkers { checker.asks(machine, request) }
    }
    func launched(_ launched: PretendCloud.Machine, by machine: Machine) {
        for checker in checkers { checker.launched(launched, by: machine) }
    }

    func acts(_ machine: Machine, _ act: Act) { for checker in checkers { checker.acts(machine, act) } }
    func workloadChanged(_ machine: Machine) { for checker in checkers { checker.workloadChanged(machine) } }
    func fenceArmed(on machine: Machine) { for checker in checkers { checker.fenceArmed(on: machine) } }
    func fenceFired(on machine: Machine) { for checker in checkers { checker.fenceFired(on: machine) } }
    func probed(_ machine: Machine) { for checker in checkers { checker.probed(machine) } }
    func booted(_ machine: Machine) { for checker in checkers { checker.booted(machine) } }
    func wentOn(_ machine: Machine, after suspension: Duration) {
        for checker in checkers { checker.wentOn(machine, after: suspension) }
    }
    func unrest(in place: Place) -> [String] { checkers.flatMap { $0.unrest(in: place) } }

    /// Looks at what a crash left, before the next coordinator does.
    func examineStore() {
        let disk = world.coordinator.disk
        guard disk.content(of: Coordinator.path) != nil else { return }
        do {
            let store = try Store(path: Coordinator.path, vfs: disk.name)
            try store.write { transaction in for checker in checkers { try checker.storeOpened(transaction) } }
        } catch {
            // What the disk refuses just now the coordinator will meet, too.
            if !world.coordinator.isDiskTroubled { world.fail("The database survives every crash", "\(error)") }
        }
    }
}
