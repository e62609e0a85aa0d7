import JSON
import Wire

// Nothing is tried for ever. Each thing that was tried in vain ends as an alarm, and begins anew when something new is heard: a
// host registers or comes back, the configuration changes, somebody orders something.
extension Slot {
    /// Everything is tried again.
    mutating func tryAgain() {
        launches = Attempts()
        for index in hosts.indices { hosts[index].tryAgain() }
    }

    /// Somebody else ends machines from now on.
    mutating func resumeTerminations() {
        for index in hosts.indices { hosts[index].terminations = Attempts() }
    }

    /// The alarm: from here on a person is needed.
    func noteGivenUp(
        _ what: String, instance: InstanceID? = nil, incident: IncidentID? = nil, _ turn: inout Turn
    ) {
        turn.note(
            .givenUp,
            "\(what) \(Rules.attemptsMax) times in vain, and not any more until it registers again, the settings change or "
                + "you order something: look after it", instance: instance, incident: incident)
    }

    // MARK: Launches

    /// A replica failed to come, or to be of use where nobody else is.
    mutating func noteFailedLaunch(of replica: Replica, at now: Timestamp) {
        launchFailedAt = max(launchFailedAt ?? replica.createdAt, replica.createdAt)
        if replica.status == .launching || isUnserved(at: now), !isPressed(at: now) { launches.note() }
    }

    /// While a machine has not gone yet every try counts, and its two minutes are the bound.
    private func isPressed(at now: Timestamp) -> Bool {
        incidents.contains { $0.isOpen && $0.incident.isUrgent(at: now) && $0.lastMoment > now }
    }

    /// A machine has come, so launches work. But where nobody serves, one that was ordered has yet to show what it can do: else
    /// one after the other would be launched for ever, each to fail at the same step.
    mutating func noteArrival(of instance: InstanceID, at now: Timestamp) {
        let isOrdered = replica(of: instance)?.parent != nil
        if !isOrdered || !isUnserved(at: now) { launches = Attempts() }
    }

    /// Whether the next launch is not to be tried yet, for its pause or for good.
    mutating func isLaunchPutOff(_ pause: Duration, incident: IncidentID? = nil, _ turn: inout Turn) -> Bool {
        if let launchFailedAt, launchFailedAt <= turn.now, turn.now - launchFailedAt < pause { return true }
        guard launches.isSpent else { return false }
        if !launches.isGivenUp {
            launches.giveUp()
            noteGivenUp("the launch of a replica was tried", instance: primary?.instance, incident: incident, &turn)
        }
        return true
    }

    /// Until the machine is to go every few seconds, afterwards ever more rarely.
    func emergencyPause(_ incident: IncidentID, at now: Timestamp) -> Duration {
        let isAhead = self.incident(incident).map { $0.lastMoment > now } ?? false
        return isAhead
            ? Rules.emergencyLaunchPause : max(Rules.emergencyLaunchPause, launches.pause(from: Rules.retryPause))
    }

    /// After which a replica that is kept just in case is ordered again.
    var launchPause: Duration { launches.pause(from: Rules.failureMemory) }

    var launchMoments: [Timestamp] {
        guard let launchFailedAt, !launches.isGivenUp else { return [] }
        return [Rules.emergencyLaunchPause, launches.pause(from: Rules.retryPause), launchPause].map {
            launchFailedAt + $0
        }
    }
}

extension Host {
    mutating func tryAgain() { (stops, terminations, inspections) = (Attempts(), Attempts(), Attempts()) }
}
