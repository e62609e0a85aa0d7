import JSON
import TestSupport
import Testing

@testable import SandboxCore

struct NoticeTests {
    @Test func `a notice is seen at once, and names a whole second no earlier than was asked`() throws {
        var sky = try Sky()
        let id = try sky.run()
        sky.pass(.milliseconds(300))
        #expect(try sky.order("instances/\(id)/notice", #"{"seconds": 120}"#).status == 200)
        // 1,800,000,002.3 and 120.
        let time = "2027-01-15T08:02:03Z"
        #expect(try sky.value("spot/instance-action", of: id) == #"{"action":"terminate","time":"\#(time)"}"#)
        #expect(try sky.value("spot/termination-time", of: id) == time)
    }

    @Test func `the machine's end begins at the moment that the notice names, and not before`() throws {
        var sky = try Sky()
        let id = try sky.run()
        sky.pass(.milliseconds(300))
        try sky.order("instances/\(id)/notice", #"{"seconds": 120}"#)
        #expect(sky.world.nextDue == sky.time + .milliseconds(120_700))
        sky.pass(.milliseconds(120_700) - .nanoseconds(1))
        #expect(try sky.state(id) == "running")
        _ = sky.world.takeEffects()
        sky.pass(.nanoseconds(1))
        #expect(try sky.state(id) == "shutting-down")
        // Whoever still runs is told the same as before.
        #expect(try sky.value("spot/instance-action", of: id)?.contains("terminate") == true)
        #expect(sky.world.instances.first?.reason == "Server.SpotInstanceTermination")
        // What is late does not make the rest later.
        sky.pass(.seconds(5))
        #expect(try sky.state(id) == "terminated")
        let halts = sky.world.takeEffects().compactMap { effect in
            switch effect {
            case .halt(_, let state): "halt \(state)"
            case .kill(_, let state): "kill \(state)"
            default: nil
            }
        }
        #expect(halts == ["halt shutting-down", "kill terminated"])
    }

    @Test func `one to stop stops, is still there, and can be terminated`() throws {
        var sky = try Sky()
        let id = try sky.run()
        try sky.order("instances/\(id)/notice", #"{"seconds": 2, "action": "hibernate"}"#)
        #expect(try sky.value("spot/instance-action", of: id)?.contains("hibernate") == true)
        #expect(try sky.value("spot/termination-time", of: id) == nil)
        sky.pass(.seconds(2))
        #expect(try sky.state(id) == "stopping")
        sky.pass(.seconds(5))
        #expect(try sky.state(id) == "stopped")
        #expect(try sky.order("instances/\(id)/notice").status == 409)
        try sky.order("instances/\(id)/terminate")
        #expect(try sky.state(id) == "terminated")
    }

    @Test func `what was announced can be taken back, once`() throws {
        var sky = try Sky()
        let id = try sky.run()
        for order in ["notice", "rebalance", "maintenance"] {
            #expect(try sky.order("instances/\(id)/\(order)").status == 200, "\(order)")
        }
        #expect(try sky.value("events/recommendations/rebalance", of: id)?.contains("noticeTime") == true)
        let events = try #require(try sky.value("events/maintenance/scheduled", of: id))
        #expect(events.contains(#""NotBefore":"15 Jan 2027 09:00:02 GMT","Code":"system-reboot""#))
        #expect(try sky.order("instances/\(id)/cancel").status == 200)
        #expect(try sky.value("spot/instance-action", of: id) == nil)
        #expect(try sky.value("events/recommendations/rebalance", of: id) == nil)
        #expect(try sky.value("events/maintenance/scheduled", of: id) == "[]")
        sky.pass(.seconds(200))
        #expect(try sky.state(id) == "running")
        #expect(try sky.order("instances/\(id)/cancel").status == 409)
    }

    @Test func `EC2 takes back what is spot, and what is there`() throws {
        var sky = try Sky()
        let onDemand = try sky.run(["InstanceMarketOptions.MarketType": ""])
        #expect(try sky.value("instance-life-cycle", of: onDemand) == "on-demand")
        #expect(try sky.order("instances/\(onDemand)/notice").status == 409)
        try sky.order("instances/\(onDemand)/terminate")
        for order in ["notice", "rebalance", "maintenance", "cancel"] {
            #expect(try sky.order("instances/\(onDemand)/\(order)").status == 409, "\(order)")
        }
        #expect(try sky.order("instances/i-unknown/notice").status == 404)
    }

    @Test(arguments: [
        ("notice", #"{"seconds": 0}"#), ("notice", #"{"seconds": "soon"}"#), ("notice", #"{"action": "explode"}"#),
        ("maintenance", #"{"code": "coffee"}"#), ("lifecycle", "{}"), ("lifecycle", #"{"state": "Asleep"}"#),
        ("terminate", #"{"at_once": 1}"#), ("notice", "[]"), ("notice", "{"),
    ])
    func `an order that makes no sense is refused with a sentence`(order: String, body: String) throws {
        var sky = try Sky()
        let id = try sky.run()
        let reply = try sky.order("instances/\(id)/\(order)", body)
        #expect(reply.status == 400)
        #expect(try !JSONDocument(reply.body).root.object().required("error").string().isEmpty)
    }

    @Test func `an Auto Scaling group's wish is seen until it has another`() throws {
        var sky = try Sky()
        let id = try sky.run()
        try sky.order("instances/\(id)/lifecycle", #"{"state": "InService"}"#)
        #expect(try sky.value("autoscaling/target-lifecycle-state", of: id) == "InService")
        try sky.order("instances/\(id)/lifecycle", #"{"state": "Terminated"}"#)
        #expect(try sky.value("autoscaling/target-lifecycle-state", of: id) == "Terminated")
    }
}
