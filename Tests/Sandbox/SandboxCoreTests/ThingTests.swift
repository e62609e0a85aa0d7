import TestSupport
import Testing
import XML

@testable import SandboxCore

/// Images, volumes and addresses.
struct ThingTests {
    private func make() throws -> Sky {
        try Sky { rules in
            rules.volumes = [NamedVolume("data=us-east-1b")].compactMap { $0 }
            rules.addresses = ["main=127.0.0.1:8089/8080", "other=127.0.0.2:8089"].compactMap(Front.init)
        }
    }

    @Test func `an image takes its time, and its snapshot cannot be deleted before it`() throws {
        var sky = try make()
        let id = try sky.run()
        let made = try sky.call("CreateImage", ["InstanceId": id, "Name": "one"])
        let image = try #require(made["imageId"]?.text)
        #expect(try sky.refusal("CreateImage", ["InstanceId": id, "Name": "one"]) == "InvalidAMIName.Duplicate")
        #expect(try sky.refusal("RunInstances", ["ImageId": image]) == "InvalidAMIID.Unavailable")
        func look(_ sky: inout Sky) throws -> XMLElement {
            try #require(try sky.call("DescribeImages", ["ImageId.1": image]).first("imagesSet", "item"))
        }
        #expect(try look(&sky)["imageState"]?.text == "pending")
        sky.pass(.seconds(2))
        #expect(try look(&sky)["imageState"]?.text == "available")
        let snapshot = try #require(try look(&sky).first("blockDeviceMapping", "item", "ebs", "snapshotId")?.text)
        #expect(try sky.refusal("DeleteSnapshot", ["SnapshotId": snapshot]) == "InvalidSnapshot.InUse")
        _ = try sky.launch(["ImageId": image])
        _ = try sky.call("DeregisterImage", ["ImageId": image])
        _ = try sky.call("DeleteSnapshot", ["SnapshotId": snapshot])
        #expect(try sky.refusal("DescribeImages", ["ImageId.1": image]) == "InvalidAMIID.NotFound")
        #expect(try sky.refusal("DeleteSnapshot", ["SnapshotId": snapshot]) == "InvalidSnapshot.NotFound")
        #expect(try sky.refusal("DeregisterImage", ["ImageId": World.baseImage]) == "AuthFailure")
    }

    @Test func `a volume attaches to one machine of its zone at a time, and takes its time`() throws {
        var sky = try make()
        let volume = sky.world.volumes[0].id
        let there = try sky.run(["Placement.AvailabilityZone": "us-east-1b"])
        let elsewhere = try sky.run(["Placement.AvailabilityZone": "us-east-1a"])
        func attach(_ id: String) -> [String: String] { ["VolumeId": volume, "InstanceId": id, "Device": "/dev/sdf"] }
        func state(_ sky: inout Sky) throws -> String? {
            let item = try sky.call("DescribeVolumes", ["VolumeId.1": volume]).first("volumeSet", "item")
            return item?.first("attachmentSet", "item", "status")?.text
        }
        #expect(try sky.refusal("AttachVolume", attach(elsewhere)) == "InvalidVolume.ZoneMismatch")
        _ = try sky.call("AttachVolume", attach(there))
        #expect(try state(&sky) == "attaching")
        sky.pass(.seconds(1))
        #expect(try state(&sky) == "attached")
        #expect(try sky.refusal("AttachVolume", attach(there)) == "VolumeInUse")
        #expect(try sky.refusal("DetachVolume", attach(elsewhere)) == "InvalidAttachment.NotFound")
        _ = try sky.call("DetachVolume", attach(there))
        #expect(try state(&sky) == "detaching")
        sky.pass(.seconds(1))
        #expect(try state(&sky) == nil)
        #expect(try sky.refusal("DetachVolume", attach(there)) == "IncorrectState")
        #expect(try sky.refusal("DescribeVolumes", ["VolumeId.1": "vol-0"]) == "InvalidVolume.NotFound")
        // With its machine's end it is free.
        _ = try sky.call("AttachVolume", attach(there))
        try sky.order("instances/\(there)/terminate", #"{"at_once": true}"#)
        #expect(try state(&sky) == nil)
    }

    @Test func `an address moves, and cuts what came through it`() throws {
        var sky = try make()
        let (first, second) = (try sky.run(), try sky.run())
        let address = sky.world.addresses[0].id
        func associate(_ id: String, _ again: Bool = true) -> [String: String] {
            ["AllocationId": address, "InstanceId": id, "AllowReassociation": "\(again)"]
        }
        func deeds(_ sky: inout Sky) -> [Effect] {
            sky.world.takeEffects().filter { effect in
                switch effect {
                case .route, .cut: true
                default: false
                }
            }
        }
        let front = FrontID.address("main")
        let old = Endpoint(address: "127.77.0.5", port: 8080), new = Endpoint(address: "127.77.0.6", port: 8080)
        _ = try sky.call("AssociateAddress", associate(first))
        #expect(deeds(&sky) == [.route(front: front, to: [old])])
        _ = try sky.call("AssociateAddress", associate(first))
        #expect(deeds(&sky) == [])
        #expect(try sky.value("public-ipv4", of: first) == "127.0.0.1")
        #expect(try sky.refusal("AssociateAddress", associate(second, false)) == "Resource.AlreadyAssociated")
        _ = try sky.call("AssociateAddress", associate(second))
        #expect(
            deeds(&sky) == [.route(front: front, to: []), .cut(front: front, old), .route(front: front, to: [new])])
        try sky.order("instances/\(second)/terminate", #"{"at_once": true}"#)
        #expect(deeds(&sky) == [.route(front: front, to: []), .cut(front: front, new)])
        #expect(try sky.refusal("AssociateAddress", associate(second)) == "IncorrectInstanceState")
        #expect(try sky.refusal("AssociateAddress", associate("i-0")) == "InvalidInstanceID.NotFound")
    }

    @Test func `what is named at the start has the same identifier at every start`() throws {
        let (one, other) = (try make(), try make())
        #expect(one.world.volumes[0].id == other.world.volumes[0].id)
        #expect(one.world.addresses.map(\.id) == other.world.addresses.map(\.id))
        #expect(one.world.addresses[0].id != one.world.addresses[1].id)
    }

    @Test func `tags are given to what is there, each key once`() throws {
        var sky = try make()
        let id = try sky.run()
        for value in ["a", "b"] {
            _ = try sky.call("CreateTags", ["ResourceId.1": id, "Tag.1.Key": "k", "Tag.1.Value": value])
        }
        #expect(sky.world.tags[id] == [Tag(key: "k", value: "b")])
        #expect(try sky.refusal("CreateTags", ["ResourceId.1": "x-1", "Tag.1.Key": "k"]) == "InvalidID")
    }

    @Test func `a thing has fifty tags at most`() throws {
        var sky = try make()
        let id = try sky.run()
        var parameters = ["ResourceId.1": id]
        for number in 1...50 { parameters["Tag.\(number).Key"] = "k\(number)" }
        _ = try sky.call("CreateTags", parameters)
        _ = try sky.call("CreateTags", parameters)
        #expect(try sky.refusal("CreateTags", ["ResourceId.1": id, "Tag.1.Key": "one-more"]) == "TagLimitExceeded")
        #expect(sky.world.tags[id]?.count == 50)
    }

    @Test func `volumes and addresses are found by what is known of them, and by nothing else`() throws {
        var sky = try make()
        let zone = sky.world.volumes[0].zone
        for (action, name, value, set) in [
            ("DescribeVolumes", "availability-zone", zone, "volumeSet"),
            ("DescribeAddresses", "allocation-id", sky.world.addresses[0].id, "addressesSet"),
        ] {
            let found = try sky.call(action, ["Filter.1.Name": name, "Filter.1.Value.1": value])
            #expect(found.first(set, "item") != nil, "\(action)")
            let none = try sky.call(action, ["Filter.1.Name": name, "Filter.1.Value.1": "x"])
            #expect(none.first(set, "item") == nil, "\(action)")
            let filter = ["Filter.1.Name": "colour", "Filter.1.Value.1": "x"]
            #expect(try sky.refusal(action, filter) == "InvalidParameterValue", "\(action)")
        }
    }

    @Test(arguments: ["9223372036854775807", "1001", "0", "-1", "x"])
    func `a page has a size that EC2 has`(size: String) throws {
        var sky = try make()
        let page = ["NextToken": "1", "MaxResults": size]
        #expect(try sky.refusal("DescribeImages", page) == "InvalidParameterValue")
    }

    @Test(arguments: ["%", "%4", "%zz=1", "a=%ff"]) func `what is no form is no call`(body: String) {
        #expect(Form(Array(body.utf8)) == nil)
    }

    @Test(arguments: [
        "", "web", "web=127.0.0.1", "web=127.0.0.1:0", "web=127.0.0.1:70000", "web=localhost:80", "=127.0.0.1:80",
        "web=127.0.0.1:80/", "web=127.0.0.1:80/x", "a b=127.0.0.1:80", "web=127.0.0.1:80/80/80",
    ])
    func `what names no place is no front`(text: String) { #expect(Front(text) == nil) }

    @Test func `private networks are known`() {
        for text in ["127.0.0.1", "10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.1.1", "169.254.169.254"] {
            #expect(IPv4(text)?.isPrivate == true, "\(text)")
        }
        for text in ["8.8.8.8", "172.32.0.1", "172.15.0.1", "192.169.0.1", "0.0.0.0", "128.0.0.1"] {
            #expect(IPv4(text)?.isPrivate == false, "\(text)")
        }
        for text in ["127.0.0", "127.0.0.256", "127.0.0.01", "::1", "", "127.0.0.1."] { #expect(IPv4(text) == nil) }
        for text in ["127.77.0.0/7", "127.77.0.0/29", "127.77.0.1/16", "127.77.0.0", "127.77.0.0/x"] {
            #expect(AddressRange(text) == nil, "\(text)")
        }
    }
}
