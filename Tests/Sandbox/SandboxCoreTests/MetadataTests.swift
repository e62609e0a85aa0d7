import JSON
import TestSupport
import Testing

@testable import SandboxCore

struct MetadataTests {
    private static let token = "x-aws-ec2-metadata-token"
    private static let life = "x-aws-ec2-metadata-token-ttl-seconds"

    @Test(arguments: ["", "0", "21601", "-1", "soon"])
    func `a token that lives for no time, or for longer than six hours, is a bad request`(seconds: String) throws {
        var sky = try Sky()
        let id = try sky.run()
        let fate = try sky.metadata("PUT", "/latest/api/token", of: id, [Self.life: seconds])
        #expect(fate.status == 400)
        #expect(try sky.metadata("PUT", "/latest/api/token", of: id).status == 400)
    }

    @Test func `a token says how long it lives, and is not made through a proxy`() throws {
        var sky = try Sky()
        let id = try sky.run()
        let fate = try sky.metadata("PUT", "/latest/api/token", of: id, [Self.life: "21600"])
        guard case .reply(let reply, _) = fate else { throw TestSupportError("\(fate)") }
        #expect(reply.headers == [Reply.Header("X-Aws-Ec2-Metadata-Token-Ttl-Seconds", "21600")])
        let forwarded = [Self.life: "60", "x-forwarded-for": "10.0.0.1"]
        #expect(try sky.metadata("PUT", "/latest/api/token", of: id, forwarded).status == 403)
        #expect(try sky.metadata("GET", "/latest/api/token", of: id).status == 405)
    }

    @Test func `without a token of its own that still lives nobody reads anything`() throws {
        var sky = try Sky()
        let (one, other) = (try sky.run(), try sky.run())
        let path = "/latest/meta-data/instance-id"
        let token = try sky.token(of: one, seconds: "60")
        #expect(try sky.metadata("GET", path, of: one).status == 401)
        #expect(try sky.metadata("GET", path, of: one, [Self.token: "guessed"]).status == 401)
        #expect(try sky.metadata("GET", path, of: other, [Self.token: token]).status == 401)
        #expect(try sky.metadata("GET", path, of: one, [Self.token: token]).status == 200)
        #expect(try sky.metadata("POST", path, of: one, [Self.token: token]).status == 405)
        sky.pass(.milliseconds(59_999))
        #expect(try sky.metadata("GET", path, of: one, [Self.token: token]).status == 200)
        sky.pass(.milliseconds(1))
        #expect(try sky.metadata("GET", path, of: one, [Self.token: token]).status == 401)
    }

    @Test func `the oldest of very many tokens are forgotten`() throws {
        var sky = try Sky()
        let id = try sky.run()
        let tokens = try (0..<65).map { _ in try sky.token(of: id) }
        let path = "/latest/meta-data/instance-id"
        #expect(try sky.metadata("GET", path, of: id, [Self.token: tokens[0]]).status == 401)
        #expect(try sky.metadata("GET", path, of: id, [Self.token: tokens[1]]).status == 200)
    }

    @Test func `an instance is told what it is, and nothing of what is not announced`() throws {
        var sky = try Sky()
        let id = try sky.run(["InstanceType": "c5.xlarge", "Placement.AvailabilityZone": "us-east-1b"])
        #expect(try sky.value("instance-id", of: id) == id)
        #expect(try sky.value("instance-type", of: id) == "c5.xlarge")
        #expect(try sky.value("placement/availability-zone", of: id) == "us-east-1b")
        #expect(try sky.value("placement/", of: id) == "availability-zone\nregion")
        #expect(try sky.value("instance-life-cycle", of: id) == "spot")
        #expect(try sky.value("local-ipv4", of: id) == "127.77.0.5")
        #expect(try sky.value("ami-id", of: id) == World.baseImage)
        #expect(try sky.value("events/maintenance/scheduled", of: id) == "[]")
        for path in [
            "spot/instance-action", "spot/termination-time", "events/recommendations/rebalance", "public-ipv4",
            "autoscaling/target-lifecycle-state", "spot", "no-such-thing",
        ] {
            #expect(try sky.value(path, of: id) == nil, "\(path)")
        }
    }

    @Test func `who has an instance's address is known by it, whatever address was asked`() throws {
        var sky = try Sky()
        try sky.order("instances", #"{"address": "10.0.0.7", "name": "web-1"}"#)
        let field = "x-aws-ec2-metadata-token-ttl-seconds"
        var question = Question("PUT", "/latest/api/token")
        question.headers = [field: "60"]
        question.host = "169.254.169.254"
        question.peer = "10.0.0.7"
        #expect(sky.world.answer(question, at: sky.now).status == 200)
        question.peer = "10.0.0.8"
        #expect(sky.world.answer(question, at: sky.now).status == 404)
    }

    @Test func `a role's credentials are the same until shortly before their end, and are known`() throws {
        var sky = try Sky()
        let id = try sky.run()
        #expect(try sky.value("iam/security-credentials/", of: id) == "sandbox")
        func read(_ sky: inout Sky) throws -> (key: String, secret: String) {
            let text = try #require(try sky.value("iam/security-credentials/sandbox", of: id))
            let object = try JSONDocument(Array(text.utf8)).root.object()
            return (try object.required("AccessKeyId").string(), try object.required("SecretAccessKey").string())
        }
        let first = try read(&sky)
        #expect(sky.world.key(of: first.key)?.secret == first.secret)
        #expect(sky.world.key(of: "AKIDEXAMPLE") == nil)
        sky.pass(.seconds(21_600 - 301))
        #expect(try read(&sky) == first)
        sky.pass(.seconds(2))
        #expect(try read(&sky) != first)
    }

    @Test func `user data is given as it was meant`() throws {
        var sky = try Sky()
        let id = try sky.run(["UserData": "IyEvYmluL3NoCg%3D%3D"])
        let token = try sky.token(of: id)
        let fate = try sky.metadata("GET", "/latest/user-data", of: id, [Self.token: token])
        #expect(fate == .reply(Reply(200, "#!/bin/sh\n")))
    }

    @Test func `the service of a machine that is gone is gone`() throws {
        var sky = try Sky()
        let id = try sky.run()
        try sky.order("instances/\(id)/terminate", #"{"at_once": true}"#)
        #expect(try sky.metadata("GET", "/latest/meta-data/", of: id) == .drop)
    }
}
