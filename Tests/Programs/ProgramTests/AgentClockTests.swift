import AgentCore
import AgentHost
import Glibc
import JSON
import Platform
import PretendMetadata
import TestSupport
import Testing
import Wire

/// The agent in this process, whose wall clock a test can set as nobody can for another process: against the built coordinator.
@Suite(.serialized) struct AgentClockTests {
    /// This machine's clocks, but the wall clock is as far off as a test has it.
    private final class AstrayClock: Surroundings {
        private let real = SystemSurroundings()
        private let astray = Locked(Duration.zero)
        func jump(to offset: Duration) { astray.withLock { $0 = offset } }
        var isAstray: Bool { astray.withLock { $0 != .zero } }
        func monotonic() -> Duration { real.monotonic() }
        func boot() -> Duration { real.boot() }
        func wall() -> Timestamp { real.wall() + astray.withLock { $0 } }
        func random() -> UInt64 { real.random() }
    }

    /// One agent on a loop of this thread.
    private final class Agent {
        let loop = PollLoop()
        let clock = AstrayClock()
        private(set) var told: [Announcement] = []
        private var shell: AgentShell?

        init(_ machine: FleetMachine, _ client: CreatedClient, cloud: String, _ options: AgentOptions) throws {
            let metadata = try MetadataClient(loop: loop, endpoint: machine.metadata.endpoint)
            let tools = AgentShell.Tools(
                uplink: try Uplink(
                    loop: loop, server: "http://127.0.0.1:\(machine.road.port)", caFile: nil,
                    clientToken: client.token),
                metadata: metadata,
                cloud: try Cloud(
                    loop: loop,
                    settings: CloudSettings([
                        "AWS_ENDPOINT_URL": cloud, "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "s",
                    ]), surroundings: clock
                ) { metadata.read(path: $0, within: $1, $2) })
            shell = try AgentShell(
                options, remembering: Memory(), in: machine.state, on: loop, disk: DiskThread(capacity: 8),
                tools: tools, surroundings: clock, tell: { [unowned self] in told.append($0) }, stop: {})
            shell?.take(.started)
        }

        var status: LocalStatus? { shell?.status }

        func run(_ what: String, within limit: Duration = .seconds(10), until condition: () -> Bool) throws {
            guard loop.run(within: limit, until: condition) else {
                throw TestSupportError("\(what) did not come within \(limit); it told \(told)")
            }
        }

        func count(_ isMeant: (Announcement) -> Bool) -> Int { told.count(where: isMeant) }
    }

    private static func isAstray(_ announcement: Announcement) -> Bool {
        if case .clockAstray = announcement { true } else { false }
    }
    private static func isStored(_ announcement: Announcement) -> Bool {
        if case .noticeStored = announcement { true } else { false }
    }

    private static func isUnpriced(_ announcement: Announcement) -> Bool {
        if case .pricesUnknown = announcement { true } else { false }
    }

    /// In the place of AWS: has prices for those whose clock is right, and refuses others as it does.
    private static func answer(_ asked: Interposer.Asked, isAstray: Bool) -> Interposer.Deed {
        let isPriceList = !asked.text.contains("Action=")
        guard !isAstray else {
            let fields = ["Date: \(httpDate(SystemSurroundings().wall()))"]
            let said = Array(#"{"__type": "RequestExpired", "message": "no"}"#.utf8)
            let listed = PlainReply(400, type: "application/x-amz-json-1.1", fields: fields, said)
            return .say(isPriceList ? listed.bytes : refusal("RequestExpired", 400, fields: fields).bytes)
        }
        guard !isPriceList else {
            let product =
                #"{"terms": {"OnDemand": {"o": {"priceDimensions": {"d": {"unit": "Hrs", "pricePerUnit": {"USD": "0.096"}}}}}}}"#
            let list = #"{"PriceList": [\#(String(decoding: encodeJSON(product), as: UTF8.self))]}"#
            return .say(PlainReply(200, Array(list.utf8)).bytes)
        }
        let document = """
            <DescribeSpotPriceHistoryResponse><spotPriceHistorySet><item><instanceType>m5.large</instanceType>\
            <productDescription>Linux/UNIX</productDescription><spotPrice>0.03</spotPrice>\
            <timestamp>2026-01-01T00:00:00Z</timestamp><availabilityZone>us-east-1b</availabilityZone></item>\
            </spotPriceHistorySet></DescribeSpotPriceHistoryResponse>
            """
        return .say(PlainReply(200, type: "text/xml", Array(document.utf8)).bytes)
    }

    @Test func `a clock that jumps an hour is told of once each time, and notices and commands go their way`() throws {
        try withTemporaryFolder { folder in
            let fleet = try Fleet(in: folder)
            let machine = try fleet.machine("web")
            let cloud = try Interposer(to: machine.metadata.port)
            defer { cloud.stop() }
            var options = AgentOptions(hostname: "h", proposed: SlotSettingsChange())
            options.logicalAgent = "web"
            options.pricesPeriod = .seconds(1)
            let agent = try Agent(machine, fleet.client, cloud: "http://127.0.0.1:\(cloud.port)", options)
            cloud.behave { [clock = agent.clock] in Self.answer($0, isAstray: clock.isAstray) }
            let isInContact = { agent.status?.contact.state == .inContact }
            try agent.run("contact", until: isInContact)
            let jumps = TestTier.current == .full ? [3600, -3600] : [3600]
            for (round, seconds) in jumps.enumerated() {
                agent.clock.jump(to: .seconds(seconds))
                try agent.run("word of the clock") { agent.count(Self.isAstray) == round + 1 }
                let offset = try #require(agent.status?.clockOffsetMilliseconds)
                #expect(abs(offset + Int64(seconds) * 1000) < 1000)

                machine.announce(["stop", "terminate"][round])
                try agent.run("the notice's way", within: .seconds(3)) { agent.count(Self.isStored) == round + 1 }
                // Not late by a clock that is ahead, and not too early by one that is behind.
                let result = Awaited<CommandResult>("the result")
                let thread = try DedicatedThread(name: "orders") { [road = machine.road, instance = machine.instance] in
                    let id: CommandID = round == 0 ? "c-1" : "c-2"
                    if let done = try? road.order(.unknown("x"), as: id, to: instance) { result.set(done) }
                }
                try agent.run("the command's end", within: .seconds(20)) { result.isSet }
                thread.join()
                #expect(try result.get().outcome == .refused)
                try agent.run("word of the prices", within: .seconds(20)) {
                    agent.count(Self.isUnpriced) == round + 1
                }

                agent.clock.jump(to: .zero)
                try agent.run("the clock's recovery") { agent.count { $0 == .clockRight } == round + 1 }
                try agent.run("the prices' recovery") { agent.count { $0 == .pricesKnown } == round + 1 }
            }
            let why = agent.told.compactMap { if case .pricesUnknown(let reason) = $0 { reason } else { nil } }
            #expect(why.first?.contains("60 min ahead of") == true, "\(why)")
            #expect(why.dropFirst().allSatisfy { $0.contains("min behind") }, "\(why)")
            let incident = try #require(try fleet.incidents("web").first)
            #expect(abs((incident.detectedAt - SystemSurroundings().wall()).components.seconds) < 60)
            #expect(agent.count(Self.isAstray) == jumps.count && isInContact())
            #expect(agent.count { if case .outOfContact = $0 { true } else { false } } == 0)
            #expect(agent.count { if case .blind = $0 { true } else { false } } == 0)
        }
    }
}

/// As HTTP writes times; nobody reads the day of the week.
private func httpDate(_ time: Timestamp) -> String {
    let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
    let parts = time.description.split { "-T.Z".contains($0) }
    return "Thu, \(parts[2]) \(months[(Int(parts[1]) ?? 1) - 1]) \(parts[0]) \(parts[3]) GMT"
}
