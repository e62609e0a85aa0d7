import AgentCore
import AgentHost
import Platform
import PretendMetadata
import TestSupport
import Testing

/// The way to the metadata service, over real sockets.
@Suite(.serialized) struct MetadataTests {
    /// A client on a loop of its own, and the service that it asks.
    private final class Scene {
        let service: PretendMetadata
        let loop = PollLoop()
        let client: MetadataClient

        init(host: String = "127.0.0.1") throws {
            service = try PretendMetadata(host: host)
            client = try MetadataClient(loop: loop, endpoint: service.endpoint)
        }

        deinit { service.stop() }

        func read(_ item: MetadataItem, within time: Duration = .seconds(1)) throws -> MetadataReading {
            var reading: MetadataReading?
            client.read(item, within: time) { reading = $0 }
            #expect(loop.run(until: { reading != nil }))
            return try #require(reading)
        }
    }

    @Test func `a thousand reads take one connection and one token`() throws {
        let scene = try Scene()
        for _ in 0..<1_000 { #expect(try scene.read(.instanceAction) == .absent) }
        #expect(scene.service.connections == 1)
        #expect(scene.service.counts.tokens == 1)
        #expect(scene.service.counts.reads == ["spot/instance-action": 1_000])
    }

    @Test(arguments: MetadataItem.allCases)
    func `every item is read from its place, without the blanks around it`(item: MetadataItem) throws {
        let scene = try Scene()
        let path = [
            "spot/instance-action", "autoscaling/target-lifecycle-state", "events/recommendations/rebalance",
            "instance-id", "placement/availability-zone", "instance-type", "ami-id", "local-ipv4", "public-ipv4",
            "instance-life-cycle", "events/maintenance/scheduled",
        ]
        for place in path { scene.service.set(place, nil) }
        let place = try #require(zip(MetadataItem.allCases, path).first { $0.0 == item }).1
        #expect(try scene.read(item) == .absent)
        scene.service.set(place, "\n it is \(item) \r\n")
        #expect(try scene.read(item) == .value("it is \(item)"))
    }

    @Test func `a token that is refused is made again, once`() throws {
        let scene = try Scene()
        _ = try scene.read(.zone)
        scene.service.forgetTokens()
        #expect(try scene.read(.zone) == .value("us-east-1b"))
        #expect(scene.service.counts.tokens == 2)
        scene.service.fail(.status(401))
        guard case .failed(let reason) = try scene.read(.zone) else { return #expect(Bool(false), "401 is no answer") }
        #expect(reason.contains("answered 401"))
    }

    @Test func `a service that forgot its tokens and hangs on every other request is read again after three tries`()
        throws
    {
        let scene = try Scene()
        _ = try scene.read(.zone)
        scene.service.forgetTokens()
        scene.service.fail(.hang(every: 2))
        let readings = try (1...3).map { _ in try scene.read(.zone, within: .milliseconds(200)) }
        #expect(readings.last == .value("us-east-1b"), "\(readings)")
    }

    @Test(arguments: [403, 429, 500, 503])
    func `a refusal is a failure with its status`(status: Int) throws {
        let scene = try Scene()
        _ = try scene.read(.zone)
        scene.service.fail(.status(status))
        guard case .failed(let reason) = try scene.read(.zone) else { return #expect(Bool(false), "no failure") }
        #expect(reason.contains("answered \(status) when asked for placement/availability-zone"))
        scene.service.fail(nil)
        #expect(try scene.read(.zone) == .value("us-east-1b"))
    }

    @Test(arguments: [("\u{FF}", 1), ("A", 20_000), ("\0", 1)])
    func `what is no text, or too much of it, is a failure`(letter: String, count: Int) throws {
        let scene = try Scene()
        _ = try scene.read(.zone)
        scene.service.fail(.garbage([UInt8](repeating: UInt8(letter.unicodeScalars.first?.value ?? 0), count: count)))
        guard case .failed = try scene.read(.zone) else { return #expect(Bool(false), "no failure") }
        scene.service.fail(nil)
        #expect(try scene.read(.zone) == .value("us-east-1b"))
    }

    @Test func `a service that hangs costs the deadline, and the next read works`() throws {
        let scene = try Scene()
        _ = try scene.read(.zone)
        scene.service.fail(.hang(every: 1))
        let began = SystemSurroundings().monotonic()
        guard case .failed = try scene.read(.zone, within: .milliseconds(300)) else {
            return #expect(Bool(false), "no failure")
        }
        let took = SystemSurroundings().monotonic() - began
        #expect(took >= .milliseconds(290) && took < .seconds(2), "\(took)")
        scene.service.fail(nil)
        #expect(try scene.read(.zone) == .value("us-east-1b"))
    }

    @Test func `nobody there is a failure`() throws {
        let scene = try Scene()
        scene.service.stop()
        guard case .failed(let reason) = try scene.read(.zone) else { return #expect(Bool(false), "no failure") }
        #expect(reason.contains("is this an EC2 instance"))
    }

    @Test func `a token that never arrives is the hop limit's doing`() throws {
        let scene = try Scene()
        scene.service.fail(.hang(every: 1))
        guard case .failed(let reason) = try scene.read(.zone, within: .milliseconds(300)) else {
            return #expect(Bool(false), "no failure")
        }
        #expect(reason.contains("HttpPutResponseHopLimit"))
    }

    @Test func `the machine's own reads go before others, and everybody is answered`() throws {
        let scene = try Scene()
        var order: [String] = []
        let note = { (name: String) in order.append(name) }
        scene.client.read(path: "iam/security-credentials/", within: .seconds(1)) { _ in note("first") }
        scene.client.read(path: "iam/security-credentials/role", within: .seconds(1)) { _ in note("second") }
        scene.client.read(path: "tags/instance", within: .seconds(1)) { _ in note("third") }
        scene.client.read(.instanceAction, within: .seconds(1)) { _ in note("own") }
        #expect(scene.loop.run(until: { order.count == 4 }))
        #expect(order == ["first", "own", "second", "third"])
    }

    @Test func `the service is found over IPv6, too`() throws {
        let scene = try Scene(host: "::1")
        #expect(try scene.read(.zone) == .value("us-east-1b"))
    }

    @Test(
        arguments: [
            (nil, false, "http://169.254.169.254"), (nil, true, "http://[fd00:ec2::254]"),
            ("", true, "http://[fd00:ec2::254]"),
            ("http://127.0.0.1:8080/", true, "http://127.0.0.1:8080"),
        ] as [(String?, Bool, String)])
    func `the endpoint is chosen as AWS' own programs choose it`(endpoint: String?, isIPv6: Bool, chosen: String) {
        #expect(MetadataEndpoint.chosen(endpoint: endpoint, isIPv6: isIPv6) == chosen)
    }
}
