import TestSupport
import Testing
import XML

@testable import SandboxCore

struct LaunchTests {
    @Test func `a machine is pending, runs, shuts down and is terminated, each after its time`() throws {
        var sky = try Sky {
            $0.launchTime = .seconds(2)
            $0.haltTime = .seconds(5)
        }
        let id = try sky.launch()
        #expect(id.hasPrefix("i-5a4db0") && id.utf8.count == 19)
        #expect(try sky.state(id) == "pending")
        sky.pass(.milliseconds(1_999))
        #expect(try sky.state(id) == "pending")
        sky.pass(.milliseconds(1))
        #expect(try sky.state(id) == "running")
        let answer = try sky.call("TerminateInstances", ["InstanceId.1": id])
        let item = try #require(answer.first("instancesSet", "item"))
        #expect(item.first("currentState", "name")?.text == "shutting-down")
        #expect(item.first("previousState", "name")?.text == "running")
        sky.pass(.milliseconds(4_999))
        #expect(try sky.state(id) == "shutting-down")
        sky.pass(.milliseconds(1))
        #expect(try sky.state(id) == "terminated")
        // Once more does no harm.
        _ = try sky.call("TerminateInstances", ["InstanceId.1": id])
        #expect(try sky.state(id) == "terminated")
        sky.pass(.seconds(3_600))
        #expect(try sky.refusal("DescribeInstances", ["InstanceId.1": id]) == "InvalidInstanceID.NotFound")
    }

    @Test func `its command starts when it runs, and ends with it`() throws {
        var sky = try Sky()
        let id = try sky.launch(["UserData": "YQ%3D%3D"])
        func deeds(_ sky: inout Sky) -> [String] {
            sky.world.takeEffects().compactMap { effect in
                switch effect {
                case .boot(let boot): "boot \(boot.instance) \(boot.address) \(boot.userData)"
                case .halt(let boot, let state): "halt \(boot.instance) \(state)"
                case .kill(let boot, let state): "kill \(boot.instance) \(state)"
                default: nil
                }
            }
        }
        #expect(deeds(&sky) == [])
        sky.pass(.seconds(2))
        #expect(deeds(&sky) == ["boot \(id) 127.77.0.5 YQ=="])
        try sky.order("instances/\(id)/terminate")
        #expect(deeds(&sky) == ["halt \(id) shutting-down"])
        sky.pass(.seconds(5))
        #expect(deeds(&sky) == ["kill \(id) terminated"])

        // One that never ran has no command to end.
        let short = try sky.launch()
        try sky.order("instances/\(short)/terminate")
        sky.pass(.seconds(5))
        #expect(deeds(&sky) == [])

        try sky.order("instances", #"{"boot": false, "name": "mine"}"#)
        sky.pass(.seconds(2))
        try sky.order("instances/mine/terminate", #"{"at_once": true}"#)
        #expect(deeds(&sky) == [])
    }

    @Test func `of very many that have ended the oldest are forgotten`() throws {
        var sky = try Sky()
        let ids = try (0...2 * Rules.instancesMax).map { _ in
            let id = try sky.launch()
            try sky.order("instances/\(id)/terminate", #"{"at_once": true}"#)
            return id
        }
        #expect(try sky.refusal("DescribeInstances", ["InstanceId.1": ids[0]]) == "InvalidInstanceID.NotFound")
        #expect(try sky.state(ids[1]) == "terminated")
    }

    @Test func `user data has EC2's bound`() throws {
        var sky = try Sky()
        let data = String(repeating: "A", count: 21_849)
        let refusal = try sky.refusal("RunInstances", ["ImageId": World.baseImage, "UserData": data])
        #expect(refusal == "InvalidParameterValue")
    }

    @Test func `a machine that fails is gone at once`() throws {
        var sky = try Sky()
        let id = try sky.run()
        _ = sky.world.takeEffects()
        try sky.order("instances/\(id)/terminate", #"{"at_once": true}"#)
        #expect(try sky.state(id) == "terminated")
        let deeds = sky.world.takeEffects().filter { if case .tell = $0 { false } else { true } }
        guard case .kill(let boot, "terminated") = deeds.first else { throw TestSupportError("\(deeds)") }
        #expect(boot.instance == id && deeds.count == 1)
    }

    @Test func `the same token and parameters are the same machine, and other parameters a mistake`() throws {
        var sky = try Sky()
        let first = try sky.launch(["ClientToken": "t-1", "InstanceType": "m5.large"])
        sky.pass(.seconds(3))
        #expect(try sky.launch(["ClientToken": "t-1", "InstanceType": "m5.large"]) == first)
        #expect(try sky.launch(["ClientToken": "t-2", "InstanceType": "m5.large"]) != first)
        #expect(sky.world.instances.count == 2)
        let other = ["ClientToken": "t-1", "InstanceType": "m5.xlarge", "ImageId": World.baseImage]
        #expect(try sky.refusal("RunInstances", other) == "IdempotentParameterMismatch")
        try sky.order("instances/\(first)/terminate", #"{"at_once": true}"#)
        let again = [
            "ClientToken": "t-1", "InstanceType": "m5.large", "ImageId": World.baseImage,
            "InstanceMarketOptions.MarketType": "spot",
        ]
        #expect(try sky.refusal("RunInstances", again) == "IdempotentInstanceTerminated")
    }

    @Test func `a new machine is not found for as long as it takes to be known everywhere`() throws {
        var sky = try Sky { $0.settleTime = .seconds(3) }
        let id = try sky.launch()
        #expect(try sky.refusal("DescribeInstances", ["InstanceId.1": id]) == "InvalidInstanceID.NotFound")
        #expect(try sky.refusal("TerminateInstances", ["InstanceId.1": id]) == "InvalidInstanceID.NotFound")
        #expect(try sky.call("DescribeInstances")["reservationSet"]?.children.isEmpty == true)
        sky.pass(.seconds(3))
        #expect(try sky.state(id) == "running")
    }

    @Test(arguments: [
        (["ImageId": "ami-0"], "InvalidAMIID.NotFound"), (["InstanceType": "large"], "InvalidParameterValue"),
        (["SubnetId": "subnet-0"], "InvalidSubnetID.NotFound"), (["MaxCount": "2"], "InvalidParameterValue"),
        (["Placement.AvailabilityZone": "eu-west-1a"], "InvalidParameterValue"), (["ImageId": ""], "MissingParameter"),
    ])
    func `a launch that EC2 would refuse is refused`(parameters: [String: String], code: String) throws {
        var sky = try Sky()
        let all = ["ImageId": World.baseImage].merging(parameters) { $1 }
        #expect(try sky.refusal("RunInstances", all) == code)
        #expect(sky.world.instances.isEmpty)
    }

    @Test func `each machine has an address of its own, and that of one that is gone comes round again`() throws {
        var sky = try Sky { rules in
            if let range = AddressRange("127.77.0.0/28") { rules.network = range }
        }
        // Sixteen, of which EC2 keeps five, and the last.
        let ids = try (0..<10).map { _ in try sky.run() }
        let addresses = sky.world.instances.map(\.address)
        #expect(Set(addresses).count == 10 && addresses.first == "127.77.0.5" && addresses.last == "127.77.0.14")
        let code = try sky.refusal("RunInstances", ["ImageId": World.baseImage])
        #expect(code == "InsufficientFreeAddressesInSubnet")
        try sky.order("instances/\(ids[3])/terminate", #"{"at_once": true}"#)
        _ = try sky.run()
        #expect(sky.world.instances.last?.address == "127.77.0.8")
    }

    @Test func `machines are found by their tags, with wildcards, and page by page`() throws {
        var sky = try Sky()
        for number in 0..<5 {
            let name = number < 3 ? "web*\(number)" : "db"
            _ = try sky.run([
                "TagSpecification.1.ResourceType": "instance", "TagSpecification.1.Tag.1.Key": "Name",
                "TagSpecification.1.Tag.1.Value": name,
            ])
        }
        func found(_ pattern: String, _ more: [String: String] = [:]) throws -> (count: Int, next: String?) {
            let filter = ["Filter.1.Name": "tag:Name", "Filter.1.Value.1": pattern]
            let answer = try sky.call("DescribeInstances", filter.merging(more) { $1 })
            return (answer["reservationSet"]?.children.count ?? -1, answer["nextToken"]?.text)
        }
        #expect(try found("web*").count == 3)
        #expect(try found("web\\*1").count == 1)
        #expect(try found("web\\*").count == 0)
        #expect(try found("d?").count == 2)
        let first = try found("*", ["MaxResults": "3"])
        #expect(first.count == 3)
        let second = try found("*", ["MaxResults": "3", "NextToken": #require(first.next)])
        #expect(second.count == 2 && second.next == nil)
        #expect(try sky.refusal("DescribeInstances", ["Filter.1.Name": "colour"]) == "InvalidParameterValue")
    }

    @Test func `what is not signed is refused, each service in its own words`() throws {
        var sky = try Sky()
        for (signer, codes) in [
            (Question.Signer.unknownKey, ["AuthFailure", "InvalidClientTokenId"]),
            (.wrongSignature, ["AuthFailure", "SignatureDoesNotMatch"]),
            (.tooOld, ["RequestExpired", "SignatureDoesNotMatch"]),
            (.nobody, ["MissingAuthenticationToken", "MissingAuthenticationToken"]),
        ] {
            for (action, code) in zip(["DescribeInstances", "DescribeTargetGroups"], codes) {
                var question = Question("POST", "/")
                question.signer = signer
                question.body = Array("Action=\(action)".utf8)
                guard case .reply(let reply, _) = sky.world.answer(question, at: sky.now) else {
                    throw TestSupportError("no answer")
                }
                #expect(reply.status >= 400)
                #expect(String(decoding: reply.body, as: UTF8.self).contains("<Code>\(code)</Code>"))
            }
        }
    }

    @Test func `a trial does nothing, and says that it would`() throws {
        var sky = try Sky()
        let reply = try sky.reply("RunInstances", ["ImageId": World.baseImage, "DryRun": "true"])
        #expect(reply.status == 412 && sky.world.instances.isEmpty)
        #expect(try sky.refusal("RunInstances", ["DryRun": "true"]) == "DryRunOperation")
        #expect(try sky.refusal("StartInstances") == "InvalidAction")
    }
}
