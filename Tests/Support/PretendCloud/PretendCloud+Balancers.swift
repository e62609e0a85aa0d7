package import AgentCore
package import Wire

extension PretendCloud {
    package struct StoredTargetGroup: Sendable {
        package var check: CloudAnswer.HealthCheck
        package var members: [InstanceID: History<Membership>] = [:]
    }

    package enum Membership: Sendable, Equatable {
        case never
        case since(Duration)
        case leftAt(Duration)
    }

    package mutating func add(
        _ group: TargetGroup, _ check: CloudAnswer.HealthCheck = .init(interval: .seconds(5), healthyAfter: 2),
        members: InstanceID...
    ) {
        targetGroups[group] = StoredTargetGroup(check: check)
        for member in members { targetGroups[group]?.members[member] = History(.since(.seconds(-1_000_000))) }
    }

    package func isMember(_ instance: InstanceID, of group: TargetGroup) -> Bool {
        if case .since = targetGroups[group]?.members[instance]?.newest { true } else { false }
    }

    mutating func balance(_ request: CloudRequest, at now: Duration) -> Result<CloudAnswer, CloudFault> {
        switch request {
        case .targetGroup(let group):
            return targetGroups[group].map { .success(.targetGroup($0.check)) } ?? unknown(group.arn)
        case .targetHealth(let group, let instance):
            guard let stored = targetGroups[group] else { return unknown(group.arn) }
            return .success(.targetHealth(health(of: instance, in: stored, at: now)))
        case .registerTarget(let group, let instance): return register(instance, with: group, at: now)
        case .deregisterTarget(let group, let instance):
            guard let stored = targetGroups[group] else { return unknown(group.arn) }
            if case .since = stored.members[instance]?.newest {
                targetGroups[group]?.members[instance]?.note(.leftAt(now), at: now)
            }
            return .success(.done)
        default: preconditionFailure("\(request) is not for a load balancer")
        }
    }

    private func health(
        of instance: InstanceID, in group: StoredTargetGroup, at now: Duration
    ) -> CloudAnswer.TargetHealth {
        let seen = now - showsAfter
        switch group.members[instance]?.value(at: seen) ?? .never {
        case .never: return .absent
        case .leftAt(let time): return seen - time < drainsFor ? .draining : .absent
        case .since(let time):
            guard isRunning(instance, at: now) else { return mayHold(instance, at: now) ? .unhealthy : .absent }
            return seen - time < group.check.interval * group.check.healthyAfter ? .initial : .healthy
        }
    }

    private mutating func register(
        _ instance: InstanceID, with group: TargetGroup, at now: Duration
    ) -> Result<CloudAnswer, CloudFault> {
        guard let stored = targetGroups[group] else { return unknown(group.arn) }
        guard stored.check.otherTargets == nil, isRunning(instance, at: now) else {
            return .failure(CloudFault(.invalid, code: "InvalidTarget", "\(instance) cannot be in \(group)"))
        }
        let known = stored.members[instance] ?? History(.never)
        guard case .since = known.newest else {
            targetGroups[group]?.members[instance, default: known].note(.since(now), at: now)
            return .success(.done)
        }
        return .success(.done)
    }

    private func isRunning(_ id: InstanceID, at now: Duration) -> Bool {
        machines.first { $0.instance.id == id }.map { state(of: $0, at: now).state == .running } ?? false
    }
}
