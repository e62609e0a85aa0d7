import AgentCore
import JSON
import Platform
import TestSupport
import Testing
import Wire

@testable import AgentHost

/// Against the sandbox, which was written for what we ask: it is held to be like EC2, and we to get on with it. It knows client
/// tokens, zones of volumes, the time that things take, and what goes wrong.
@Suite(.serialized) struct SandboxTests {
    private static let tags = [CloudRequest.Tag("Name", "wéb & co*"), CloudRequest.Tag("spot:command", "cmd-1/1")]

    private func ask(
        _ flags: [String: String] = [:], secret: String? = nil, _ body: (SandboxProcess, Desk) throws -> Void
    ) throws {
        let sandbox = try SandboxProcess(flags)
        var values = SandboxProcess.keys.merging(["AWS_ENDPOINT_URL": sandbox.url]) { $1 }
        if let secret { values["AWS_SECRET_ACCESS_KEY"] = secret }
        try body(sandbox, Desk(values, region: "us-east-1"))
    }

    private func launch(_ token: String) throws -> Launch {
        var launch = Launch(
            token: token, image: try ResourceID(SandboxProcess.image), instanceType: "m5.large", mode: .spot,
            zone: "us-east-1b")
        launch.tags = Self.tags
        launch.userData = "IyEvYmluL3No+w=="
        return launch
    }

    private func run(_ desk: Desk, _ token: String) throws -> CloudInstance {
        guard case .launched(let instance) = try desk.ask(.run(launch(token))).get() else {
            throw TestSupportError("that is no launch")
        }
        return instance
    }

    @Test func `a machine is launched once for its token, described, found, and terminated`() throws {
        try ask { _, desk in
            let first = try run(desk, "token-1")
            #expect(try run(desk, "token-1").id == first.id)
            let second = try run(desk, "token-2")
            #expect(second.id != first.id)
            var other = try launch("token-1")
            other.instanceType = "m5.xlarge"
            #expect(try desk.fault(.run(other)).kind == .tokenMismatch)

            let known = try desk.describe(first.id)
            #expect(known.state == .running && known.mode == .spot && known.zone == "us-east-1b")
            #expect(known.tags == Self.tags && known.instanceType == "m5.large")
            #expect(try desk.ask(.userData(of: first.id)) == .success(.userData("IyEvYmluL3No+w==")))
            for tag in Self.tags {
                let found = try desk.ask(.findInstances(tag: tag)).get()
                #expect(found == .instances([known, try desk.describe(second.id)]))
            }
            let subnets = try desk.subnets(of: #require(known.network), in: "us-east-1c")
            #expect(subnets.count == 1 && subnets.first?.zone == "us-east-1c")

            #expect(try desk.ask(.terminate(first.id)) == .success(.terminating(.shuttingDown)))
            let end = try desk.describe(first.id)
            #expect(end.state == .terminated && end.stateReason == "Client.UserInitiatedShutdown")
            #expect(try desk.fault(.run(launch("token-1"))).kind == .tokenMismatch)
            #expect(try desk.fault(.describeInstances(["i-0123456789abcdef0"])).kind == .notFound)
        }
    }

    @Test func `what we may do is asked without doing it`() throws {
        try ask { sandbox, desk in
            let machine = try run(desk, "t").id
            #expect(try desk.ask(.may(.run(launch("u")))) == .success(.allowed))
            #expect(try desk.ask(.may(.terminate(machine))) == .success(.allowed))
            #expect(try desk.describe(machine).state == .running)
            _ = try sandbox.ordered("fault", "TerminateInstances", "error", "UnauthorizedOperation")
            #expect(try desk.fault(.may(.terminate(machine))).kind == .notAllowed)
        }
    }

    @Test func `an image is made, found and cleaned away`() throws {
        try ask { _, desk in
            let machine = try run(desk, "t").id
            let made = try desk.ask(.createImage(of: machine, name: "one", tags: Self.tags)).get()
            guard case .imageCreated(let id) = made, case .images(let images) = try desk.ask(.image(id)).get(),
                let snapshot = images.first?.snapshots.first
            else { throw TestSupportError("\(made)") }
            #expect(images.first?.state == .available)
            #expect(try desk.ask(.findImages(tag: Self.tags[0])) == .success(.images(images)))
            #expect(try desk.ask(.tag([snapshot], Self.tags)) == .success(.done))
            guard case .snapshots(let found) = try desk.ask(.findSnapshots(tag: Self.tags[1])).get() else {
                throw TestSupportError("those are no snapshots")
            }
            #expect(found.map(\.id) == [snapshot] && found.first?.isCompleted == true)
            #expect(try desk.ask(.deregisterImage(id)) == .success(.done))
            #expect(try desk.ask(.deleteSnapshot(snapshot)) == .success(.done))
            #expect(try desk.fault(.image(id)).kind == .notFound)
        }
    }

    @Test func `prices are there, of all zones and on demand`() throws {
        try ask { _, desk in
            guard case .spotPrices(let prices) = try desk.ask(.spotPrices("m5.large")).get() else {
                throw TestSupportError("those are no prices")
            }
            #expect(Set(prices.map(\.pool.zone.text)) == ["us-east-1a", "us-east-1b", "us-east-1c"])
            let price = try #require(JSONNumber("0.096000"))
            #expect(try desk.ask(.onDemandPrice("m5.large", "us-east-1")) == .success(.onDemandPrice(price)))
            #expect(prices.allSatisfy { $0.price < price })
        }
    }

    @Test func `a volume, an address and a place behind a balancer go with the workload`() throws {
        let port = try unusedLoopbackPort()
        let flags = [
            "--volume": "data=us-east-1b", "--address": "main=127.0.0.1:\(port)",
            "--balancer": "web=127.0.0.1:\(try unusedLoopbackPort())/\(try unusedLoopbackPort())",
        ]
        try ask(flags) { sandbox, desk in
            let status = try sandbox.ordered("status")
            func id(_ list: String) throws -> String {
                let items = try status.required(list).array().map { try $0.object().required("id").string() }
                return try #require(items.first)
            }
            let machines = [try run(desk, "a").id, try run(desk, "b").id]
            let volume = DataVolume(id: try ResourceID(id("volumes")), device: "/dev/sdf")
            let address = try ResourceID(id("addresses"))
            let group = Samples.makeGroup(try id("balancers"))
            for machine in machines {
                #expect(try desk.ask(.attachVolume(volume, to: machine)) == .success(.done))
                guard case .volumes(let volumes) = try desk.ask(.volumes([volume.id])).get() else {
                    throw TestSupportError("those are no volumes")
                }
                #expect(volumes.first?.attachments == [machine: .attached] && volumes.first?.zone == "us-east-1b")
                #expect(try desk.ask(.detachVolume(volume.id, from: machine)) == .success(.done))

                #expect(try desk.ask(.moveAddress(address, to: machine)) == .success(.done))
                let held = CloudAnswer.Address(publicAddress: "127.0.0.1", instance: machine)
                #expect(try desk.ask(.address(address)) == .success(.address(held)))

                let look = CloudRequest.targetHealth(group, machine)
                #expect(try desk.ask(look) == .success(.targetHealth(.absent)))
                for _ in 0..<2 { #expect(try desk.ask(.registerTarget(group, machine)) == .success(.done)) }
                #expect(try desk.ask(look) == .success(.targetHealth(.initial)))
                for _ in 0..<2 { #expect(try desk.ask(.deregisterTarget(group, machine)) == .success(.done)) }
                #expect(try desk.ask(look) == .success(.targetHealth(.absent)))
            }
            let check = CloudAnswer.HealthCheck(interval: .seconds(1), healthyAfter: 2)
            #expect(try desk.ask(.targetGroup(group)) == .success(.targetGroup(check)))
            let elsewhere = try sandbox.ordered("launch", "--zone", "us-east-1c").required("id").string()
            let refused = try desk.fault(.attachVolume(volume, to: InstanceID(elsewhere)))
            #expect(refused.code == "InvalidVolume.ZoneMismatch")
        }
    }

    @Test func `throttling is waited out, and what EC2 has no room for is said`() throws {
        try ask { sandbox, desk in
            _ = try sandbox.ordered("fault", "all", "throttle", "--count", "2")
            let machine = try run(desk, "t").id
            _ = try sandbox.ordered("fault", "RunInstances", "error", "InsufficientInstanceCapacity", "--count", "1")
            #expect(try desk.fault(.run(launch("u"))).kind == .noCapacity)
            _ = try sandbox.ordered("fault", "all", "drop", "--count", "1")
            #expect(try desk.describe(machine).state == .running)
        }
    }

    @Test func `a wrong secret is a wrong signature`() throws {
        try ask(["--balancer": "web=127.0.0.1:\(try unusedLoopbackPort())"], secret: "wrong") { _, desk in
            let fault = try desk.fault(.findInstances(tag: Self.tags[0]))
            #expect(fault.kind == .notAllowed && fault.code == "AuthFailure", "\(fault)")
            #expect(try desk.fault(.targetGroup(Samples.group)).code == "SignatureDoesNotMatch")
        }
    }

    @Test func `a machine reads its notice, and signs with its role's credentials`() throws {
        let sandbox = try SandboxProcess()
        let machine = try sandbox.ordered("launch")
        let (id, endpoint) = (try machine.required("id").string(), try machine.required("metadata").string())
        let loop = PollLoop()
        let metadata = try MetadataClient(loop: loop, endpoint: endpoint)
        func read(_ item: MetadataItem) -> MetadataReading? {
            var reading: MetadataReading?
            metadata.read(item, within: .seconds(5)) { reading = $0 }
            _ = loop.run { reading != nil }
            return reading
        }
        #expect(read(.instanceID) == .value(id))
        #expect(read(.instanceAction) == .absent)
        #expect(read(.maintenance) == .value("[]"))
        _ = try sandbox.ordered("notice", id)
        guard case .value(let notice) = read(.instanceAction) else { throw TestSupportError("there is no notice") }
        #expect(notice.contains(#""action":"terminate""#))

        let cloud = try Cloud(
            loop: loop, settings: CloudSettings(["AWS_ENDPOINT_URL": sandbox.url]), surroundings: SystemSurroundings()
        ) { path, deadline, completion in metadata.read(path: path, within: deadline, completion) }
        cloud.region = "us-east-1"
        var answer: Result<CloudAnswer, CloudFault>?
        cloud.call(.describeInstances([try InstanceID(id)]), deadline: .seconds(5)) { answer = $0 }
        _ = loop.run { answer != nil }
        guard case .success(.instances(let found)) = answer else {
            throw TestSupportError("\(String(describing: answer))")
        }
        #expect(found.map(\.id.text) == [id])
    }
}
