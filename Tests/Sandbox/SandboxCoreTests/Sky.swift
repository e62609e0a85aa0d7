import JSON
import TestSupport
import Testing
import XML

@testable import SandboxCore

/// A world whose clock a test moves.
struct Sky {
    static let start = Timestamp(nanosecondsSinceEpoch: 1_800_000_000_000_000_000)
    var world: World
    private(set) var time = Duration.seconds(1_000)

    init(_ change: (inout Rules) -> Void = { _ in }) throws {
        var rules = Rules(network: try #require(AddressRange("127.77.0.0/16")))
        change(&rules)
        world = World(rules, chance: 7, at: Moment(time: time, wall: Self.start))
    }

    var now: Moment { Moment(time: time, wall: Self.start + (time - .seconds(1_000))) }

    mutating func pass(_ duration: Duration) {
        time += duration
        world.wake(at: now)
    }

    // MARK: Calls of EC2 and ELB

    mutating func fate(_ action: String, _ parameters: [String: String] = [:]) -> Fate {
        var question = Question("POST", "/")
        question.signer = .known(accessKey: Rules.accessKey)
        let form = parameters.merging(["Action": action]) { old, _ in old }
        question.body = Array(form.map { "\($0)=\($1)" }.joined(separator: "&").utf8)
        return world.answer(question, at: now)
    }

    mutating func reply(_ action: String, _ parameters: [String: String] = [:]) throws -> Reply {
        guard case .reply(let reply, _) = fate(action, parameters) else {
            throw TestSupportError("\(action): no answer")
        }
        return reply
    }

    mutating func call(_ action: String, _ parameters: [String: String] = [:]) throws -> XMLElement {
        let reply = try reply(action, parameters)
        guard reply.status == 200 else {
            throw TestSupportError("\(action): \(String(decoding: reply.body, as: UTF8.self))")
        }
        return try XMLElement.parse(reply.body)
    }

    /// The code of its refusal.
    mutating func refusal(_ action: String, _ parameters: [String: String] = [:]) throws -> String {
        let reply = try reply(action, parameters)
        let answer = try XMLElement.parse(reply.body)
        return try #require((answer["Error"] ?? answer.first("Errors", "Error"))?["Code"]?.text, "it was done")
    }

    /// The id of a new instance that runs.
    mutating func run(_ parameters: [String: String] = [:]) throws -> String {
        let id = try launch(parameters)
        pass(world.rules.launchTime)
        return id
    }

    mutating func launch(_ parameters: [String: String] = [:]) throws -> String {
        let base = ["ImageId": World.baseImage, "InstanceMarketOptions.MarketType": "spot"]
        let answer = try call("RunInstances", base.merging(parameters) { $1 })
        return try #require(answer.first("instancesSet", "item", "instanceId")?.text)
    }

    mutating func state(_ id: String) throws -> String {
        let answer = try call("DescribeInstances", ["InstanceId.1": id])
        let item = answer.first("reservationSet", "item", "instancesSet", "item")
        return try #require(item?.first("instanceState", "name")?.text)
    }

    // MARK: Orders

    @discardableResult
    mutating func order(_ path: String, _ body: String? = "{}") throws -> Reply {
        var question = Question(body == nil ? "GET" : "POST", "/sandbox/\(path)")
        question.body = Array((body ?? "").utf8)
        guard case .reply(let reply, _) = world.answer(question, at: now) else { throw TestSupportError("no answer") }
        return reply
    }

    // MARK: Metadata

    mutating func metadata(
        _ method: String, _ path: String, of id: String, _ headers: [String: String] = [:]
    ) throws -> Fate {
        var question = Question(method, path)
        question.host = try "\(#require(world.instances.first { $0.id == id }).metadata):1338"
        question.headers = headers
        return world.answer(question, at: now)
    }

    mutating func token(of id: String, seconds: String = "60") throws -> String {
        let field = "x-aws-ec2-metadata-token-ttl-seconds"
        let fate = try metadata("PUT", "/latest/api/token", of: id, [field: seconds])
        guard case .reply(let reply, _) = fate, reply.status == 200 else { throw TestSupportError("\(fate)") }
        return String(decoding: reply.body, as: UTF8.self)
    }

    /// Nil: 404.
    mutating func value(_ path: String, of id: String) throws -> String? {
        let token = try token(of: id)
        let fate = try metadata("GET", "/latest/meta-data/\(path)", of: id, ["x-aws-ec2-metadata-token": token])
        guard case .reply(let reply, _) = fate else { throw TestSupportError("\(fate)") }
        if reply.status == 404 { return nil }
        #expect(reply.status == 200)
        return String(decoding: reply.body, as: UTF8.self)
    }
}

extension Fate {
    var status: Int? { if case .reply(let reply, _) = self { reply.status } else { nil } }
}
