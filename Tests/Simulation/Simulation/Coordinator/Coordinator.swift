import CoordinatorCore
import CoordinatorHeart
import CoordinatorJobs
import CoordinatorStore
import DroppingVFS
import JSON
import Platform
import Wire

/// The coordinator as one process after another on one disk: the real heart, the real jobs and the real database, a door that
/// takes requests as bytes, and whoever lets it work, stand still and die.
final class Coordinator: @unchecked Sendable {
    // Unchecked: a simulation is one thread.
    static let path = "/coordinator.sqlite"

    unowned let world: World
    let clock: CoordinatorClock
    let disk: DroppingDisk
    private(set) var heart: Heart?
    private var jobs: Jobs?
    private var door: Door?
    /// Which process it is: what an earlier one had begun comes to nothing.
    private(set) var life = 0
    private(set) var resumesAt = Duration.zero
    /// How long a commit takes.
    var commitTakes = Duration.milliseconds(2)
    /// When all that had arrived was last decided.
    private(set) var idleAt = Duration.zero
    private var isTurnPlanned = false
    /// It is about to die: what it says is not heard any more.
    private(set) var isDying = false
    /// How the next turn ends, when somebody wants it to be the last.
    var death: Death?
    /// Slots as they were last committed.
    private(set) var slots: [SlotID: Slot] = [:]

    /// Its disk may refuse anything just now.
    private(set) var isDiskTroubled = false
    /// The database as it was some commits ago.
    private var copy: [String: [UInt8]] = [:]

    enum Death: CaseIterable { case beforeCommit, duringCommit, afterCommit }

    init(_ world: World) {
        self.world = world
        clock = CoordinatorClock(world.agenda, world.chance)
        disk = DroppingDisk(seed: world.chance.next())
    }

    var isUp: Bool { heart != nil }

    /// What memory says: a host of which nothing is wrong is heard without a decision, and so is not told to `slots`.
    func hears(_ host: Host, of slot: Slot) -> Bool { heart?.isFresh(slot.id, host.instance) ?? false }

    // MARK: Its life

    func start() throws {
        var settings = HeartSettings(databasePath: Self.path)
        settings.vfs = disk.name
        settings.isTurnedByHand = true
        let heart = try Heart(settings, surroundings: clock) { [unowned world] events in world.noteEvents(events) }
        life += 1
        let number = life
        let loop = SimulatedLoop(
            world.agenda, clock, isAlive: { [unowned self] in life == number && isUp },
            resumesAt: { [unowned self] in resumesAt })
        jobs = try Jobs(loop: loop, heart: heart, surroundings: clock)
        self.heart = heart
        door = Door(heart, self)
        look(number)
        world.story.tell("coordinator", "starts")
    }

    /// What the service does once a second, and what the jobs have queued in between.
    private func look(_ number: Int) {
        guard life == number, let heart else { return }
        if resumesAt <= world.agenda.now { heart.retryCommit() }
        noteWork()
        world.agenda.plan(after: .milliseconds(200)) { [unowned self] in look(number) }
    }

    /// Its process ends, and with it whatever was not on the disk.
    func crash() {
        guard let heart else { return }
        world.story.tell("coordinator", "is killed")
        isDying = true
        disk.cutPower(after: 0)
        // What was queued fails, and so lets go of the heart.
        while !isQuiet(heart) {}
        world.cutConnections(door?.end() ?? [])
        (self.heart, jobs, door) = (nil, nil, nil)
        (isDying, death, isTurnPlanned) = (false, nil, false)
        disk.crash(keeping: world.chance.happens(0.3) ? .onlySynced : .someUnsynced)
        if world.mutations.are(.commitsLost) { for file in Self.files { disk.put(copy[file] ?? [], at: file) } }
    }

    private static let files = [path, "\(path)-wal"]

    private func isQuiet(_ heart: Heart) -> Bool {
        heart.read()
        return heart.turn(atMost: Int.max) == nil
    }

    func pause(for pause: Duration, isSuspended: Bool) {
        world.story.tell("coordinator", "stands still for \(Story.text(pause))")
        resumesAt = max(resumesAt, world.agenda.now + pause)
        if isSuspended { clock.clocks.suspend(for: pause) }
    }

    // MARK: Its disk

    func fillDisk(but bytes: Int) {
        world.story.tell("coordinator", "its disk is full, but for \(bytes) bytes")
        isDiskTroubled = true
        disk.limitSpace(to: disk.usedSpace + bytes)
    }

    func failDisk(after operations: Int) {
        world.story.tell("coordinator", "its disk fails once")
        isDiskTroubled = true
        disk.fail(world.chance.happens(0.5) ? .sync : .write, after: operations)
    }

    func healDisk() {
        isDiskTroubled = false
        disk.limitSpace(to: nil)
        disk.failNoMore()
        commitTakes = .milliseconds(2)
    }

    func heal() {
        healDisk()
        death = nil
    }

    // MARK: Its work

    /// A request has arrived. It is `heard` once nothing stands still. Nil to `reply`: the connection ends without an answer.
    func take(
        _ request: Request, _ heard: @escaping () -> Void, _ reply: @escaping @Sendable (Response?) -> Void
    ) {
        guard let door else { return reply(nil) }
        guard resumesAt <= world.agenda.now else {
            let number = life
            return world.agenda.plan(at: resumesAt) { [unowned self] in
                if life == number { take(request, heard, reply) } else { reply(nil) }
            }
        }
        heard()
        door.enter(request, reply)
        noteWork()
    }

    /// Plans the next turn, when there is something to do.
    func noteWork() {
        guard let heart, !isTurnPlanned, !isDying else { return }
        heart.read()
        guard heart.queueDepth > 0 else { return idleAt = world.agenda.now }
        isTurnPlanned = true
        let number = life
        let at = max(world.agenda.now + commitTakes * (0.2 + 2 * world.chance.fraction()), resumesAt)
        world.agenda.plan(at: at) { [unowned self] in
            guard life == number, isUp else { return }
            isTurnPlanned = false
            turn()
        }
    }

    private func turn() {
        guard let heart else { return }
        if resumesAt > world.agenda.now { return noteWork() }
        let works = world.chance.happens(0.5) ? 64 : world.chance.whole(1...4)
        if let death {
            isDying = true
            if death == .beforeCommit { disk.cutPower(after: 0) }
            if death == .duringCommit { disk.cutPower(after: world.chance.whole(1...12)) }
        }
        if world.mutations.are(.commitsLost), world.chance.happens(0.05) {
            for file in Self.files { copy[file] = disk.content(of: file) }
        }
        let committed = heart.turn(atMost: works) ?? []
        for slot in committed {
            let before = slots.updateValue(slot, forKey: slot.id)
            world.noteCommit(slot, before)
        }
        guard !isDying else {
            world.coordinatorDies()
            return
        }
        noteWork()
    }
}
