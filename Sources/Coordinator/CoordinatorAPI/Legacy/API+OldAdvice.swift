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
                if let pool = agent.pool {
                    $0.object("current_pool") { current in
                        current.field("id", pool)
                        current.field("name", "\(pool.instanceType) (\(pool.zone))")
                        current.field("az", pool.zone)
                    }
                }
                $0.array("alternative_pools") { _ in }
            }
        }
    }

    /// Of decisions, of which there are none. What was switched and saved stands in the history.
    func statistics(_ old: OldVisit) {
        old.answer { reply in
            reply.field("agent_id", old.slot)
            reply.object("statistics") { statistics in
                statistics.field("total_decisions", 0)
                statistics.field("switches_recommended", 0)
                statistics.known("last_decision_at", Timestamp?.none)
            }
        }
    }

    func oldEmergencyStatus(_ old: OldVisit) {
        old.later({ heart.emergencyStatus(of: old.slot, answer: $0) }) { status in
            .old {
                status.write(&$0)
                $0.field("emergency_mode_active", status.noticeStatus != .none)
                $0.field("rebalance_only_mode", false)
                $0.field("ml_models_loaded", false)
                $0.field("decision_engine_active", false)
            }
        }
    }

    // MARK: Switches by hand

    func issueSwitchCommand(_ old: OldVisit) {
        let target: ForceSwitch.Target
        switch old.body.text("target_mode") {
        case Mode.ondemand.rawValue: target = .onDemand
        case Mode.spot.rawValue:
            guard let pool = old.body.pool("target_pool_id", "pool_id") else {
                return old.visit.refuse(.validation, "target_pool_id: expected a pool, such as m5.large.us-east-1b")
            }
            target = .pool(pool)
        default: return old.visit.refuse(.validation, "target_mode: expected spot or ondemand")
        }
        let visit = old.visit
        visit.later({ answer in
            heart.configuration(of: old.slot) { [heart] outcome in
                guard case .done(let configuration) = outcome else { return answer(outcome.map { _ in .failure("") }) }
                if let refusal = configuration.settings.refusesSwitches { return answer(.refused(refusal)) }
                heart.askSwitch(of: old.slot, to: target) { answer($0.asWord(configuration)) }
            }
        }) { (word: SwitchWord) in word.response(old.slot) }
    }
}

/// What is said to who wants a switch: that it cannot be done now is no failure of the call.
private enum SwitchWord: Sendable {
    case queued(QueuedCommand, Configuration)
    case failure(String)

    func response(_ slot: SlotID) -> Response {
        switch self {
        case .failure(let reason): .old(failure: reason)
        case .queued(let queued, let configuration):
            .old {
                $0.field("agent_id", slot)
                $0.field("command_id", queued.command)
                $0.known("message", queued.message)
                $0.field("auto_switch_enabled", configuration.settings.autoSwitchEnabled)
            }
        }
    }
}

extension Outcome<QueuedCommand> {
    fileprivate func asWord(_ configuration: Configuration) -> Outcome<SwitchWord> {
        if case .refused(let reply) = self, reply.code == .conflict { return .done(.failure(reply.error)) }
        return map { .queued($0, configuration) }
    }
}

extension SlotSettings {
    fileprivate var refusesSwitches: ErrorReply? {
        if !enabled { return ErrorReply(.validation, "this agent is switched off") }
        return autoSwitchEnabled ? nil : ErrorReply(.forbidden, "auto_switch_enabled is off: switch by force instead")
    }
}
