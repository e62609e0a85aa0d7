import JSON
import Wire

/// Has EC2 start one machine for a command, and sees it running.
///
/// ```
///        ┌── no room: the next zone ◀─────────────────────────┐
///        ▼                                                    │
///  plan ─▶ launchPrepared ─▶ look for the command's machine ─▶ run ─▶ launched ─▶ watch ─▶ running
///             (on disk)               │     ▲                  │                   │
///                                     │     └── nobody knows ──┘                   ▼
///                                     └────── found ─────────────────────▶     end it again
/// ```
/// Never two machines for one launch: it is looked for by its tag before each `run`, and each carries the same token and the
/// same parameters. Either is enough where the other fails: an EC2 that shows what is new late, or one that ignores tokens.
struct Launching: Errand {
    /// Zones to try. A region has at most six, and EC2 answers each within seconds.
    static let launchesMax = 6
    /// How long to go on asking when nobody can say whether it was done.
    static let patience = Duration.seconds(120)
    /// EC2 needs 20 to 30 s, and big machines a few minutes.
    static let runningWithin = Duration.seconds(300)
    /// A machine that was just launched is not known everywhere at once.
    static let unknownFor = Duration.seconds(60)
    static let pause = Duration.seconds(2)
    /// EC2 answers within five. An answer that was lost must not use up the patience: the look tells what became of it.
    static let runWithin = Duration.seconds(15)

    private enum Stage: Sendable {
        case planning
        case preparing(Launch)
        case looking(Launch)
        case running(Launch)
        case failing(CloudFault)
        case launched(InstanceID)
        case watching(InstanceID, until: Duration, unknownUntil: Duration)
        case ending(Terminating, why: String)
    }

    var wish: LaunchWish
    private(set) var launchedAt: Timestamp?
    /// It failed, and nobody can say whether there is a machine.
    private(set) var mayRun = false
    private var planning: Planning
    private var launches: [Launch] = []
    private var stage = Stage.planning
    private var deadline: Duration?

    init(_ wish: LaunchWish) {
        self.wish = wish
        planning = Planning(wish)
    }

    /// The launch whose machine it is, once there is one.
    var launch: Launch? { launches.last }

    mutating func go(on event: ErrandEvent, _ standing: Standing, _ turn: inout Turn) -> ErrandStep {
        if case .began(let progress) = event { return resume(progress, standing, &turn) }
        switch stage {
        case .planning: return plan(event, standing)
        case .preparing(let launch): return look(for: launch)
        case .looking(let launch): return takeLook(for: launch, event, &turn)
        case .running(let launch): return takeRun(of: launch, event, standing, &turn)
        case .failing(let fault): return planNext(after: fault, standing)
        case .launched(let instance): return watch(instance, &turn)
        case .watching(let instance, let until, let unknownUntil):
            return takeWatch(of: instance, until, unknownUntil, event, standing, &turn)
        case .ending(var terminating, let why):
            let step = terminating.go(on: event, standing, &turn)
            stage = .ending(terminating, why: why)
            guard case .end(let end) = step else { return step }
            mayRun = end.outcome != .done
            return .failed("\(why); \(end.message)\(mayRun ? ": end it by hand" : "")")
        }
    }

    private mutating func resume(_ progress: [Progress], _ standing: Standing, _ turn: inout Turn) -> ErrandStep {
        var launched: InstanceID?
        var failed: String?
        for step in progress {
            switch step {
            case .launchPrepared(let launch): launches.append(launch)
            case .launched(let instance): launched = instance
            case .launchFailed(let token):
                failed = token
                launched = nil
            case .imageNamed, .imageCreated, .switched, .stepped: break
            }
        }
        if let launched { return watch(launched, &turn) }
        if let launch, launch.token != failed {
            // It may have been asked for before the restart.
            deadline = turn.now + Self.patience
            return look(for: launch)
        }
        return plan(.began(progress: []), standing)
    }

    // MARK: Where

    private mutating func plan(_ event: ErrandEvent, _ standing: Standing) -> ErrandStep {
        stage = .planning
        guard !wish.isLate else { return planNext(after: nil, standing) }
        let step = planning.go(on: event, standing)
        return step ?? planNext(after: nil, standing)
    }

    private mutating func planNext(after fault: CloudFault?, _ standing: Standing) -> ErrandStep {
        if wish.isLate { return .failed("the time of the command was over before EC2 was asked for a machine") }
        guard let plan = planning.plan else { return plan(.began(progress: []), standing) }
        let tried = Set(launches.map(\.zone))
        guard launches.count < Self.launchesMax, let place = plan.places.first(where: { !tried.contains($0.zone) })
        else {
            return .failed(noPlace(plan, after: fault))
        }
        guard let launch = plan.launch(number: launches.count + 1, in: place, standing) else {
            return .failed("EC2 does not say what this machine's image and type are")
        }
        launches.append(launch)
        stage = .preparing(launch)
        return .remember(.launchPrepared(launch))
    }

    private func noPlace(_ plan: LaunchPlan, after fault: CloudFault?) -> String {
        if let pool = wish.pool, launches.isEmpty {
            return "\(plan.model.network?.text ?? "the network") has no subnet in \(pool.zone), where \(pool) is"
        }
        if launches.isEmpty { return "\(plan.model.network?.text ?? "the network") has no subnet to launch in" }
        let zones = launches.map(\.zone.text).joined(separator: ", ")
        let last = fault.map { ": \($0)" } ?? ""
        return "EC2 has no room for \(wish.mode == .spot ? "spot" : "on demand") in \(zones)\(last)"
    }

    // MARK: Once

    private mutating func look(for launch: Launch) -> ErrandStep {
        stage = .looking(launch)
        return .call(.findInstances(tag: .of(wish.command)), within: .seconds(60))
    }

    private mutating func takeLook(for launch: Launch, _ event: ErrandEvent, _ turn: inout Turn) -> ErrandStep {
        guard case .answered(let answer) = event else { return look(for: launch) }
        switch answer {
        case .success(.instances(let found)):
            let token = CloudRequest.Tag(CloudRequest.Tag.launchKey, launch.token)
            // One that lives is ours whichever launch it was of; one that ended is how that launch ended, and no other.
            if let ours = found.first(where: \.isAlive) ?? found.first(where: { $0.tags.contains(token) }) {
                return note(ours.id, &turn)
            }
            if wish.isLate { return lookOn(turn) }
            stage = .running(launch)
            deadline = deadline ?? turn.now + Self.patience
            return .call(.run(launch), within: Self.runWithin)
        case .success(let other): return .failed("look for a machine of this command: \(CloudFault.mismatch(other))")
        case .failure(let fault): return leave("look for a machine of this command: \(fault)")
        }
    }

    /// It may have been asked for a moment before a restart, and be shown late.
    private mutating func lookOn(_ turn: Turn) -> ErrandStep {
        let until = deadline.map { $0 - Self.patience + Self.unknownFor } ?? turn.now
        return turn.now < until ? .rest(Self.pause) : leave("the time of the command is over")
    }

    private mutating func note(_ instance: InstanceID, _ turn: inout Turn) -> ErrandStep {
        stage = .launched(instance)
        launchedAt = turn.wall
        turn.tell(.step(wish.command, "\(instance) was launched"))
        return .remember(.launched(instance))
    }

    private mutating func takeRun(
        of launch: Launch, _ event: ErrandEvent, _ standing: Standing, _ turn: inout Turn
    ) -> ErrandStep {
        guard case .answered(let answer) = event else { return look(for: launch) }
        switch answer {
        case .success(.launched(let instance)): return note(instance.id, &turn)
        case .success(let other): return leave("launch a machine: \(CloudFault.mismatch(other))")
        case .failure(let fault): return takeFault(fault, of: launch, &turn)
        }
    }

    private mutating func takeFault(_ fault: CloudFault, of launch: Launch, _ turn: inout Turn) -> ErrandStep {
        switch fault.kind {
        case .noCapacity:
            turn.tell(.step(wish.command, "no room in \(launch.zone): \(fault)"))
            return giveUp(launch, fault)
        // It was launched before with other parameters, which we do not remember: the look will show it.
        case .tokenMismatch, .busy, .unreachable:
            guard let deadline, turn.now < deadline else {
                return leave("launch a machine in \(launch.zone): \(fault)")
            }
            return .rest(Self.pause)
        case .limit:
            return .failed("\(fault); raise the account's limit for \(launch.instanceType), or ask for another mode")
        case .notAllowed:
            return .failed(
                "\(fault); IAM must allow this machine's role ec2:RunInstances, ec2:CreateTags and, for the profile, "
                    + "iam:PassRole")
        case .notFound, .conflict, .invalid: return .failed("launch a machine from \(launch.image): \(fault)")
        }
    }

    private mutating func giveUp(_ launch: Launch, _ fault: CloudFault) -> ErrandStep {
        stage = .failing(fault)
        deadline = nil
        return .remember(.launchFailed(token: launch.token))
    }

    private mutating func leave(_ why: String) -> ErrandStep {
        // Nothing was started before EC2 was asked to.
        guard deadline != nil else { return .failed(why) }
        mayRun = true
        let tag = CloudRequest.Tag.of(wish.command)
        return .failed("\(why); a machine may have been started all the same: look for the tag \(tag.key)=\(tag.value)")
    }

    // MARK: Until it runs

    private mutating func watch(_ instance: InstanceID, _ turn: inout Turn) -> ErrandStep {
        stage = .watching(instance, until: turn.now + Self.runningWithin, unknownUntil: turn.now + Self.unknownFor)
        return .call(.describeInstances([instance]), within: .seconds(60))
    }

    private mutating func takeWatch(
        of instance: InstanceID, _ until: Duration, _ unknownUntil: Duration, _ event: ErrandEvent,
        _ standing: Standing, _ turn: inout Turn
    ) -> ErrandStep {
        guard case .answered(let answer) = event else {
            return .call(.describeInstances([instance]), within: .seconds(60))
        }
        let found: CloudInstance?
        do { found = try answer.instance(instance) } catch {
            // Unknown is not dead: it may run by now, and serve.
            guard error.isPassing, turn.now < until else {
                mayRun = true
                return .failed("look whether \(instance) runs: \(error); it was left as it is")
            }
            return .rest(Self.pause)
        }
        switch found?.state ?? .notFound {
        case .running: return .done("\(instance) runs", facts(of: instance, found))
        case .pending where turn.now < until, .notFound where turn.now < unknownUntil: return .rest(Self.pause)
        case .pending, .notFound, .stopping, .stopped:
            return end(
                instance, "\(instance) is \(found?.state.rawValue ?? "unknown to EC2") instead of running", standing,
                &turn)
        case .shuttingDown, .terminated:
            let reason = found?.stateReason ?? "no reason given"
            // EC2 can find out that it has no room after it said yes.
            if reason.hasSuffix("InsufficientInstanceCapacity"), let launch {
                return giveUp(launch, CloudFault(.noCapacity, code: reason, "EC2 ended \(instance) at once: \(reason)"))
            }
            return .failed("\(instance) ended before it ran: \(reason)")
        }
    }

    private func facts(of instance: InstanceID, _ found: CloudInstance?) -> CommandResult.Facts? {
        guard let type = found?.instanceType ?? launch?.instanceType, let zone = found?.zone ?? launch?.zone else {
            return nil
        }
        return .launched(
            CommandResult.LaunchedInstance(
                instance: instance, instanceType: type, zone: zone, mode: launch?.mode ?? wish.mode,
                image: found?.image ?? launch?.image))
    }

    private mutating func end(
        _ instance: InstanceID, _ why: String, _ standing: Standing, _ turn: inout Turn
    ) -> ErrandStep {
        var terminating = Terminating(instance, unknownFor: Self.unknownFor)
        let step = terminating.go(on: .began(progress: []), standing, &turn)
        stage = .ending(terminating, why: why)
        return step
    }
}

extension CloudInstance {
    var isAlive: Bool { state != .shuttingDown && state != .terminated && state != .notFound }
}
