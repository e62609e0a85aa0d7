import TestSupport
import Testing
import XML

@testable import SandboxCore

struct TargetTests {
    private let front = FrontID.balancer("web")

    private func make() throws -> Sky {
        try Sky { $0.balancers = ["web=127.0.0.1:8088/8080"].compactMap(Front.init) }
    }

    private func parameters(_ sky: Sky, _ id: String) -> [String: String] {
        ["TargetGroupArn": sky.world.groups[0].arn, "Targets.member.1.Id": id]
    }

    private func health(_ sky: inout Sky, _ id: String) throws -> String {
        let answer = try sky.call("DescribeTargetHealth", parameters(sky, id))
        let member = answer.first("DescribeTargetHealthResult", "TargetHealthDescriptions", "member")
        let health = try #require(member?["TargetHealth"])
        return [health["State"]?.text, health["Reason"]?.text].compactMap { $0 }.joined(separator: " ")
    }

    /// Answers the probes that are due with that, as often as was said, a second apart.
    private func probe(_ sky: inout Sky, isWell: Bool?, times: Int = 1) {
        for _ in 0..<times {
            for effect in sky.world.takeEffects() {
                if case .probe(let probe) = effect, let isWell { sky.world.probed(probe, isWell: isWell, at: sky.now) }
            }
            sky.pass(.seconds(1))
        }
    }

    private func routes(_ sky: inout Sky) -> [Effect] {
        sky.world.takeEffects().filter { effect in
            switch effect {
            case .route, .cut, .drain: true
            default: false
            }
        }
    }

    @Test func `a member is healthy after two good probes, and unhealthy after two bad ones`() throws {
        var sky = try make()
        let id = try sky.run()
        #expect(try health(&sky, id) == "unused Target.NotRegistered")
        _ = try sky.call("RegisterTargets", parameters(sky, id))
        #expect(try health(&sky, id) == "initial Elb.RegistrationInProgress")
        probe(&sky, isWell: true)
        #expect(try health(&sky, id) == "initial Elb.RegistrationInProgress")
        probe(&sky, isWell: true)
        #expect(try health(&sky, id) == "healthy")
        // One bad one between good ones changes nothing.
        for isWell in [false, true, false] { probe(&sky, isWell: isWell) }
        #expect(try health(&sky, id) == "healthy")
        probe(&sky, isWell: false)
        #expect(try health(&sky, id) == "unhealthy Target.FailedHealthChecks")
        probe(&sky, isWell: true, times: 2)
        #expect(try health(&sky, id) == "healthy")
    }

    @Test func `a probe that hangs failed`() throws {
        var sky = try make()
        let id = try sky.run()
        _ = try sky.call("RegisterTargets", parameters(sky, id))
        probe(&sky, isWell: true, times: 2)
        probe(&sky, isWell: nil, times: 2)
        #expect(try health(&sky, id) == "unhealthy Target.FailedHealthChecks")
    }

    @Test func `new connections go to the healthy alone`() throws {
        var sky = try make()
        let (one, other) = (try sky.run(), try sky.run())
        for id in [one, other] { _ = try sky.call("RegisterTargets", parameters(sky, id)) }
        let first = Endpoint(address: "127.77.0.5", port: 8080), second = Endpoint(address: "127.77.0.6", port: 8080)
        for _ in 0..<2 {
            for effect in sky.world.takeEffects() {
                guard case .probe(let probe) = effect else { continue }
                sky.world.probed(probe, isWell: probe.target == first, at: sky.now)
            }
            sky.pass(.seconds(1))
        }
        #expect(routes(&sky).last == .route(front: front, to: [first]))
        #expect(try health(&sky, other) == "unhealthy Target.FailedHealthChecks")
        sky.pass(.seconds(1))
        probe(&sky, isWell: true, times: 2)
        #expect(routes(&sky).last == .route(front: front, to: [first, second]))
    }

    @Test func `one that is taken out drains until its connections or its time are over`() throws {
        var sky = try make()
        let (one, other) = (try sky.run(), try sky.run())
        for id in [one, other] { _ = try sky.call("RegisterTargets", parameters(sky, id)) }
        probe(&sky, isWell: true, times: 2)
        _ = routes(&sky)
        let first = Endpoint(address: "127.77.0.5", port: 8080), second = Endpoint(address: "127.77.0.6", port: 8080)
        for _ in 0..<2 { _ = try sky.call("DeregisterTargets", parameters(sky, one)) }
        #expect(routes(&sky) == [.route(front: front, to: [second]), .drain(front: front, first)])
        #expect(try health(&sky, one) == "draining Target.DeregistrationInProgress")
        sky.pass(.milliseconds(9_999))
        #expect(try health(&sky, one) == "draining Target.DeregistrationInProgress")
        _ = routes(&sky)
        sky.pass(.milliseconds(1))
        #expect(routes(&sky) == [.cut(front: front, first)])
        #expect(try health(&sky, one) == "unused Target.NotRegistered")
        _ = try sky.call("DeregisterTargets", parameters(sky, other))
        sky.world.drained(front, second)
        #expect(try health(&sky, other) == "unused Target.NotRegistered")
        #expect(sky.world.nextDue == nil)
    }

    @Test func `one that comes back while it drains begins anew`() throws {
        var sky = try make()
        let id = try sky.run()
        for action in ["RegisterTargets", "DeregisterTargets", "RegisterTargets"] {
            _ = try sky.call(action, parameters(sky, id))
        }
        #expect(try health(&sky, id) == "initial Elb.RegistrationInProgress")
        sky.world.drained(front, Endpoint(address: "127.77.0.5", port: 8080))
        sky.pass(.seconds(20))
        #expect(try health(&sky, id) != "unused Target.NotRegistered")
    }

    @Test func `what does not run is no target, and what ends is none any more`() throws {
        var sky = try make()
        let pending = try sky.launch()
        #expect(try sky.refusal("RegisterTargets", parameters(sky, pending)) == "InvalidTarget")
        #expect(try sky.refusal("RegisterTargets", parameters(sky, "i-0")) == "InvalidTarget")
        #expect(try sky.refusal("RegisterTargets", parameters(sky, "8.8.8.8")) == "InvalidTarget")
        _ = try sky.call("RegisterTargets", parameters(sky, "127.0.0.9"))
        sky.pass(.seconds(2))
        _ = try sky.call("RegisterTargets", parameters(sky, pending))
        try sky.order("instances/\(pending)/terminate")
        // What only begins to end is sent traffic until its probes fail.
        #expect(try health(&sky, pending) == "initial Elb.RegistrationInProgress")
        sky.pass(.seconds(5))
        #expect(try health(&sky, pending) == "unused Target.NotRegistered")
        var unknown = parameters(sky, pending)
        unknown["TargetGroupArn"] = "arn:aws:nothing"
        for action in ["RegisterTargets", "DeregisterTargets", "DescribeTargetHealth"] {
            #expect(try sky.refusal(action, unknown) == "TargetGroupNotFound")
        }
    }

    @Test func `what is stopped stays a target, and is sent nothing`() throws {
        var sky = try make()
        let id = try sky.run()
        _ = try sky.call("RegisterTargets", parameters(sky, id))
        probe(&sky, isWell: true, times: 2)
        try sky.order("instances/\(id)/notice", #"{"seconds": 1, "action": "stop"}"#)
        _ = routes(&sky)
        sky.pass(.seconds(1))
        sky.pass(.seconds(5))
        let first = Endpoint(address: "127.77.0.5", port: 8080)
        #expect(routes(&sky).prefix(2) == [.cut(front: front, first), .route(front: front, to: [])])
        #expect(try health(&sky, id) == "unused Target.InvalidState")
    }

    @Test func `an operator puts an instance behind a balancer, and takes it out`() throws {
        var sky = try make()
        let id = try sky.launch()
        let body = #"{"balancer": "web"}"#
        #expect(try sky.order("instances/\(id)/register", body).status == 400)
        sky.pass(.seconds(2))
        let reply = try sky.order("instances/\(id)/register", body)
        #expect(String(decoding: reply.body, as: UTF8.self).contains(id))
        #expect(try health(&sky, id) == "initial Elb.RegistrationInProgress")
        #expect(try sky.order("instances/\(id)/register", #"{"balancer": "wbe"}"#).status == 404)
        #expect(try sky.order("instances/\(id)/register").status == 400)
        #expect(try sky.order("instances/\(id)/deregister", body).status == 200)
        #expect(try health(&sky, id) == "draining Target.DeregistrationInProgress")
    }

    @Test func `targets are registered all or none, at ports that there are`() throws {
        var sky = try make()
        let id = try sky.run()
        var both = parameters(sky, id)
        both["Targets.member.2.Id"] = "i-0"
        #expect(try sky.refusal("RegisterTargets", both) == "InvalidTarget")
        #expect(try health(&sky, id) == "unused Target.NotRegistered")
        for port in ["0", "-5", "99999", "abc"] {
            var wrong = parameters(sky, id)
            wrong["Targets.member.1.Port"] = port
            #expect(try sky.refusal("RegisterTargets", wrong) == "ValidationError", "\(port)")
        }
        #expect(try sky.refusal("RegisterTargets", ["TargetGroupArn": sky.world.groups[0].arn]) == "MissingParameter")
        #expect(try sky.refusal("DescribeTargetGroups", ["Names.member.1": "wbe"]) == "TargetGroupNotFound")
    }
}
