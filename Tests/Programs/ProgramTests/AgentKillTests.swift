import Glibc
import JSON
import Platform
import TestSupport
import Testing
import Wire
import XML

/// The built agent killed with SIGKILL again and again while it makes machines. moto does not know EC2's tokens, so what keeps
/// it from making two is its own record and its look for a machine with the command's tag.
@Suite(.serialized)
struct AgentKillTests {
    private static let kills = TestTier.current == .full ? 200 : 10
    /// So many commands at a time: a command whose agent died before it had written it down comes again after its lease.
    private static let commandsAtOnce = 6

    /// When the next kill comes.
    private enum Moment {
        /// After so long.
        case after(microseconds: UInt32)
        /// At the so many-th question to EC2, before it arrives or before its answer does.
        case asking(Int, isDone: Bool)
    }

    /// One command, its machine, and the machine's own door to EC2.
    private struct Life {
        let machine: FleetMachine
        let door: Interposer
        let command: CommandID
        let kills: Int
    }

    @Test func `kill -9 at any moment of a switch or a replica never makes two machines, and none that is not told of`()
        throws
    {
        let seed =
            unsafe getenv("SPOT_TEST_SEED").flatMap { unsafe UInt64(String(cString: $0)) }
            ?? SystemSurroundings().random()
        print("AgentKillTests: seed \(seed); to repeat: SPOT_TEST_SEED=\(seed)")
        var chance = Chance(seed: seed)
        var (kills, commands) = (0, 0)
        try withTemporaryFolder { folder in
            let fleet = try Fleet(in: folder)
            let account = try CloudAccount()
            while kills < Self.kills {
                let lives = try (0..<Self.commandsAtOnce).map { _ in
                    commands += 1
                    return try live("web-\(commands)", fleet, account, &chance)
                }
                for life in lives {
                    defer { life.door.stop() }
                    kills += life.kills
                    try check(life, fleet, account)
                }
            }
        }
        print("AgentKillTests: \(kills) kills in \(commands) commands, a machine each")
    }

    /// Kills the agent as often as chance has it, and leaves it running.
    private func live(
        _ slot: String, _ fleet: Fleet, _ account: CloudAccount, _ chance: inout Chance
    ) throws -> Life {
        let isSwitch = Bool.random(using: &chance)
        let door = try Interposer(to: account.moto.port, isOneAtATime: true)
        let machine = try fleet.machine(
            slot, on: try account.run(), of: account,
            more: [
                "AWS_ENDPOINT_URL": "http://127.0.0.1:\(door.port)",
                "CREATE_SNAPSHOT_ON_SWITCH": "\(isSwitch && Bool.random(using: &chance))",
            ])
        _ = try machine.startInContact()
        let moments: [Moment] = (1...Int.random(in: 1...4, using: &chance)).map { _ in
            Bool.random(using: &chance)
                ? .after(microseconds: UInt32.random(in: 0...400_000, using: &chance))
                : .asking(Int.random(in: 1...10, using: &chance), isDone: Bool.random(using: &chance))
        }
        var command: CommandID?
        for moment in moments {
            let target = Target(machine.agent?.id)
            let passed = arm(moment, target, door)
            if command == nil { command = try give(isSwitch, slot, fleet) } else { try target.begin(machine) }
            try die(moment, passed, machine)
            door.pass()
        }
        try machine.start()
        return Life(machine: machine, door: door, command: try #require(command), kills: moments.count)
    }

    /// Gives the agent something to do.
    private func give(_ isSwitch: Bool, _ slot: String, _ fleet: Fleet) throws -> CommandID {
        var change = SlotSettingsChange()
        change[.autoTerminateEnabled] = .flag(false)
        if isSwitch {
            try fleet.change(slot, change)
            return try fleet.askSwitch(slot, to: .onDemand)
        }
        change[.autoSwitchEnabled] = .flag(false)
        change[.manualReplicaEnabled] = .flag(true)
        change[.replicaCount] = .whole(1)
        try fleet.change(slot, change)
        var order: CommandSummary?
        try eventually("the order for a replica") {
            order = try fleet.commands(slot).first { $0.type == "create_replica" }
            return order != nil
        }
        return try #require(order).id
    }

    // MARK: Killing

    /// Whom to kill, for the thread that sees the moment.
    private final class Target: Sendable {
        private let process: Locked<Int32?>
        init(_ process: Int32?) { self.process = Locked(process) }
        func begin(_ machine: FleetMachine) throws { try process.withLock { $0 = try machine.start().id } }
        func kill() { process.withLock { process in if let process { _ = Glibc.kill(process, SIGKILL) } } }
    }

    /// Open once the moment has come.
    private func arm(_ moment: Moment, _ target: Target, _ door: Interposer) -> Latch {
        let passed = Latch("the moment to kill")
        guard case .asking(let number, let isDone) = moment else { return passed }
        let asked = Locked(0)
        let kill: @Sendable () -> Void = {
            target.kill()
            passed.open()
        }
        door.behave { _ in
            let count = asked.withLock { count in
                count += 1
                return count
            }
            guard count == number else { return .pass }
            guard !isDone else {
                return .alter { _ in
                    kill()
                    return nil
                }
            }
            kill()
            return .cut
        }
        return passed
    }

    /// Kills the agent at its moment, or after the time that a whole command takes: it may be done, or its delivery lost.
    private func die(_ moment: Moment, _ passed: Latch, _ machine: FleetMachine) throws {
        switch moment {
        case .after(let pause): usleep(pause)
        case .asking: _ = try? passed.wait(within: .milliseconds(1500))
        }
        try machine.kill()
    }

    // MARK: What there is in the end

    private func check(_ life: Life, _ fleet: Fleet, _ account: CloudAccount) throws {
        let (slot, command) = (life.machine.slot, life.command)
        let ended = try fleet.outcome(of: command, slot, within: .seconds(60))
        let made = try account.machines(of: command)
        #expect(made.count == 1 && made[0].isAlive && ended.state == .done, "\(ended) made \(made.map(\.id))")
        for machine in made {
            #expect(ended.message?.contains(machine.id.text) == true, "\(machine.id) is not told of: \(ended)")
        }
        let images = try account.images().filter { image in
            image["tagSet"]?.children.contains { $0["value"]?.text == command.text } ?? false
        }
        #expect(images.count <= 1, "\(command) made \(images.count) images")
        // What is told again is the same, and counts once.
        let events = try fleet.events(slot).filter { $0.command == command }
        #expect(events.count { ["command_done", "command_failed"].contains($0.kind) } == 1, "\(events)")
        #expect(try fleet.commands(slot).count { $0.type == ended.type } == 1)
        try life.machine.kill()
    }
}
