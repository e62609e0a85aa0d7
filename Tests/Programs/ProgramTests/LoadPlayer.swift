import JSON
import Platform
import TestSupport
import Wire

/// One thread of a load: it plays the machines of a few slots, and their administrator, over one plain connection, and
/// remembers what the coordinator has acknowledged, that is answered with 2xx.
///
/// What was sent and not answered may or may not have happened; the memory then allows both.
final class LoadPlayer: @unchecked Sendable {
    // Unchecked: used by the load's thread, and by the test's while that thread has ended.

    let number: Int
    private let clientToken: String
    private let adminToken: String
    private var chance: Chance
    private var connection: PlainClient?
    private var machinesMade = 0
    private var reportsMade = 0
    private let acknowledged: Monitor<Int>
    /// More would be a test of many slots, not of crashes.
    private static let slotsMax = 16
    private static let machinesMax = 4

    var slots: [SlotMemory] = []
    /// What must never happen, and did.
    private(set) var violations: [String] = []
    private(set) var counts: [String: Int] = [:]

    /// Counts each 2xx in `acknowledged`.
    init(_ number: Int, clientToken: Token, adminToken: String, seed: UInt64, acknowledged: Monitor<Int>) {
        self.number = number
        self.clientToken = clientToken.secret
        self.adminToken = adminToken
        chance = Chance(seed: seed &+ UInt64(number) &* 0x9E37_79B9)
        self.acknowledged = acknowledged
    }

    /// Plays on until the coordinator goes away.
    func play(port: UInt16) {
        do {
            connection = try PlainClient(port: port)
            while true { try step() }
        } catch let error as PlayerError { violations.append(error.description) } catch {
            // The connection ended: what the load is for.
        }
        connection = nil
    }

    /// For questions between two rounds.
    func connect(port: UInt16) throws { connection = try PlainClient(port: port) }

    func note(_ violation: String) { violations.append("player \(number): \(violation)") }

    // MARK: One step

    private func step() throws {
        guard let place = slots.indices.randomElement(using: &chance), chance.next() % 100 >= 4 else {
            return try enrolSlot()
        }
        guard let machine = slots[place].machines.indices.randomElement(using: &chance) else { return }
        guard !slots[place].machines[machine].isEnded else { return }
        guard slots[place].machines[machine].token != nil else { return try enrol(place, machine) }
        switch chance.next() % 100 {
        case 0..<8: try enrol(place, machine)
        case 8..<14: try addMachine(place)
        case 14..<42: try beat(place, machine)
        case 42..<54: try report(place, machine)
        case 54..<62: try changeSettings(place)
        case 62..<70: try order(.switchSlot, place, ForceSwitch(target: .onDemand))
        case 70..<76: try promote(place)
        case 76..<82: try announce(place, machine)
        default: try answerCommand(place)
        }
    }

    private func enrolSlot() throws {
        guard slots.count < Self.slotsMax else { return }
        slots.append(SlotMemory(name: "slot-\(number)-\(slots.count)"))
        try addMachine(slots.count - 1)
    }

    private func addMachine(_ place: Int) throws {
        guard slots[place].machines.count < Self.machinesMax else { return }
        try add(newMachine(), to: place)
        try enrol(place, slots[place].machines.count - 1)
    }

    func newMachine() throws -> InstanceID {
        machinesMade += 1
        return try InstanceID(numbered: number * 1_000_000 + machinesMade)
    }

    func add(_ instance: InstanceID, to place: Int) {
        slots[place].machines.append(MachineMemory(instance: instance))
    }

    private func enrol(_ place: Int, _ machine: Int) throws {
        let instance = slots[place].machines[machine].instance
        var registration = Registration(
            logicalAgent: try LogicalAgentID(slots[place].name), instance: instance, region: "us-east-1",
            hostname: "host")
        registration.instanceType = "m5.large"
        registration.zone = "us-east-1b"
        registration.mode = .spot
        // From here on until the answer an older token may be replaced.
        let before = slots[place].machines[machine].token
        slots[place].machines[machine].token = nil
        let reply = try ask("enrol", "POST", Route.register.path(), clientToken, registration)
        guard reply.isAcknowledged else { return slots[place].machines[machine].token = before }
        let enrolled = try reply.decode(RegistrationReply.self)
        if let known = slots[place].slot, known != enrolled.slot { note("\(known) is \(enrolled.slot) now") }
        slots[place].slot = enrolled.slot
        slots[place].machines[machine].token = enrolled.token
        see(place, enrolled.epoch, enrolled.configuration.version)
    }

    private func beat(_ place: Int, _ machine: Int) throws {
        guard let (slot, token) = caller(place, machine) else { return }
        var heartbeat = Heartbeat(status: .online, instance: slots[place].machines[machine].instance)
        heartbeat.epoch = slots[place].epoch
        // News half of the time, so that it is decided and saved.
        heartbeat.lacking = chance.next() % 2 == 0 ? [] : ["hook-\(chance.next() % 4)"]
        let reply = try ask("heartbeat", "POST", Route.heartbeat.path(slot) + "?wait=0", token, heartbeat)
        guard reply.isAcknowledged else { return }
        let told = try reply.decode(HeartbeatReply.self)
        see(place, told.epoch, told.configVersion)
        try obey(told.commands, place, machine)
    }

    private func report(_ place: Int, _ machine: Int) throws {
        guard let (slot, token) = caller(place, machine) else { return }
        let instance = slots[place].machines[machine].instance
        reportsMade += 1
        let stamp = ReportStamp(
            report: try ReportID("report-\(number)-\(reportsMade)"), instance: instance, epoch: slots[place].epoch)
        let path: String, body: any WireObject
        if chance.next() % 2 == 0 {
            path = Route.pricingReport.path(slot)
            body = PricingReport(
                stamp: stamp,
                instance: PricedInstance(
                    instance: instance, instanceType: "m5.large", region: "us-east-1", zone: "us-east-1b", mode: .spot),
                pools: [PoolPrice(pool: "m5.large.us-east-1b", price: JSONNumber(Int64(1)))], collectedAt: now)
        } else {
            path = Route.cleanupReport.path(slot)
            body = CleanupReport(
                stamp: stamp, timestamp: now, snapshots: CleanupReport.Pass(), images: CleanupReport.Pass())
        }
        let reply = try ask("report", "POST", path, token, body)
        guard reply.isAcknowledged else { return }
        if try reply.decode(ReportReply.self).outcome == .duplicate { note("\(stamp.report) is new and a duplicate") }
        slots[place].reports.append(SentReport(id: stamp.report, machine: instance, path: path, body: body))
    }

    private func changeSettings(_ place: Int) throws {
        guard let slot = slots[place].slot else { return }
        let before = slots[place].waits
        // Longer than any run: no machine is terminated by time alone.
        let wait = 3_600 + Int(chance.next() % 3_600)
        var change = SlotSettingsChange()
        change[.terminateWaitSeconds] = .whole(wait)
        slots[place].waits.insert(wait)
        let reply = try ask("settings", "POST", Route.changeSettings.path(slot), adminToken, change)
        slots[place].waits = reply.isAcknowledged ? [wait] : before
        if reply.isAcknowledged { see(place, slots[place].epoch, try reply.decode(Configuration.self).version) }
    }

    private func order(_ route: Route, _ place: Int, _ body: some WireObject) throws {
        guard let slot = slots[place].slot else { return }
        try queue(place, "switch", route.path(slot), body)
    }

    private func promote(_ place: Int) throws {
        guard let slot = slots[place].slot, let machine = slots[place].machines.randomElement(using: &chance),
            !machine.isEnded
        else {
            return
        }
        try queue(place, "promote", Route.promoteInstance.path(slot, machine.instance), Nothing())
    }

    private func queue(_ place: Int, _ what: String, _ path: String, _ body: some WireObject) throws {
        let reply = try ask(what, "POST", path, adminToken, body)
        guard reply.isAcknowledged else { return }
        slots[place].commands.insert(try reply.decode(QueuedCommand.self).command)
    }

    private func announce(_ place: Int, _ machine: Int) throws {
        guard let (slot, token) = caller(place, machine) else { return }
        let signal: Notice.Signal =
            chance.next() % 2 == 0 ? .rebalance : .interruption(.terminate, at: now + .seconds(120))
        let notice = Notice(
            instance: slots[place].machines[machine].instance, signal: signal, detectedAt: now,
            epoch: slots[place].epoch)
        let reply = try ask("notice", "POST", notice.route.path(slot), token, notice)
        guard reply.isAcknowledged else { return }
        let told = try reply.decode(NoticeReply.self)
        slots[place].incidents.insert(told.incident)
        see(place, told.epoch, slots[place].version)
        try obey(told.commands, place, machine)
    }

    // MARK: Asking

    var now: Timestamp { SystemSurroundings().wall() }

    func caller(_ place: Int, _ machine: Int) -> (SlotID, String)? {
        guard let slot = slots[place].slot, let token = slots[place].machines[machine].token else { return nil }
        return (slot, token.secret)
    }

    private func see(_ place: Int, _ epoch: Epoch, _ version: ConfigVersion) {
        if epoch < slots[place].epoch { note("the epoch of \(slots[place].name) fell to \(epoch)") }
        if version < slots[place].version { note("the version of \(slots[place].name) fell to \(version)") }
        slots[place].epoch = max(slots[place].epoch, epoch)
        slots[place].version = max(slots[place].version, version)
    }

    /// Throws when the connection ends. A refusal is an answer; what may not be is one that says that we are somebody else,
    /// or that the coordinator cannot.
    func ask(
        _ what: String, _ method: String, _ path: String, _ token: String, _ body: (any WireObject)? = nil
    ) throws -> PlainReply {
        guard let connection else { throw TestSupportError("there is no connection") }
        let reply = try connection.ask(method, path, token: token, body: body)
        counts["\(what) \(reply.status)", default: 0] += 1
        if reply.isAcknowledged { acknowledged.change { $0 += 1 } }
        if reply.status == 503 { throw TestSupportError("it stops, and this may or may not have been done") }
        // A promotion may name a machine that was launched and has not come yet.
        let isLost = reply.status == 404 && what != "promote"
        if reply.status == 401 || isLost || reply.status >= 500 {
            throw PlayerError("player \(number): \(what) at \(path) was answered \(reply.status): \(reply.text)")
        }
        return reply
    }
}

/// Repeatable from one number.
struct Chance: RandomNumberGenerator {
    private let source: ManualSurroundings
    init(seed: UInt64) { source = ManualSurroundings(seed: seed) }
    mutating func next() -> UInt64 { source.random() }
}

/// Something was not as it must be.
struct PlayerError: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

extension PlainReply {
    var isAcknowledged: Bool { (200..<300).contains(status) }
}
