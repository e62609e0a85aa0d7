import CoordinatorHeart
import HTTPServer
import JSON
import Wire

// What old hosts and their pages ask about decisions. None is made for them: there is no engine, and that is what they are told.
extension API {
    private static let noEngine = "no decision engine is loaded"

    /// Whatever it sent: a refusal would only fill its log.
    func decide(_ old: OldVisit) {
        old.answer {
            $0.field("action", "NO_ACTION")
            $0.field("recommended_action", "NO_ACTION")
            // A number in any case: without one the host gives up half way.
            $0.field("confidence", 0)
            $0.field("reasoning", Self.noEngine)
            $0.field("reason", Self.noEngine)
            $0.field("allowed", false)
            $0.known("instance_id", old.body.part("instance").name("instance_id") as InstanceID?)
            $0.field("risk_score", 0)
            $0.known("recommended_mode", Mode?.none)
            for pool in ["target_pool_id", "recommended_pool_id"] { $0.known(pool, PoolID?.none) }
            $0.field("expected_savings_per_hour", 0)
        }
    }

    func switchRecommendation(_ old: OldVisit) {
        old.later({ heart.agent(old.slot, answer: $0) }) { detail in
            let (agent, settings) = (detail.agent, detail.configuration.settings)
            return .old {
                $0.field("agent_id", agent.id)
                $0.field("decision_type", "stay")
                for number in ["confidence", "risk_score", "expected_savings"] { $0.field(number, 0) }
                $0.field("reason", Self.noEngine)
                $0.known("recommended_pool_id", PoolID?.none)
                $0.field("auto_switch_enabled", settings.autoSwitchEnabled)
                $0.field("will_auto_execute", false)
                if let pool = agent.pool { $0.place("current_pool", pool) } else { $0.null("current_pool") }
                $0.array("alternative_pools") { _ in }
            }
        }
    }

    /// Decisions there are none; what was switched stands in the history.
    func statistics(_ old: OldVisit) {
        old.later({ heart.switchCounts(of: old.slot, answer: $0) }) { counts in
            .old { reply in
                reply.field("agent_id", old.slot)
                reply.object("statistics") { statistics in
                    for none in ["total_decisions", "switches_recommended", "average_confidence"] {
                        statistics.field(none, 0)
                    }
                    statistics.field("switches_executed", counts.values.reduce(0, +))
                    statistics.object("decisions_by_trigger") { triggers in
                        triggers.field("automatic", (counts[.model] ?? 0) + (counts[.emergency] ?? 0))
                        triggers.field("manual", counts[.manual] ?? 0)
                    }
                    for unknown in ["success_rate", "avg_downtime_seconds", "total_savings_generated"] {
                        statistics.known(unknown, Int?.none)
                    }
                    statistics.known("last_decision_at", Timestamp?.none)
                }
            }
        }
    }

    func oldEmergencyStatus(_ old: OldVisit) {
        let day = heart.wall - .seconds(86_400)
        old.later({ answer in
            heart.emergencyStatus(of: old.slot) { [heart] outcome in
                guard case .done(let status) = outcome else { return answer(outcome.map { ($0, nil) }) }
                heart.agent(old.slot) { detail in answer(detail.map { (status, $0) }) }
            }
        }) { (found: (EmergencyStatus, AgentDetail?)) in
            .old {
                found.0.write(&$0)
                if found.0.noticeReceivedAt == nil { $0.null("notice_received_at") }
                if found.0.noticeDeadline == nil { $0.null("notice_deadline") }
                if found.0.replica == nil { $0.null("emergency_replica") }
                $0.field("emergency_mode_active", found.0.noticeStatus != .none)
                $0.field("rebalance_only_mode", false)
                $0.field("ml_models_loaded", false)
                $0.field("decision_engine_active", false)
                found.1?.writeEmergencies(since: day, &$0)
            }
        }
    }

    // MARK: Switches by hand

    func issueSwitchCommand(_ old: OldVisit) {
        guard let mode: Mode = old.body.word("target_mode") else {
            return old.visit.refuse(.validation, "target_mode: expected spot or ondemand")
        }
        let named = old.body.pool("target_pool_id", "pool_id")
        guard named != nil || old.body.text("target_pool_id", "pool_id") == nil else { return refusePool(old) }
        let visit = old.visit
        visit.later({ answer in
            heart.agent(old.slot) { [heart] outcome in
                guard case .done(let detail) = outcome else { return answer(outcome.map { _ in .failure("") }) }
                if let refusal = detail.configuration.settings.refusesSwitches { return answer(.refused(refusal)) }
                guard let target = ForceSwitch.Target(mode, named ?? detail.agent.place) else {
                    return answer(.refused(ErrorReply(.validation, Self.poolExpected)))
                }
                heart.askSwitch(of: old.slot, to: target) { answer($0.asWord(target, detail.configuration)) }
            }
        }) { (word: SwitchWord) in word.response(old.slot, because: old.body.text("reason")) }
    }

    private static let poolExpected = "target_pool_id: expected a pool, such as m5.large.us-east-1b"

    private func refusePool(_ old: OldVisit) { old.visit.refuse(.validation, Self.poolExpected) }
}

extension AgentDetail {
    fileprivate func writeEmergencies(since day: Timestamp, _ fields: inout JSONObjectWriter) {
        let announced = incidents.filter { !$0.drill && [.interruption, .rebalance].contains($0.kind) }
        if let last = announced.max(by: { $0.detectedAt < $1.detectedAt }) {
            fields.object("last_emergency_event") { event in
                event.field("timestamp", last.detectedAt)
                event.field("type", last.kind)
                event.known("action_taken", last.successor.map { "moved to \($0)" })
                event.field("outcome", last.state)
            }
        } else {
            fields.null("last_emergency_event")
        }
        let active: [ReplicaStatus] = [.launching, .syncing, .ready]
        fields.field(
            "emergency_replicas_count", replicas.count { $0.type != .manual && active.contains($0.status) })
        fields.field(
            "termination_notices_24h", announced.count { $0.kind == .interruption && $0.detectedAt >= day })
    }
}

extension ForceSwitch.Target {
    fileprivate init?(_ mode: Mode, _ pool: PoolID?) {
        switch (mode, pool) {
        case (.ondemand, _): self = .onDemand
        case (.spot, let pool?): self = .pool(pool)
        case (.spot, nil): return nil
        }
    }

    fileprivate var pool: PoolID? { if case .pool(let pool) = self { pool } else { nil } }
}

extension AgentSummary {
    /// The primary's type in its zone: where a switch to spot goes that names no pool.
    fileprivate var place: PoolID? {
        guard let instanceType, let zone else { return nil }
        return PoolID(instanceType, zone)
    }
}

/// What is said to who wants a switch: that it cannot be done now is no failure of the call.
private enum SwitchWord: Sendable {
    case queued(QueuedCommand, to: ForceSwitch.Target, Configuration)
    case failure(String)

    func response(_ slot: SlotID, because reason: String?) -> Response {
        switch self {
        case .failure(let reason): .old(failure: reason)
        case .queued(let queued, let target, let configuration):
            .old {
                $0.field("agent_id", slot)
                $0.field("command_id", queued.command)
                $0.field("target_mode", target.pool == nil ? Mode.ondemand : .spot)
                $0.known("target_pool_id", target.pool)
                $0.known("reason", reason)
                $0.known("message", queued.message)
                $0.field("auto_switch_enabled", configuration.settings.autoSwitchEnabled)
            }
        }
    }
}

extension Outcome<QueuedCommand> {
    fileprivate func asWord(_ target: ForceSwitch.Target, _ configuration: Configuration) -> Outcome<SwitchWord> {
        if case .refused(let reply) = self, reply.code == .conflict { return .done(.failure(reply.error)) }
        return map { .queued($0, to: target, configuration) }
    }
}

extension SlotSettings {
    fileprivate var refusesSwitches: ErrorReply? {
        if !enabled { return ErrorReply(.validation, "this agent is switched off") }
        return autoSwitchEnabled ? nil : ErrorReply(.forbidden, "auto_switch_enabled is off: switch by force instead")
    }
}
