import JSON
import PretendHost
import Testing
import Wire

@testable import AgentCore

/// What a coordinator says to a machine that takes over or is taken over from.
struct Word {
    var role = Role.replica
    var epoch: Epoch = 1
    var commands: [Command] = []
    /// To notices; nil: they are not answered.
    var action: NoticeReply.Action? = .monitor
    var answers = true
    var configuration = Configuration(version: 1)
}

/// A machine with a workload, and a coordinator that answers at once what `word` says.
struct WorkloadScene {
    static let other: InstanceID = "i-0123456789abcdef1"

    var scene: Scene
    var word = Word()
    var settings = SlotSettings()

    init(
        _ role: Role, _ handOver: HandOver = .overlap, lease: Int = 0, running: Bool? = nil, seed: UInt64 = 1,
        _ change: (inout TakeOver) -> Void = { _ in }
    ) {
        let state = role == .primary ? WorkloadState.serving(under: 1) : .idle(under: 0)
        self.init(role, handOver, lease: lease, running: running, state: state, seed: seed, change)
    }

    init(
        _ role: Role, _ handOver: HandOver, lease: Int = 0, running: Bool?, state: WorkloadState?, seed: UInt64 = 1,
        _ change: (inout TakeOver) -> Void = { _ in }
    ) {
        settings.handOver = handOver
        settings.leaseSeconds = lease
        word.role = role
        let settings = settings
        scene = Scene(
            remembering: [
                .enrolled(
                    Enrolment(
                        instance: Scene.instance, slot: "slot-1", client: "client-1", token: Samples.token("known"))),
                .configured(Configuration(version: 1, settings: settings)), .ranked(role, 1),
                .booted(Scene.boot, slept: .zero),
            ] + (state.map { [.workload($0)] } ?? []), seed: seed
        ) { options in
            options.takeOver.promoteUnits = ["web.service"]
            options.takeOver.probe = .url("http://localhost/")
            change(&options.takeOver)
        }
        scene.host = PretendHost(units: scene.options.takeOver.units, running: running ?? (role == .primary))
        scene.asksCloud = true
        scene.feed(.started)
        pass(.seconds(1))
    }

    mutating func pass(_ time: Duration) {
        let word = word
        scene.pass(time) { scene in word.say(in: &scene) }
    }

    /// Delivered with the next heartbeat, which is now.
    mutating func deliver(_ orders: (CommandID, Order)..., epoch: Epoch? = nil) {
        word.epoch = epoch ?? word.epoch
        word.commands += orders.map { command($0.1, id: $0.0) }
        scene.feed(.networkChanged)
        pass(.milliseconds(300))
        word.commands = []
    }

    private var coordinatorTime: Timestamp { scene.wall - scene.wallError + scene.serverError }

    func command(_ order: Order, id: CommandID) -> Command {
        Command(
            id: id, instance: Scene.instance, order: order, priority: 100, createdAt: coordinatorTime,
            expiresAt: coordinatorTime + .seconds(180), leaseSeconds: 10, attempt: 1, epoch: word.epoch)
    }

    func promote(awaitsFence: Bool = false, within: Duration = .seconds(15)) -> Order {
        .promote(
            Order.Promote(
                handOver: settings.handOver, awaitsFence: awaitsFence, predecessor: Self.other,
                deadline: coordinatorTime + within))
    }

    func demote(drain: Int = 5) -> Order {
        var order = Order.Demote(handOver: settings.handOver, successor: Self.other, drainBudgetSeconds: drain)
        if settings.handOver == .exclusive { order.fenceAt = coordinatorTime + .seconds(drain + 3) }
        return .demote(order)
    }

    mutating func restart(boot: BootID = Scene.boot) {
        scene.restart(boot: boot)
        pass(.milliseconds(1))
    }

    // MARK: What came of it

    /// The last of each command.
    var results: [CommandID: CommandResult] {
        var results: [CommandID: CommandResult] = [:]
        for asked in scene.asked {
            if case .report(let report, _, _) = asked.question, case .result(let result, let id) = report.content {
                results[id] = result
            }
        }
        return results
    }

    /// The last that was sent.
    var heartbeat: Heartbeat? {
        scene.asked.last { $0.question.kind == .heartbeat }.flatMap {
            if case .heartbeat(let heartbeat, _, _, _) = $0.question { heartbeat } else { nil }
        }
    }

    /// When those fire that are being armed.
    var fences: [Duration] {
        scene.working.compactMap { if case .act(_, .armFence(_, let at)) = $0.work { at } else { nil } }
    }

    func outcome(_ id: CommandID) -> CommandResult.Outcome? { results[id]?.outcome }
    func steps(_ id: CommandID) -> [String] { results[id]?.ledger.map(\.name) ?? [] }
    var acts: [Act] { scene.host.acts.filter(\.isChange) }
}

extension Act {
    /// Looks and fences aside.
    var isChange: Bool {
        switch self {
        case .start, .stop, .runHooks, .powerOff: true
        case .inspect, .armFence, .disarmFence, .probe: false
        }
    }
}

extension Word {
    fileprivate func say(in scene: inout Scene) {
        guard answers else { return }
        while let asked = scene.open.first(where: { $0.question.kind != .notice || action != nil }) {
            switch asked.question.kind {
            case .register: scene.close(asked, .success(scene.registered(role, epoch)))
            case .heartbeat:
                scene.close(
                    asked, .success(scene.heard(role, epoch, version: configuration.version) { $0.commands = commands })
                )
            case .configuration: scene.close(asked, .success(.configured(configuration)))
            case .notice:
                var reply = NoticeReply(incident: "incident-1", action: action ?? .monitor, role: role, epoch: epoch)
                reply.commands = commands
                scene.close(asked, .success(.noticed(reply)))
            case .report: scene.close(asked, .success(.reported))
            }
        }
    }
}
