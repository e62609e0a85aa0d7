import AgentCore
import Wire

// What is asked of the metadata service, EC2, the price list and ELB.
extension Checkup {
    /// One after the other; a service that does not answer the first is not asked for the others.
    func askMetadata(_ items: ArraySlice<MetadataItem>) {
        guard let item = items.first else { return describe() }
        guard let metadata = tools.metadata else { return }
        start()
        metadata.read(item, within: left(atMost: Self.metadataPatience)) { [weak self] reading in
            guard let self else { return }
            findings.metadata[item] = reading
            if case .failed = reading { describe() } else { askMetadata(items.dropFirst()) }
            end()
        }
    }

    private func describe() {
        guard let facts = findings.facts else { return }
        tools.cloud?.region = facts.region
        call(Trial(right: .describeInstances, request: .describeInstances([facts.instance]))) { checkup, answer in
            guard checkup.findings.isCloudClosed == nil else { return }
            let model: CloudInstance? =
                if case .success(.instances(let found)) = answer { found.first { $0.id == facts.instance } } else {
                    nil
                }
            checkup.tryRights(facts, like: model)
        }
    }

    private func tryRights(_ facts: InstanceFacts, like model: CloudInstance?) {
        let takeOver = findings.takeOver
        let trials =
            Trial.ordinary(facts, like: model) + Trial.takingOver(takeOver, to: facts.instance)
            + Trial.describing(takeOver)
        for trial in trials {
            call(trial) { checkup, answer in
                switch (trial.right, answer) {
                case (_, .success(.volumes(let volumes))):
                    for volume in volumes { checkup.findings.volumes[volume.id] = volume }
                case (.describeImages, .success(.images(let images))):
                    checkup.call(.deregistering(images.first?.id))
                case (.describeSnapshots, .success(.snapshots(let snapshots))):
                    checkup.call(.deleting(snapshots.first?.id))
                case (_, .success(.targetGroup(let check))):
                    if case .targetGroup(let group) = trial.request { checkup.findings.healthChecks[group] = check }
                case (.describeImages, _): checkup.call(.deregistering(nil))
                case (.describeSnapshots, _): checkup.call(.deleting(nil))
                default: break
                }
            }
        }
        launchTrial = Launch(like: model, facts).map(LaunchTrial.init)
        tryLaunch()
    }

    private func tryLaunch() {
        guard let trial = launchTrial else { return }
        for part in trial.open {
            call(trial.request(part)) { checkup, answer in
                checkup.launchTrial?.note(answer, of: part)
                checkup.findings.renew(checkup.launchTrial?.rights ?? [:])
                if part == .whole { checkup.tryLaunch() }
            }
        }
    }

    private func call(_ trial: Trial, then: @escaping (Checkup, Result<CloudAnswer, CloudFault>) -> Void = { _, _ in })
    {
        call(trial.request) { checkup, answer in
            checkup.findings.note(RightFinding(answer), of: trial.right)
            then(checkup, answer)
        }
    }

    private func call(
        _ request: CloudRequest, _ then: @escaping (Checkup, Result<CloudAnswer, CloudFault>) -> Void
    ) {
        guard let cloud = tools.cloud else { return }
        start()
        cloud.call(request, deadline: left(atMost: Self.cloudPatience)) { [weak self] answer in
            guard let self else { return }
            then(self, answer)
            end()
        }
    }
}
