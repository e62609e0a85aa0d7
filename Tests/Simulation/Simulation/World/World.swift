import AgentCore
import CoordinatorCore
import JSON
import PretendCloud
import Wire

/// Everything there is, in one thread and in virtual time: the coordinator, EC2, the network, and the machines of some workloads.
/// Whatever happens follows from the seed.
final class World: @unchecked Sendable {
    // Unchecked: a simulation is one thread.
    let chance: Chance
    let faults: Faults
    let mutations: Mutations
    let agenda = Agenda()
    let story: Story
    let network: Network
    var digest = RunDigest()
    private(set) lazy var sky = Sky(self)
    private(set) lazy var coordinator = Coordinator(self)
    private(set) lazy var checks = Checks(self)
    var places: [Place] = []
    private var machinesByID: [InstanceID: Machine] = [:]
    /// In the order in which they came to be.
    private(set) var machines: [Machine] = []
    private var made = 0
    /// Off: everything heals.
    private(set) var isTroubled = true
    private(set) var violation: Violation?
    var counts = Counts()
    /// Whether it is waited out that nothing comes of EC2's recommendations, which takes two hours: in one seed of many.
    let waitsForRecommendations: Bool
    /// Workloads that old programs carry, if this seed has any.
    let oldWorkloads: [OldWorkload]
    /// Machines that a person has asked to promote.
    var promotionsAsked: Set<InstanceID> = []

    struct Counts {
        var handOvers = 0
        var switches = 0
        var coordinatorCrashes = 0
        var agentCrashes = 0
    }

    init(seed: UInt64, _ settings: RunSettings) {
        chance = Chance(seed: seed)
        faults = settings.hasFaults ? Faults.drawn(chance) : .none
        waitsForRecommendations = chance.happens(0.04)
        oldWorkloads = OldWorkload.drawn(Chance(seed: ~seed))
        mutations = Mutations(settings.mutation, chance)
        story = Story(settings, of: agenda)
        network = Network(agenda, chance, faults)
        // In this order, whoever asks for one of them first: they draw from the chance.
        _ = (sky, coordinator, checks)
    }

    func fail(_ promise: String, _ sentence: String) {
        guard violation == nil else { return }
        violation = Violation(promise: promise, sentence: sentence, at: agenda.now)
        story.tell("BROKEN", "\(promise): \(sentence)")
    }

    /// Lets time pass; false when a promise was broken.
    func run(until end: Duration) -> Bool {
        while agenda.step(until: end) {
            digest.fold(UInt64(bitPattern: agenda.now.components.attoseconds / 1_000_000_000))
            if agenda.happened > Self.eventsMax {
                fail(
                    "Nothing goes round in circles", "\(agenda.happened) things happened, the last at one moment or so")
            }
            if violation != nil { return false }
        }
        return violation == nil
    }

    /// A hundred times as much as in most runs: what goes on without time passing ends here, and not when memory does.
    private static let eventsMax = 3_000_000

    /// From here on nothing goes wrong that has not gone wrong before.
    func heal() {
        story.tell("world", "all faults end")
        isTroubled = false
        network.faults = .none
        sky.areFaultsOn = false
        sky.fill([])
        coordinator.heal()
        for machine in machines where machine.isRunning { machine.heal() }
    }

    /// What is planned holds on to the world, and the world to its plans: nothing of either would ever go.
    func end() {
        coordinator.crash()
        agenda.clear()
        for machine in machines { machine.letGo() }
    }

    // MARK: Names

    func makeCommandID() -> CommandID {
        var names = NameSource(now: Clocks.epoch, chance: chance.next())
        return names.next()
    }

    func makeInstanceID() -> InstanceID {
        made += 1
        // The pretend cloud counts from zero.
        let digits = String(made + 0xA000, radix: 16)
        do { return try InstanceID("i-\(String(repeating: "0", count: 17 - digits.count))\(digits)") } catch {
            preconditionFailure("\(error)")
        }
    }

    // MARK: Machines

    func machine(_ id: InstanceID) -> Machine? { machinesByID[id] }

    /// A machine that EC2 was asked for starts when EC2 says that it runs; its agent, some time after that.
    func boot(_ instance: CloudInstance, in place: Place, from parent: Machine?) {
        let takes = (parent == nil ? .zero : sky.cloud.runsAfter) + chance.seconds(3...25)
        let isFromImage = parent != nil && (instance.image != "ami-1" || chance.happens(0.1))
        // What an old program starts is a copy of its own machine.
        let build = parent == nil ? place.oldBuild : parent?.old?.build
        agenda.plan(after: takes) { [self] in
            guard sky.state(of: instance.id) == .running else { return }
            let machine = Machine(instance, in: place, of: self, running: build)
            if isFromImage, build == nil, let parent { parent.disk.clone(into: machine.disk) }
            machinesByID[instance.id] = machine
            machines.append(machine)
            story.tell(instance.id.short, "has started in \(instance.zone?.text ?? "") for \(place.name)")
            machine.bootFirst(isFromImage: isFromImage)
        }
    }

    /// EC2 was told to end it: it shuts down, and is gone.
    func windDown(_ id: InstanceID) {
        guard let machine = machine(id), machine.isRunning, !machine.isGoingDown else { return }
        machine.isGoingDown = true
        agenda.plan(after: chance.seconds(0...3)) { machine.shutDown() }
        agenda.plan(after: chance.seconds(4...9)) { machine.end() }
    }

    // MARK: Messages

    /// Nil to `receive`: nobody listens there, or the connection ended.
    func send(
        _ request: Request, from machine: Machine?, _ heard: @escaping () -> Void = {},
        _ receive: @escaping (Response?) -> Void
    ) {
        let receive = OnOneThread(value: receive)
        network.carry(.up, over: machine?.link) { [self] in
            if coordinator.isUp { machine?.spokeAt = agenda.now }
            digest.fold(request.body)
            guard let request = mutations.arrives(request, self, receive.value) else { return }
            coordinator.take(request, heard) { [self] response in
                network.carry(.down, over: machine?.link) { [self] in
                    var response = response
                    if let body = response?.body {
                        digest.fold(body)
                        response?.body = machine?.dialect.written(body) ?? body
                    }
                    receive.value(response)
                }
            }
        }
    }

    func cutConnections(_ replies: [@Sendable (Response?) -> Void]) { for reply in replies { reply(nil) } }

    // MARK: What the coordinator does

    func noteEvents(_ events: [Event]) {
        for event in events {
            story.tell(event.slot?.short ?? "coordinator", event.sentence.shortened)
            digest.fold(Array(event.kind.rawValue.utf8))
            checks.noted(event)
        }
    }

    func noteCommit(_ slot: Slot, _ before: Slot?) {
        if let old = before?.primary?.instance, let new = slot.primary?.instance, old != new { counts.handOvers += 1 }
        if before?.primary == nil, before != nil, slot.primary != nil { counts.handOvers += 1 }
        if let chosen = slot.promoting?.instance, before?.promoting?.instance != chosen {
            noteHandOver(to: machine(chosen), from: slot.primary.flatMap { machine($0.instance) })
        }
        let isUnderWay =
            slot.promoting != nil || slot.commands.contains { $0.state.isOpen && $0.order.type == "demote" }
        if isTroubled, isUnderWay, chance.happens(faults.coordinatorHandOverCrashes) {
            coordinator.death = chance.pick(Coordinator.Death.allCases)
        }
        checks.committed(slot, before)
    }

    /// Its last turn is over, as somebody wanted.
    func coordinatorDies() { killCoordinator(for: chance.tailed(.seconds(2))) }

    func killCoordinator(for pause: Duration) {
        guard coordinator.isUp else { return }
        counts.coordinatorCrashes += 1
        coordinator.crash()
        agenda.plan(after: pause) { [self] in startCoordinator() }
    }

    func startCoordinator() {
        checks.examineStore()
        do { try coordinator.start() } catch {
            guard coordinator.isDiskTroubled else {
                return fail("The coordinator starts on whatever a crash left", "\(error)")
            }
            story.tell("coordinator", "cannot start: \(error)")
            agenda.plan(after: .seconds(1)) { [self] in startCoordinator() }
        }
    }
}

/// A promise that was broken.
package struct Violation: Sendable, CustomStringConvertible {
    package let promise: String
    package let sentence: String
    package let at: Duration
    package var description: String { "\(promise): \(sentence) (at \(Story.text(at)))" }
}

/// Something handed to whoever asks for what any thread may have, where there is only one.
struct OnOneThread<Value>: @unchecked Sendable {
    // Unchecked: a simulation is one thread.
    let value: Value
}
