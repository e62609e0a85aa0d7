package import JSON
package import Wire

/// Somebody at this machine wants to see the workload move: the real way, with a notice that is made up.
package struct Drill: Sendable, Equatable {
    package enum Kind: String, CaseIterable, Sendable { case terminate, rebalance }

    package var kind: Kind
    /// By which whoever asked for it knows it again.
    package var name: String
    /// On this machine's clock.
    package var beganAt: Timestamp
    /// Nil until the coordinator has it.
    package var incident: IncidentID?
    /// From when it was wanted until the coordinator had it.
    package var storedAfterMilliseconds: Int64?
    /// Why it led to nothing, where it did.
    package var refusal: String?

    package init(_ kind: Kind, name: String, beganAt: Timestamp) {
        self.kind = kind
        self.name = name
        self.beganAt = beganAt
    }

    /// What a person writes and the agent takes.
    package struct Request: Sendable, Equatable {
        package var kind: Kind
        package var name: String

        package init(_ kind: Kind, name: String) {
            self.kind = kind
            self.name = name
        }
    }
}

extension AgentMachine {
    mutating func begin(_ request: Drill.Request, _ turn: inout Turn) {
        var drill = Drill(request.kind, name: request.name, beganAt: turn.wall)
        if let hindrance = drillHindrance(turn) {
            // The one that is under way is still looked at.
            turn.tell(.drillRefused(reason: hindrance))
            drill.refusal = hindrance
            drills.refused = drill
            return
        }
        notices.remove(where: \.isDrill, &turn)
        drills = Drills()
        drills.last = drill
        turn.tell(.drillBegun(request.kind))
        let signal: Notice.Signal =
            switch request.kind {
            case .terminate: .interruption(.terminate, at: coordinatorTime(turn) + Drills.notice)
            case .rebalance: .rebalance
            }
        notices.noticeDrill(of: signal, &turn)
    }

    /// Why nothing can be rehearsed now. Whether it would be survived the coordinator knows.
    private func drillHindrance(_ turn: Turn) -> String? {
        if let drill = notices.drill, drill.seenAt + Drills.apart > turn.now {
            let left = Int(((drill.seenAt + Drills.apart - turn.now) / .seconds(1)).rounded(.up))
            let what = drill.incident.map { "incident \($0)" } ?? "not stored yet"
            return "a drill has just begun (\(what)): the next one can in \(left) s"
        }
        if case .leaving = life { return "the agent is about to stop" }
        if let real = notices.visible.first(where: { $0.isEnd && !$0.isDrill }) {
            return "this is no time for it: \(real.signal.words)"
        }
        guard contact.isInTouch else { return "there is no contact with the coordinator: spot-agent status tells why" }
        // The last place is for what EC2 announces.
        return notices.visible.count < Notices.visibleMax - 1 ? nil : "too much is announced for this machine"
    }

    mutating func noteDrillStored(_ reply: NoticeReply, _ turn: Turn) {
        guard let seen = notices.drill, seen.incident == reply.incident, drills.last?.incident == nil else { return }
        drills.last?.incident = reply.incident
        drills.last?.storedAfterMilliseconds = Int64((turn.now - seen.seenAt) / .milliseconds(1))
    }

    mutating func refuseDrill(_ reason: String, _ turn: inout Turn) {
        turn.tell(.drillRefused(reason: reason))
        drills.last?.refusal = reason
    }

    /// Who is no longer the primary has nothing left to rehearse.
    mutating func endDrill(_ turn: inout Turn) {
        guard let seen = notices.drill, let due = notices.drillDue else { return }
        let isOver = seen.incident != nil && memory.role != .primary && memory.role != nil
        guard isOver || due <= turn.now else { return }
        notices.remove(where: \.isDrill, &turn)
        if seen.incident == nil { refuseDrill("the coordinator did not take it in time", &turn) }
    }
}

/// What became of the last drills, for whoever asked for them.
struct Drills: Sendable {
    /// As long as EC2's.
    static let notice = Duration.seconds(120)
    /// Whoever wants to see it does not wait for longer, and the coordinator knows a repeat by its being within a minute.
    static let patience = Duration.seconds(30)
    /// The coordinator takes what comes sooner for a repeat. It is the one to refuse what is still under way.
    static let apart = Duration.seconds(60)
    /// As long as the coordinator tries to have a replica ready for one.
    static let length = Duration.seconds(600)

    /// The one that was begun.
    var last: Drill?
    /// The last that was wanted since, beside one that is under way.
    var refused: Drill?

    var shown: [Drill] { [last, refused].compactMap { $0 } }
}

extension Notices {
    /// There is one at most.
    var drill: Seen? { visible.first(where: \.isDrill) }

    /// When it is given up.
    var drillDue: Duration? {
        drill.map { $0.seenAt + ($0.incident == nil ? Drills.patience : Drills.length) }
    }
}

extension Notices.Seen {
    var incident: IncidentID? { if case .stored(let incident) = state { incident } else { nil } }

    /// Whether the machine goes. That EC2 may want it back stays true for hours.
    fileprivate var isEnd: Bool {
        switch signal {
        case .interruption, .lifecycle, .shutdown: true
        case .rebalance, .maintenance: false
        }
    }
}
