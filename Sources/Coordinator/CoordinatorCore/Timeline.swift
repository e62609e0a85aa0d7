package import JSON
package import Wire

/// One line of the event log, as far as a timeline needs it.
package struct LoggedMoment: Sendable {
    package var kind: EventKind?
    package var at: Timestamp
    package var instance: InstanceID?
    package var sentence: String

    package init(kind: EventKind?, at: Timestamp, instance: InstanceID?, sentence: String) {
        self.kind = kind
        self.at = at
        self.instance = instance
        self.sentence = sentence
    }

    /// A host's answer to an order, which comes after what it did.
    fileprivate var isAnswer: Bool {
        [.commandDone, .commandFailed, .commandExpired, .reportStale].contains { $0 == kind }
    }
}

/// What happened in an incident, on all hosts, in the order of the coordinator's clock: the lines of the log and the steps of
/// the ledger. Of what happened in one moment a step comes after the order that it obeys and before its host's answer.
package func timeline(of lines: [LoggedMoment], with ledger: [LedgerStep]) -> [Incident.Moment] {
    // The log is in its own order where times are equal.
    let log = lines.enumerated().sorted { ($0.element.at, $0.offset) < ($1.element.at, $1.offset) }.map(\.element)
    var moments = log.map { Incident.Moment(at: $0.at, instance: $0.instance, what: $0.sentence) }
    // From the last, so that the places of the earlier ones stay.
    for (place, step) in placed(ledger, among: log).reversed() { moments.insert(step, at: place) }
    return moments
}

/// The steps in their order, each with the place in the log that it stands before.
private func placed(_ ledger: [LedgerStep], among log: [LoggedMoment]) -> [(place: Int, step: Incident.Moment)] {
    // An older coordinator kept no time of a step: such a one stands at the end.
    let timed = ledger.enumerated().compactMap { index, step in
        (step.startedAt ?? log.last?.at).map { (at: $0, index: index, step: step) }
    }
    return timed.sorted { ($0.at, $0.index) < ($1.at, $1.index) }.map { at, _, step in
        let answer = log.firstIndex { $0.at == at && $0.isAnswer && $0.instance == step.instance }
        return (answer ?? log.firstIndex { $0.at > at } ?? log.count, step.moment(at: at))
    }
}

extension LedgerStep {
    fileprivate func moment(at time: Timestamp) -> Incident.Moment {
        var moment = Incident.Moment(at: time, instance: instance, what: "\(name): \(outcome.rawValue)")
        moment.tookMilliseconds = tookMilliseconds
        moment.budgetMilliseconds = budgetMilliseconds
        return moment
    }
}
