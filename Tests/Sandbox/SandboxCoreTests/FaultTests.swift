import JSON
import TestSupport
import Testing

@testable import SandboxCore

struct FaultTests {
    private func broken(_ order: String) throws -> Sky {
        var sky = try Sky()
        let reply = try sky.order("faults", order)
        #expect(reply.status == 200, "\(String(decoding: reply.body, as: UTF8.self))")
        return sky
    }

    @Test func `a service that throttles says so in its own words`() throws {
        var sky = try broken(#"{"what": "all", "kind": "throttle"}"#)
        let reply = try sky.reply("DescribeInstances")
        #expect(reply.status == 503)
        #expect(try sky.refusal("DescribeInstances") == "RequestLimitExceeded")
        #expect(try sky.refusal("DescribeTargetGroups") == "Throttling")
    }

    @Test func `a fault is for its action alone, and so often as was said`() throws {
        var sky = try broken(
            #"{"what": "RunInstances", "kind": "error", "value": "InsufficientInstanceCapacity", "count": "2"}"#)
        _ = try sky.call("DescribeInstances")
        let launch = ["ImageId": World.baseImage]
        for _ in 0..<2 { #expect(try sky.refusal("RunInstances", launch) == "InsufficientInstanceCapacity") }
        _ = try sky.call("RunInstances", launch)
        #expect(sky.world.instances.count == 1)
    }

    @Test func `a right can be denied, to a trial as well`() throws {
        var sky = try broken(#"{"what": "RunInstances", "kind": "error", "value": "UnauthorizedOperation"}"#)
        let reply = try sky.reply("RunInstances", ["DryRun": "true"])
        #expect(reply.status == 403)
        #expect(String(decoding: reply.body, as: UTF8.self).contains("UnauthorizedOperation"))
    }

    @Test func `a fault ends with its time`() throws {
        var sky = try broken(#"{"what": "all", "kind": "hang", "seconds": 30}"#)
        #expect(sky.fate("DescribeInstances") == .hang)
        sky.pass(.milliseconds(29_999))
        #expect(sky.fate("DescribeInstances") == .hang)
        sky.pass(.milliseconds(1))
        #expect(sky.fate("DescribeInstances").status == 200)
    }

    @Test func `what is slow is done at once and answered later`() throws {
        var sky = try broken(#"{"what": "RunInstances", "kind": "slow", "value": "1500"}"#)
        guard case .reply(let reply, let delay) = sky.fate("RunInstances", ["ImageId": World.baseImage]) else {
            throw TestSupportError("no answer")
        }
        #expect(reply.status == 200 && delay == .milliseconds(1_500) && sky.world.instances.count == 1)
    }

    @Test func `the metadata of one instance alone can go wrong`() throws {
        var sky = try Sky()
        let (one, other) = (try sky.run(), try sky.run())
        try sky.order("faults", #"{"what": "metadata", "kind": "drop", "instance": "\#(one)"}"#)
        #expect(try sky.metadata("GET", "/latest/", of: one) == .drop)
        #expect(try sky.metadata("GET", "/latest/", of: other).status == 401)
        try sky.order("mend")
        try sky.order("faults", #"{"what": "metadata", "kind": "error", "value": "503"}"#)
        for id in [one, other] { #expect(try sky.metadata("GET", "/latest/", of: id).status == 503) }
        _ = try sky.call("DescribeInstances")
    }

    @Test func `faults are mended one kind at a time, or all`() throws {
        var sky = try broken(#"{"what": "RunInstances", "kind": "drop"}"#)
        try sky.order("faults", #"{"what": "DescribeInstances", "kind": "drop"}"#)
        try sky.order("mend", #"{"what": "RunInstances"}"#)
        #expect(sky.fate("RunInstances", ["ImageId": World.baseImage]).status == 200)
        #expect(sky.fate("DescribeInstances") == .drop)
        try sky.order("mend")
        #expect(sky.fate("DescribeInstances").status == 200)
        // An operator mends what hits everything: orders are never hit.
        try sky.order("faults", #"{"what": "all", "kind": "drop"}"#)
        #expect(try sky.order("faults", nil).status == 200)
    }

    @Test(arguments: [
        #"{"what": "all"}"#, #"{"kind": "drop"}"#, #"{"what": "all", "kind": "explode"}"#,
        #"{"what": "all", "kind": "error"}"#, #"{"what": "all", "kind": "slow", "value": "99999"}"#,
        #"{"what": "all", "kind": "drop", "value": "1"}"#, #"{"what": "all", "kind": "drop", "count": 0}"#,
        #"{"what": "metadata", "kind": "error", "value": "InternalError"}"#,
        #"{"what": "RunInstnaces", "kind": "drop"}"#,
    ])
    func `a fault that makes no sense is refused`(order: String) throws {
        var sky = try Sky()
        #expect(try sky.order("faults", order).status == 400)
        #expect(sky.world.faults.all.isEmpty)
    }

    @Test func `there is a bound on faults`() throws {
        var sky = try Sky()
        for _ in 0..<Faults.countMax { try sky.order("faults", #"{"what": "all", "kind": "drop"}"#) }
        #expect(try sky.order("faults", #"{"what": "all", "kind": "drop"}"#).status == 400)
        #expect(sky.world.faults.all.count == Faults.countMax)
    }

    @Test(arguments: ["999", "100", "204", "-5", "InternalError"])
    func `a code that is no status of an error is 500 to whoever reads metadata`(code: String) throws {
        var sky = try Sky()
        let id = try sky.run()
        try sky.order("faults", #"{"what": "all", "kind": "error", "value": "\#(code)"}"#)
        #expect(try sky.metadata("GET", "/latest/", of: id).status == 500)
    }

    @Test func `what nothing is called cannot be mended`() throws {
        var sky = try broken(#"{"what": "all", "kind": "drop"}"#)
        #expect(try sky.order("mend", #"{"what": "al"}"#).status == 400)
        #expect(sky.world.faults.all.count == 1)
    }
}
