import CoordinatorCore
import JSON
import OldAgents
import Wire

/// One of the six old programs on a machine, where others have an agent of today: one process after another of a player, with
/// the real coordinator on the other side of the network.
final class OldProgram {
    let build: OldBuild
    unowned let machine: Machine
    private let environment: OldEnvironment
    private(set) var player: OldAgent<OldSky>?
    private var sky: OldSky
    /// What the program of v5 has in a file.
    private var storedID: String?
    private(set) var startedAt = Duration.zero
    private var process = 0
    private var alarm = 0
    /// What came while the machine stood still.
    private var unread: [(call: Int, reply: OldReply)] = []
    /// Since when it does nothing any more.
    private(set) var stuckSince: Duration?

    /// None answers later than this, and none of them waits longer.
    private static let patience = Duration.seconds(30)
    /// systemd's `RestartSec`.
    private static let restartsAfter = Duration.seconds(10)

    init(_ build: OldBuild, on machine: Machine) {
        self.build = build
        self.machine = machine
        environment = OldEnvironment(token: machine.place.clientToken.secret, logicalID: machine.place.name.text)
        sky = OldSky(machine)
    }

    private var world: World { machine.world }

    /// The slot that it takes itself for a host of.
    var slot: SlotID? { player?.agentID.flatMap { try? SlotID($0) } }

    // MARK: Its processes

    func start() {
        guard player == nil else { return }
        process += 1
        startedAt = world.agenda.now
        world.story.tell(machine.id.short, "its \(build.rawValue) starts")
        player = OldAgent(build, on: machine.id.text, environment, storedID: storedID, at: world.agenda.now, &sky)
        keepTime()
        carryOn()
    }

    /// Killed, or off with its machine.
    func end() {
        guard player != nil else { return }
        world.story.tell(machine.id.short, "its \(build.rawValue) ends")
        process += 1
        (player, unread, stuckSince) = (nil, [], nil)
    }

    /// It says farewell first.
    func stop() {
        guard machine.isAwake else { return end() }
        change { player, _ in player.stop() }
        end()
    }

    /// Whoever runs the machine has it started again.
    func restart(asNew isNew: Bool = false) {
        stop()
        if isNew { storedID = nil }
        startLater()
    }

    func startLater() { machine.plan(after: Self.restartsAfter) { [machine] in machine.startAgent() } }

    // MARK: What it does

    /// Also after the machine stood still.
    func handleWaiting() {
        for (call, reply) in unread { change { player, sky in player.answer(call, reply, &sky) } }
        unread = []
        change { player, sky in player.advance(to: player.now, &sky) }
    }

    private func change(_ body: (inout OldAgent<OldSky>, inout OldSky) -> Void) {
        // Not in place: what it asks of EC2 is looked at by checkers, which look at it.
        guard var changed = player, machine.isAwake else { return }
        changed.epoch = machine.clocks.wall(at: world.agenda.now) - world.agenda.now
        changed.advance(to: world.agenda.now, &sky)
        body(&changed, &sky)
        player = changed
        carryOn()
    }

    private func carryOn() {
        guard var current = player else { return }
        storedID = current.storedID
        let calls = current.takeCalls()
        player = current
        for call in calls { ask(call) }
        noteSlot()
        guard current.life != .ended else {
            end()
            if !machine.isGoingDown { startLater() }
            return
        }
        if current.readiness == .ready { stuckSince = nil } else { stuckSince = stuckSince ?? world.agenda.now }
        keepTime()
    }

    private func keepTime() {
        guard let next = player?.nextTurn else { return }
        alarm += 1
        let (number, process) = (alarm, process)
        world.agenda.plan(at: next) { [self] in
            if number == alarm, process == self.process { change { _, _ in } }
        }
    }

    private func ask(_ call: OldCall) {
        let process = process
        let hear: (OldReply) -> Void = { [self] reply in
            guard process == self.process else { return }
            if machine.isAwake {
                change { player, sky in player.answer(call.id, reply, &sky) }
            } else {
                unread.append((call.id, reply))
            }
        }
        world.send(Request(call, of: machine), from: machine) {
            hear(OldReply(status: $0?.status, body: $0?.body ?? []))
        }
        world.agenda.plan(after: Self.patience) { hear(OldReply(status: nil)) }
    }

    /// An agent of v5 is called as its first machine: another machine may be another agent, and then that one is the workload's.
    private func noteSlot() {
        guard let slot, world.coordinator.slots[slot] != nil, machine.place.slot != slot else { return }
        let known = world.slot(of: machine.place)
        let serves = known?.deletedAt == nil && known?.primary.map { world.sky.mayRun($0.instance) } ?? false
        if !serves { machine.place.noteSlot(slot) }
    }
}
