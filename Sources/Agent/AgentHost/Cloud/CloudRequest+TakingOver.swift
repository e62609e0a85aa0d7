import AgentCore
import Wire

// What follows a workload from machine to machine: its address, its volumes, its places behind load balancers. All of it may
// be asked twice: EC2 and ELB do it once, and refuse the second time or say yes again.
extension CloudRequest {
    func moving(_ address: ResourceID, to instance: InstanceID) -> CloudPlan {
        var plan = acting("AssociateAddress", "move address \(address) to \(instance)", "AllocationId", address.text)
        plan.form.add("InstanceId", instance.text)
        plan.form.add("AllowReassociation", "true")
        return plan
    }

    func describing(volumes ids: [ResourceID]) -> CloudPlan {
        precondition(!ids.isEmpty, "a description without volumes would be one of the whole account")
        var plan = CloudPlan("DescribeVolumes", "look at \(ids.map(\.text).joined(separator: ", "))")
        plan.form.add(list: "VolumeId", ids.map(\.text))
        return plan
    }

    func attaching(_ volume: DataVolume, to instance: InstanceID) -> CloudPlan {
        var plan = acting("AttachVolume", "attach \(volume.id) to \(instance)", "VolumeId", volume.id.text)
        plan.form.add("InstanceId", instance.text)
        plan.form.add("Device", volume.device)
        return plan
    }

    func detaching(_ volume: ResourceID, from instance: InstanceID) -> CloudPlan {
        var plan = acting("DetachVolume", "detach \(volume) from \(instance)", "VolumeId", volume.text)
        plan.form.add("InstanceId", instance.text)
        return plan
    }

    func looking(at group: TargetGroup) -> CloudPlan {
        var plan = CloudPlan("DescribeTargetGroups", "look at target group \(group)", of: .elb)
        plan.region = group.region
        plan.form.add("TargetGroupArns.member.1", group.arn)
        return plan
    }

    func looking(at instance: InstanceID, in group: TargetGroup) -> CloudPlan {
        asking("DescribeTargetHealth", "look at \(instance) in target group \(group)", instance, group)
    }

    func registering(_ instance: InstanceID, with group: TargetGroup) -> CloudPlan {
        asking("RegisterTargets", "register \(instance) with target group \(group)", instance, group)
    }

    func deregistering(_ instance: InstanceID, from group: TargetGroup) -> CloudPlan {
        asking("DeregisterTargets", "deregister \(instance) from target group \(group)", instance, group)
    }

    /// At the group's own port: a target is named by its machine and its port.
    private func asking(_ action: String, _ doing: String, _ instance: InstanceID, _ group: TargetGroup) -> CloudPlan {
        var plan = CloudPlan(action, doing, of: .elb)
        plan.region = group.region
        plan.form.add("TargetGroupArn", group.arn)
        plan.form.add("Targets.member.1.Id", instance.text)
        return plan
    }

    /// A refusal that says that it is as it was wanted already.
    func answer(refusedWith code: String) -> CloudAnswer? {
        switch (self, code) {
        // That machine does not have that volume; whether another has it, nobody asked.
        case (.detachVolume, "InvalidAttachment.NotFound"): .done
        // No member, or a machine that is gone.
        case (.deregisterTarget, "InvalidTarget"): .done
        case (.may(let request), _) where request.answer(refusedWith: code) != nil: .allowed
        default: nil
        }
    }
}

extension TargetGroup {
    /// Its ARN says where it is: balancers of another region than this machine's are asked there.
    fileprivate var region: Region? {
        let parts = arn.split(separator: ":", omittingEmptySubsequences: false)
        return parts.count > 3 ? try? Region(String(parts[3])) : nil
    }
}
