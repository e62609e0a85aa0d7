import AgentCore
import JSON
import TestSupport
import Testing
import Wire

@testable import AgentHost

/// Against an EC2 that nobody here wrote. It knows no throttling, no lack of capacity and no client tokens; its price list
/// cannot be asked.
@Suite(.serialized, .enabled(if: Moto.isWanted, Moto.whyNot)) struct MotoTests {
    private static let tags = [CloudRequest.Tag("Name", "wéb & co"), CloudRequest.Tag("spot:command", "cmd-1/1")]

    @Test func `a spot machine is launched as asked, found by its tag and terminated`() throws {
        try Moto.run { moto, desk in
            let first = try desk.launch()
            #expect(first.zone == "us-east-1b" && first.mode == .spot && first.instanceType == "m5.large")
            let subnets = try desk.subnets(of: #require(first.network), in: "us-east-1c")
            let subnet = try #require(subnets.first)
            #expect(subnets.count == 1 && subnet.zone == "us-east-1c" && subnet.freeAddresses > 0)

            let second = try desk.launch {
                $0.subnet = subnet.id
                $0.zone = subnet.zone
                $0.securityGroups = [moto.securityGroup]
                $0.userData = "IyEvYmluL3No+w=="
                $0.tags = Self.tags
            }
            #expect(second.zone == "us-east-1c" && second.subnet == subnet.id && second.state == .running)
            #expect(second.securityGroups == [moto.securityGroup])
            #expect(Set(second.tags) == Set(Self.tags))
            #expect(try desk.ask(.userData(of: second.id)) == .success(.userData("IyEvYmluL3No+w==")))
            #expect(try desk.ask(.findInstances(tag: Self.tags[1])) == .success(.instances([second])))

            #expect(try desk.ask(.terminate(second.id)) == .success(.terminating(.shuttingDown)))
            #expect(try desk.describe(second.id).state == .terminated)
            // Once more does no harm.
            #expect(throws: Never.self) { try desk.ask(.terminate(second.id)).get() }
        }
    }

    @Test func `a machine that is not spot is launched on demand`() throws {
        try Moto.run { _, desk in
            let instance = try desk.launch { $0.mode = .ondemand }
            #expect(instance.mode == .ondemand)
            #expect(try desk.ask(.userData(of: instance.id)) == .success(.userData("")))
        }
    }

    @Test func `a machine that is not there is not found`() throws {
        try Moto.run { _, desk in
            let requests: [CloudRequest] = [
                .describeInstances(["i-0123456789abcdef0"]), .terminate("i-0123456789abcdef0"),
                .image("ami-0123456789abcdef0"), .deleteSnapshot("snap-0123456789abcdef0"),
                .deregisterImage("ami-0123456789abcdef0"),
            ]
            for request in requests {
                let fault = try desk.fault(request)
                #expect(fault.kind == .notFound, "\(fault)")
            }
            #expect(try desk.ask(.findInstances(tag: Self.tags[1])) == .success(.instances([])))
        }
    }

    @Test func `an image is made, found by its tag and cleaned away with its snapshots`() throws {
        try Moto.run { _, desk in
            let instance = try desk.launch()
            let tag = CloudRequest.Tag("ManagedBy", "SpotOptimizer")
            let made = try desk.ask(.createImage(of: instance.id, name: "Spot-1", tags: [tag])).get()
            guard case .imageCreated(let id) = made else { throw TestSupportError("\(made)") }
            guard case .images(let images) = try desk.ask(.findImages(tag: tag)).get(), let image = images.first else {
                throw TestSupportError("no image was found")
            }
            #expect(images.count == 1 && image.id == id && image.state == .available && image.createdAt != nil)
            #expect(try desk.ask(.image(id)) == .success(.images(images)))
            #expect(!image.snapshots.isEmpty)
            #expect(try desk.ask(.tag(image.snapshots, [tag])) == .success(.done))
            guard case .snapshots(let tagged) = try desk.ask(.findSnapshots(tag: tag)).get() else {
                throw TestSupportError("no snapshot was found")
            }
            #expect(tagged.map(\.id).sorted() == image.snapshots.sorted())
            let inUse = try desk.fault(.deleteSnapshot(#require(image.snapshots.first)))
            #expect(inUse.code == "InvalidSnapshot.InUse" && inUse.description.contains("an image still needs it"))
            #expect(try desk.ask(.deregisterImage(id)) == .success(.done))
            for snapshot in image.snapshots { #expect(try desk.ask(.deleteSnapshot(snapshot)) == .success(.done)) }
            #expect(try desk.ask(.findSnapshots(tag: tag)) == .success(.snapshots([])))
        }
    }

    @Test func `the spot prices of all zones come in one call`() throws {
        try Moto.run { _, desk in
            guard case .spotPrices(let prices) = try desk.ask(.spotPrices("m5.large")).get() else {
                throw TestSupportError("those are no prices")
            }
            #expect(prices.count >= 3)
            #expect(Set(prices.map(\.pool.zone)).count == prices.count)
            #expect(prices.allSatisfy { $0.pool.instanceType == "m5.large" && $0.price > JSONNumber(0) })
        }
    }

    @Test func `what we may do is asked without doing it`() throws {
        try Moto.run { _, desk in
            let instance = try desk.launch()
            let launch = Launch(
                token: "t", image: try desk.image(), instanceType: "m5.large", mode: .spot, zone: "us-east-1b")
            for trial in [
                CloudRequest.run(launch), .terminate(instance.id),
                .createImage(of: instance.id, name: "trial", tags: []), .describeInstances([instance.id]),
            ] {
                #expect(try desk.ask(.may(trial)) == .success(.allowed))
            }
            #expect(try desk.describe(instance.id).state == .running)
        }
    }

    @Test func `what IAM forbids is not allowed`() throws {
        try Moto.run(allowed: "ec2:Describe*") { _, desk in
            #expect(try desk.ask(.findInstances(tag: Self.tags[1])) == .success(.instances([])))
            let launch = Launch(
                token: "t", image: try desk.image(), instanceType: "m5.large", mode: .spot, zone: "us-east-1b")
            for request in [CloudRequest.may(.run(launch)), .run(launch), .terminate("i-0123456789abcdef0")] {
                let fault = try desk.fault(request)
                #expect(fault.kind == .notAllowed, "\(fault)")
            }
        }
    }

    @Test func `a wrong secret is a wrong signature`() throws {
        try Moto.run(secret: "wrong") { _, desk in
            let fault = try desk.fault(.findInstances(tag: Self.tags[1]))
            #expect(fault.kind == .notAllowed && fault.code == "AuthFailure", "\(fault)")
        }
    }
}
