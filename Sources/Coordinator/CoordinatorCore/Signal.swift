package import JSON
package import Wire

/// What a notice means for an incident.
struct Signal {
    let kind: Incident.Kind
    let time: Timestamp?
    let sentence: String
    let event: EventKind
    var isCancelled = false
    /// Somebody made it up.
    var isDrill = false
    /// When its host saw it; nil: nobody did, or did not say.
    var seenAt: Timestamp?
    /// `time` by our clock.
    var endsAt: Timestamp?
    /// EC2's name of planned work, under which its date may change.
    var maintenance: String?

    /// Nobody announced it.
    static let silence = Signal(
        kind: .silence, time: nil, sentence: "it ended without a notice", event: .terminationNotice)

    /// The machine is heard, and says that its workload does not run.
    static let failure = Signal(
        kind: .silence, time: nil,
        sentence: "it has not served for \(Rules.failurePatience.components.seconds) s", event: .workloadDown)

    private init(kind: Incident.Kind, time: Timestamp?, sentence: String, event: EventKind) {
        self.kind = kind
        self.time = time
        self.sentence = sentence
        self.event = event
    }

    init(_ signal: Notice.Signal) {
        switch signal {
        case .interruption(let action, let at):
            (kind, time, event) = (.interruption, at, .terminationNotice)
            sentence = "EC2 will \(action.rawValue) it at \(at)"
        case .rebalance:
            (kind, time, event) = (.rebalance, nil, .rebalanceNotice)
            sentence = "EC2 may take it back soon"
        case .maintenance(let maintenance):
            (kind, time, event) = (.maintenance, maintenance.notBefore, .maintenanceNotice)
            isCancelled = maintenance.cancelled
            self.maintenance = maintenance.event
            sentence =
                "EC2 \(maintenance.cancelled ? "has called off" : "plans") \(maintenance.code) at \(maintenance.notBefore)"
        case .lifecycle(let target):
            (kind, time, event) = (.lifecycle, nil, .terminationNotice)
            sentence = "its Auto Scaling group moves it to \(target)"
        case .shutdown:
            (kind, time, event) = (.shutdown, nil, .terminationNotice)
            sentence = "it is shutting down"
        }
    }

    func sentence(of instance: InstanceID) -> String { "\(instance): \(sentence)" }
}

extension Notice {
    /// When the host saw it, by our clock. Its word on that is bounded: EC2 gives two minutes, so what is told of later than that is
    /// told by a clock that is astray.
    func seen(at now: Timestamp) -> Timestamp { min(max(seenAt ?? now, now - Rules.noticeTime), now) }

    /// When the machine goes, by our clock. EC2's time is right where our clock is; the time that its host has left, where the
    /// host's is. One of them is wrong, and nobody knows which: the earlier end counts while it is ahead, because acting early
    /// does less harm than too late, and the later one where the other has passed and the host still speaks.
    package func end(at now: Timestamp) -> Timestamp? {
        guard case .interruption(_, let time) = signal else { return nil }
        let remaining = now + (time - detectedAt)
        let (earlier, later) = (min(time, remaining), max(time, remaining))
        return min(earlier > now ? earlier : later, now + Rules.interruptionLead)
    }
}

extension Incident.Kind {
    /// A stronger signal takes an incident over.
    var weight: Int {
        switch self {
        case .rebalance: 0
        case .maintenance: 1
        case .silence: 2
        case .lifecycle: 3
        case .shutdown: 4
        case .interruption: 5
        }
    }
    /// The machine goes, as opposed to: it may.
    var isUrgent: Bool { self != .rebalance && self != .maintenance }
}

extension Incident {
    /// Whether the workload has to move now.
    func isUrgent(at now: Timestamp) -> Bool {
        if kind == .maintenance, let interruptionTime { return interruptionTime - now <= Rules.maintenanceLead }
        return kind.isUrgent
    }

    /// When the machine goes, as far as that is known: EC2 gives two minutes. What began as a mere recommendation may be
    /// hours old when it becomes pressing, so its deadline counts, too.
    package var lastMoment: Timestamp {
        interruptionTime ?? max(detectedAt + Rules.noticeTime, deadline ?? .earliest)
    }
}
