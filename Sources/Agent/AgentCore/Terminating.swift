import Wire

/// Has EC2 terminate one machine, and sees that it does.
struct Terminating: Errand {
    /// EC2 is done within a minute; a machine that still runs after this is not about to end.
    static let patience = Duration.seconds(300)
    static let pause = Duration.seconds(2)

    let target: InstanceID
    /// How long EC2 must not know the machine before it counts as gone: one that was just launched may not be known yet.
    let unknownFor: Duration
    private var deadline: Duration?
    private var unknownSince: Duration?
    private var wasAsked = false

    init(_ target: InstanceID, unknownFor: Duration = .seconds(5)) {
        self.target = target
        self.unknownFor = unknownFor
    }

    mutating func go(on event: ErrandEvent, _ standing: Standing, _ turn: inout Turn) -> ErrandStep {
        let deadline = self.deadline ?? turn.now + Self.patience
        self.deadline = deadline
        switch event {
        case .answered(.success(.terminating(let state))):
            wasAsked = true
            return take(state, &turn)
        case .answered(.failure(let fault)) where fault.kind == .notAllowed:
            return .failed(
                "\(fault); IAM must allow this machine's role ec2:TerminateInstances on machines with the tag \(ours)")
        // Whether it was asked or not: the next look tells.
        case .answered(.failure(let fault)) where fault.isPassing && turn.now < deadline: return .rest(Self.pause)
        case .answered(let answer):
            do { return take(try answer.instance(target)?.state ?? .notFound, &turn) } catch {
                return .failed("\(error)")
            }
        case .rested where turn.now >= deadline:
            return .failed("\(target) has not ended in \(Self.patience.components.seconds) s")
        case .began, .rested, .remembered, .reported, .acted, .joined:
            return .call(.describeInstances([target]), within: .seconds(60))
        }
    }

    private mutating func take(_ state: InstanceState, _ turn: inout Turn) -> ErrandStep {
        if state != .notFound { unknownSince = nil }
        switch state {
        case .shuttingDown, .terminated: return .done("\(target) is \(state.rawValue)", .terminated(target))
        case .notFound:
            let since = unknownSince ?? turn.now
            unknownSince = since
            if turn.now - since >= unknownFor {
                return .done("EC2 does not know \(target) any more", .terminated(target))
            }
            return .rest(min(unknownFor, .seconds(5)))
        case .pending, .running, .stopping, .stopped:
            return wasAsked ? .rest(Self.pause) : .call(.terminate(target), within: .seconds(30))
        }
    }

    private var ours: String { "\(CloudRequest.Tag.managed.key)=\(CloudRequest.Tag.managed.value)" }
}

/// The command to terminate one machine of the slot.
struct TerminateErrand: Errand {
    let command: Command
    let order: Order.TerminateInstance
    private var terminating: Terminating

    init(_ command: Command, _ order: Order.TerminateInstance) {
        self.command = command
        self.order = order
        terminating = Terminating(order.target)
    }

    mutating func go(on event: ErrandEvent, _ standing: Standing, _ turn: inout Turn) -> ErrandStep {
        if order.target == standing.facts.instance, standing.role == .primary || standing.role == .promoting {
            return .end(.refused("\(order.target) is this machine, and it is \(standing.role.rawValue)"))
        }
        let step = terminating.go(on: event, standing, &turn)
        guard case .end(let end) = step else { return step }
        turn.reportTermination(of: order.target, end, command: command.id, replica: order.replica, standing)
        return step
    }
}

extension Turn {
    mutating func reportTermination(
        of target: InstanceID, _ end: ErrandEnd, command: CommandID, replica: ReplicaID? = nil, _ standing: Standing
    ) {
        let id = ReportID.of("terminated", command)
        let isDone = end.outcome == .done
        var report = TerminationReport(
            stamp: ReportStamp(report: id, instance: standing.facts.instance, epoch: standing.epoch), target: target,
            success: isDone)
        report.error = isDone ? nil : end.message
        report.terminatedAt = isDone ? wall : nil
        report.command = command
        report.replica = replica
        self.report(as: id, .terminated(report))
    }
}

extension ReportID {
    /// The one report of that kind that a command can make: after a crash it is the same one.
    static func of(_ kind: StaticString, _ command: CommandID) -> ReportID {
        do { return try ReportID("\(kind)-\(command)") } catch {
            preconditionFailure("a command's id with a word before it is a report's id: \(error)")
        }
    }
}
