import Wire

/// The programs that an operator placed, as they were found.
package struct HooksFinding: Sendable, Equatable {
    package var place: String
    /// How many each stage would run.
    package var counts: [HookStage: Int]
    /// What is not run, and why.
    package var refusals: [String]
    /// Files that are no hooks, and may be meant to be.
    package var leftOut: [String]

    package init(place: String, counts: [HookStage: Int], refusals: [String], leftOut: [String]) {
        (self.place, self.counts, self.refusals, self.leftOut) = (place, counts, refusals, leftOut)
    }
}

/// What the service manager says of the workload's units.
package enum UnitsFinding: Sendable, Equatable {
    /// There is none, or it did not answer: the sentence says which.
    case unasked(String)
    /// `before`: what is started before the agent and stopped after it; nil: the agent is no unit here.
    case asked([UnitFinding], before: Set<UnitName>?)
}

// MARK: What taking over needs beside rights

extension Findings {
    var takeOverLines: [CheckLine] {
        takeOver.volumes.compactMap(line) + takeOver.targetGroups.compactMap(line) + unitLines + hookLines
    }

    /// Nothing where the line of the right tells why it is not known.
    private func line(_ volume: DataVolume) -> CheckLine? {
        guard let found = volumes[volume.id] else { return nil }
        if let distance = found.distance(from: facts?.zone) {
            return .failed(
                volume.id.text, distance,
                "keep all machines of this agent in the volume's zone, or make the volume anew here from a snapshot")
        }
        let holders = found.attachments.filter { $0.value != .detached }.map { holder, state in
            "\(state.rawValue) \(holder == facts?.instance ? "here" : "at \(holder)")"
        }
        let place = found.zone.map { "in \($0), as this machine" } ?? "found"
        return .ok(
            volume.id.text, "\(place); \(holders.isEmpty ? "at no machine" : holders.sorted().joined(separator: ", "))")
    }

    private func line(_ group: TargetGroup) -> CheckLine? {
        let subject = "target group \(group)"
        guard let check = healthChecks[group] else { return nil }
        if let other = check.otherTargets {
            return .failed(
                subject, "it takes targets of the type \(other), not machines",
                "TARGET_GROUP_ARNS must name groups of the type instance")
        }
        let whole = check.interval * check.healthyAfter
        let arithmetic =
            "its checks call a machine healthy after \(check.healthyAfter) × \(check.interval.inSeconds) = "
            + "\(whole.inSeconds); a hand-over has \(failoverDeadline.inSeconds)"
        guard whole > failoverDeadline else { return .ok(subject, arithmetic) }
        return .warning(
            subject,
            "\(arithmetic). It counts as done when the probe of the machine succeeds, and clients may wait for the balancer",
            "give the group a shorter interval or a lower healthy threshold")
    }

    // MARK: Units

    private var unitLines: [CheckLine] {
        guard !takeOver.units.isEmpty else { return [] }
        switch units {
        case nil: return [.warning("units", "not looked at: \(Self.late)", "try again; systemctl status tells more")]
        case .unasked(let reason):
            return [
                .warning("units", "not looked at: \(reason)", "the agent starts and stops units through systemd alone")
            ]
        case .asked(let found, let before): return found.map(line) + [order(before)].compactMap(\.self)
        }
    }

    private func line(_ unit: UnitFinding) -> CheckLine {
        let subject = "unit \(unit.name)"
        if unit.isLoaded { return .ok(subject, "systemd can start it; it is \(unit.state)") }
        return .failed(
            subject, "systemd does not know it, or cannot read it",
            "PROMOTE_UNITS and DRAIN_UNITS must name units that systemctl status \(unit.name) shows as loaded")
    }

    private func order(_ before: Set<UnitName>?) -> CheckLine? {
        guard let before else { return nil }
        let loose = takeOver.units.filter { !before.contains($0) }.map(\.text).joined(separator: " ")
        if loose.isEmpty { return .ok("unit order", "at a shutdown the agent is stopped before them") }
        guard case .fresh? = daemon else {
            return .ok("unit order", "the agent, when it runs, has systemd stop it before them")
        }
        return .warning(
            "unit order", "at a shutdown systemd may stop \(loose) before the agent, and so before anybody takes over",
            "systemctl reload spot-agent, and if that does not do it, journalctl -u spot-agent says why")
    }

    // MARK: Hooks

    private var hookLines: [CheckLine] {
        guard let hooks else { return [] }
        let refusals = hooks.refusals.map { refusal in
            CheckLine.failed(
                "hooks", refusal, "what others than root may change would be run as root; mend it, then reload")
        }
        let leftOut = hooks.leftOut.map { path in
            CheckLine.warning(
                "hooks", "\(path) is left out",
                "a hook is a file that is executable, with a name of letters, digits, - and _ alone")
        }
        guard refusals.isEmpty, leftOut.isEmpty else { return refusals + leftOut }
        let counts = HookStage.allCases.compactMap { stage in
            hooks.counts[stage].flatMap { $0 > 0 ? "\($0) for \(stage.rawValue)" : nil }
        }
        return [.ok("hooks", counts.isEmpty ? "none in \(hooks.place)" : counts.joined(separator: ", "))]
    }
}

extension Duration {
    fileprivate var inSeconds: String { "\(components.seconds) s" }
}
