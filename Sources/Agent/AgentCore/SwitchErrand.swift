import JSON
import Wire

/// The command to carry the workload to a new machine.
///
/// ```
///  image, when wanted ─▶ launch, until it runs ─▶ prices ─▶ result and report ─▶ wait ─▶ terminate this machine
///         │                      │
///         ▼ failed               ▼ failed
///  the image of this machine     the image goes again, and with it the switch
/// ```
struct SwitchErrand: Errand {
    /// Enough for two answers; the report is not kept waiting for more.
    static let pricesWithin = Duration.seconds(5)

    private enum Stage: Sendable {
        case imaging(Imaging)
        case launching(Launching)
        case pricing(Pricing, Switched)
        /// The report follows the result; after a restart it has.
        case reporting(ErrandEnd, SwitchReport?, Leaving)
        case leaving(Leaving)
        case removing(Removing, why: String)
    }

    let command: Command
    let order: Order.Switch
    private var stage: Stage
    private var image: CloudAnswer.Image?
    private var imageCreatedAt: Timestamp?
    /// What a person should hear of beside the outcome.
    private var remark = ""
    private let takenAt: Timestamp
    private var isLate = false

    init(_ command: Command, _ order: Order.Switch, takenAt: Timestamp) {
        self.command = command
        self.order = order
        self.takenAt = takenAt
        stage = .imaging(Imaging(command.id))
    }

    mutating func go(on event: ErrandEvent, _ standing: Standing, _ turn: inout Turn) -> ErrandStep {
        if case .began(let progress) = event { return begin(progress, standing, &turn) }
        switch stage {
        case .imaging(var imaging):
            let step = imaging.go(on: event, standing, &turn)
            stage = .imaging(imaging)
            guard case .end(let end) = step else { return step }
            return takeImage(imaging, end, standing, &turn)
        case .launching(var launching):
            let step = launching.go(on: event, standing, &turn)
            stage = .launching(launching)
            guard case .end(let end) = step else { return step }
            return takeLaunch(launching, end, standing, &turn)
        case .pricing(var pricing, let switched):
            let step = pricing.go(on: event, standing, &turn)
            stage = .pricing(pricing, switched)
            guard case .end = step else { return step }
            return conclude(switched, pricing, standing, &turn)
        case .reporting(let answer, let report, var leaving):
            guard case .reported = event else { return .report(answer) }
            if let report { turn.report(as: report.stamp.report, .switched(report)) }
            let step = leaving.go(on: .began(progress: []), standing, &turn)
            stage = .leaving(leaving)
            return step
        case .leaving(var leaving):
            let step = leaving.go(on: event, standing, &turn)
            stage = .leaving(leaving)
            return step
        case .removing(var removing, let why):
            let step = removing.go(on: event, standing, &turn)
            stage = .removing(removing, why: why)
            guard case .end = step else { return step }
            let left = (removing.images.failed + removing.snapshots.failed).map(\.id.text).joined(separator: ", ")
            return .failed(left.isEmpty ? why : "\(why); \(left) could not be removed: remove it by hand")
        }
    }

    private mutating func begin(
        _ progress: [Progress], _ standing: Standing, _ turn: inout Turn
    ) -> ErrandStep {
        var prepared: Launch?
        var wasImaging = false
        for step in progress {
            switch step {
            case .switched(let instance, let at): return resumeLeaving(instance, at, progress)
            case .launchPrepared(let launch): prepared = launch
            case .launched, .launchFailed, .stepped: break
            case .imageCreated(let id):
                wasImaging = true
                image = CloudAnswer.Image(id: id, state: .pending, createdAt: nil)
            case .imageNamed: wasImaging = true
            }
        }
        isLate = command.isLate(standing, turn)
        if let prepared { return launch(progress, from: prepared.image, standing, &turn) }
        if isLate {
            return fail("the time of the command was over before EC2 was asked for a machine", standing, &turn)
        }
        guard wasImaging || wantsImage(standing) else { return launch([], standing, &turn) }
        var imaging = Imaging(command.id)
        let step = imaging.go(on: .began(progress: progress), standing, &turn)
        stage = .imaging(imaging)
        return step
    }

    private mutating func wantsImage(_ standing: Standing) -> Bool {
        guard order.makesImage || standing.options.makesImageOnSwitch else { return false }
        // It takes minutes, and the machine has two.
        guard command.trigger != .emergency else {
            remark = "; no image was made, since there was no time"
            return false
        }
        return true
    }

    private mutating func takeImage(
        _ imaging: Imaging, _ end: ErrandEnd, _ standing: Standing, _ turn: inout Turn
    ) -> ErrandStep {
        image = imaging.image
        imageCreatedAt = imaging.createdAt
        guard end.outcome == .done else {
            remark = "; it was started from the image of the old machine, since \(end.message)"
            turn.tell(.step(command.id, end.message))
            return launch([], standing, &turn)
        }
        return launch([], from: image?.id, standing, &turn)
    }

    private mutating func launch(
        _ progress: [Progress], from image: ResourceID? = nil, _ standing: Standing, _ turn: inout Turn
    ) -> ErrandStep {
        if progress.isEmpty, let overtaken = overtaken(standing) { return fail(overtaken, standing, &turn) }
        var launching = Launching(
            LaunchWish(
                command: command.id, mode: order.mode, pool: order.pool, nearness: .here, image: image, isLate: isLate))
        let step = launching.go(on: .began(progress: progress), standing, &turn)
        stage = .launching(launching)
        return step
    }

    private mutating func takeLaunch(
        _ launching: Launching, _ end: ErrandEnd, _ standing: Standing, _ turn: inout Turn
    ) -> ErrandStep {
        guard case .launched(let machine)? = end.facts else {
            // A machine that may run was started from the image, and is what the next one is started from.
            return launching.mayRun ? .failed(end.message + remark) : fail(end.message, standing, &turn)
        }
        if let overtaken = overtaken(standing) {
            // It may be the machine that took over: whoever serves is never ended from here.
            return .failed("\(overtaken); \(machine.instance) runs and was left as it is")
        }
        let switched = Switched(
            machine: machine, image: image?.id == machine.image ? machine.image : nil, imageCreatedAt: imageCreatedAt,
            launchedAt: launching.launchedAt, readyAt: turn.wall)
        var pricing = Pricing(machine.instanceType, standing.facts.region, within: Self.pricesWithin)
        let step = pricing.go(on: .began(progress: []), standing, &turn)
        stage = .pricing(pricing, switched)
        return step
    }

    /// The workload has moved another way while the switch was under way.
    private func overtaken(_ standing: Standing) -> String? {
        guard standing.epoch > command.epoch else { return nil }
        return "the slot has had another primary since the switch was asked for (epoch \(standing.epoch))"
    }

    private mutating func fail(_ why: String, _ standing: Standing, _ turn: inout Turn) -> ErrandStep {
        guard let image else { return .failed(why + remark) }
        var removing = Removing(images: [image])
        let step = removing.go(on: .began(progress: []), standing, &turn)
        stage = .removing(removing, why: why + remark)
        return step
    }

    // MARK: The workload has moved

    private mutating func conclude(
        _ switched: Switched, _ pricing: Pricing, _ standing: Standing, _ turn: inout Turn
    ) -> ErrandStep {
        let report = switched.report(command, takenAt: takenAt, pricing, standing)
        let instance = switched.machine.instance
        let leaving = Leaving(command, wait: order.terminateWaitSeconds, since: turn.wall)
        stage = .reporting(answer(switched.machine), report, leaving)
        return .remember(.switched(to: instance, at: turn.wall))
    }

    /// After a restart: what the result said follows from what was remembered, and it is told again.
    private mutating func resumeLeaving(
        _ instance: InstanceID, _ at: Timestamp, _ progress: [Progress]
    ) -> ErrandStep {
        let launches = progress.compactMap { if case .launchPrepared(let launch) = $0 { launch } else { nil } }
        guard let launch = launches.last else { return .failed("what was remembered of the switch is not whole") }
        let machine = CommandResult.LaunchedInstance(
            instance: instance, instanceType: launch.instanceType, zone: launch.zone, mode: launch.mode,
            image: launch.image)
        let answer = answer(machine)
        stage = .reporting(answer, nil, Leaving(command, wait: order.terminateWaitSeconds, since: at))
        return .report(answer)
    }

    private func answer(_ machine: CommandResult.LaunchedInstance) -> ErrandEnd {
        .done("\(machine.instance) runs in place of \(command.instance)\(remark)", .launched(machine))
    }
}
