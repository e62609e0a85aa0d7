import AgentCore
import TestSupport
import Testing
import Wire

@testable import AgentHost

/// What follows a workload, at an EC2 and an ELB that nobody here wrote. They know no zones of volumes, no time that it takes
/// to attach one, and no health checks.
@Suite(.serialized, .enabled(if: Moto.isWanted, Moto.whyNot)) struct TakeOverMotoTests {
    private func attachments(_ desk: Desk, _ moto: Moto) throws -> [InstanceID: CloudAnswer.Volume.Attachment] {
        guard case .volumes(let volumes) = try desk.ask(.volumes([moto.volume])).get(), let volume = volumes.first
        else {
            throw TestSupportError("those are no volumes")
        }
        #expect(volume.zone == "us-east-1b" && volume.id == moto.volume)
        return volume.attachments
    }

    @Test func `an address moves from machine to machine`() throws {
        try Moto.run { moto, desk in
            func holder() throws -> InstanceID? {
                guard case .address(let address) = try desk.ask(.address(moto.address)).get() else {
                    throw TestSupportError("that is no address")
                }
                #expect(address.publicAddress != nil)
                return address.instance
            }
            let (first, second) = (try desk.launch().id, try desk.launch().id)
            #expect(try holder() == nil)
            for machine in [first, second, second, first] {
                #expect(try desk.ask(.may(.moveAddress(moto.address, to: machine))) == .success(.allowed))
                #expect(try desk.ask(.moveAddress(moto.address, to: machine)) == .success(.done))
                #expect(try holder() == machine)
            }
            #expect(try desk.fault(.address("eipalloc-0123456789abcdef0")).kind == .notFound)
            #expect(try desk.fault(.moveAddress("eipalloc-0123456789abcdef0", to: first)).kind == .notFound)
        }
    }

    @Test func `a volume is attached and detached`() throws {
        try Moto.run { moto, desk in
            let machine = try desk.launch().id
            let volume = DataVolume(id: moto.volume, device: "/dev/sdf")
            #expect(try attachments(desk, moto) == [:])
            for trial in [CloudRequest.attachVolume(volume, to: machine), .detachVolume(volume.id, from: machine)] {
                #expect(try desk.ask(.may(trial)) == .success(.allowed))
            }
            #expect(try attachments(desk, moto) == [:])
            #expect(try desk.ask(.attachVolume(volume, to: machine)) == .success(.done))
            #expect(try attachments(desk, moto) == [machine: .attached])
            #expect(try desk.ask(.detachVolume(volume.id, from: machine)) == .success(.done))
            #expect(try attachments(desk, moto) == [:])
            // Once more: it is so already.
            #expect(try desk.ask(.detachVolume(volume.id, from: machine)) == .success(.done))
            #expect(try desk.fault(.volumes(["vol-0123456789abcdef0"])).kind == .notFound)
        }
    }

    @Test func `a machine becomes a member of a target group, and no member any more`() throws {
        try Moto.run { moto, desk in
            let machine = try desk.launch().id
            let look = CloudRequest.targetHealth(moto.group, machine)
            #expect(
                try desk.ask(.targetGroup(moto.group))
                    == .success(.targetGroup(.init(interval: .seconds(7), healthyAfter: 3))))
            #expect(try desk.ask(look) == .success(.targetHealth(.absent)))
            for _ in 0..<2 { #expect(try desk.ask(.registerTarget(moto.group, machine)) == .success(.done)) }
            guard case .targetHealth(let health) = try desk.ask(look).get() else {
                throw TestSupportError("that is no health")
            }
            #expect(health != .absent)
            for _ in 0..<2 { #expect(try desk.ask(.deregisterTarget(moto.group, machine)) == .success(.done)) }
            #expect(try desk.ask(look) == .success(.targetHealth(.absent)))

            let other = Samples.makeGroup("\(moto.group.arn.dropLast(4))0000")
            let requests: [CloudRequest] = [
                .targetGroup(other), .targetHealth(other, machine), .registerTarget(other, machine),
            ]
            for request in requests { #expect(try desk.fault(request).kind == .notFound) }
        }
    }

    @Test func `what IAM forbids is not allowed`() throws {
        try Moto.run(allowed: "ec2:Describe*") { moto, desk in
            let machine: InstanceID = "i-0123456789abcdef0"
            let volume = DataVolume(id: moto.volume, device: "/dev/sdf")
            let requests: [CloudRequest] = [
                .may(.moveAddress(moto.address, to: machine)), .may(.attachVolume(volume, to: machine)),
                .may(.detachVolume(volume.id, from: machine)), .targetGroup(moto.group),
                .targetHealth(moto.group, machine), .registerTarget(moto.group, machine),
                .deregisterTarget(moto.group, machine),
            ]
            for request in requests {
                let answer = try desk.ask(request)
                guard case .denied = RightFinding(answer) else {
                    Issue.record("\(request): \(answer)")
                    continue
                }
            }
        }
    }

    @Test func `a wrong secret is a wrong signature at ELB, too`() throws {
        try Moto.run(secret: "wrong") { moto, desk in
            let fault = try desk.fault(.targetGroup(moto.group))
            #expect(fault.kind == .notAllowed && fault.code == "SignatureDoesNotMatch", "\(fault)")
        }
    }
}
