import AgentCore
import JSON
import Testing

struct AgentMachineTests {
    private static let start = Timestamp(nanosecondsSinceEpoch: 1_800_000_000_000_000_000)

    private func moment(_ seconds: Int, chance: UInt64 = 1 << 63) -> AgentMachine.Moment {
        AgentMachine.Moment(monotonic: .seconds(seconds), wall: Self.start + .seconds(seconds), chance: chance)
    }

    @Test func `it asks at the start and whenever it wakes up`() {
        var machine = AgentMachine(period: .seconds(3))
        #expect(machine.handle(.started, at: moment(0)) == [.askCoordinator(deadline: .seconds(5))])
        #expect(machine.handle(.wokeUp, at: moment(3)) == [.askCoordinator(deadline: .seconds(5))])
    }

    @Test func `an answer tells the clock offset, from half-way through the round trip`() {
        var machine = AgentMachine(period: .seconds(3))
        let answer = AgentMachine.Input.coordinatorAnswered(
            serverTime: Self.start + .milliseconds(10_100), asked: .milliseconds(200))
        let effects = machine.handle(answer, at: moment(10))
        #expect(effects.first == .announce(.inContact(clockOffset: .milliseconds(200))))
    }

    @Test(arguments: [(UInt64(0), 2.7), (1 << 63, 3.0), (UInt64.max, 3.3)])
    func `the next question comes after a period, a tenth either way`(chance: UInt64, seconds: Double) throws {
        var machine = AgentMachine(period: .seconds(3))
        let answer = AgentMachine.Input.coordinatorAnswered(serverTime: Self.start, asked: .zero)
        let effects = machine.handle(answer, at: moment(0, chance: chance))
        guard case .wake(let at) = try #require(effects.last) else {
            Issue.record("no wake-up in \(effects)")
            return
        }
        #expect(abs(at / .seconds(1) - seconds) < 0.000_001)
    }

    @Test func `a state is announced when it begins and not while it lasts`() {
        var machine = AgentMachine(period: .seconds(3))
        func announcements(_ input: AgentMachine.Input) -> [AgentMachine.Contact] {
            machine.handle(input, at: moment(0)).compactMap {
                if case .announce(let contact) = $0 { contact } else { nil }
            }
        }
        let answer = AgentMachine.Input.coordinatorAnswered(serverTime: Self.start, asked: .zero)
        #expect(announcements(.coordinatorFailed(reason: "refused")) == [.outOfContact(reason: "refused")])
        #expect(announcements(.coordinatorFailed(reason: "no route")) == [])
        #expect(announcements(answer) == [.inContact(clockOffset: .zero)])
        #expect(announcements(answer) == [])
        #expect(announcements(.coordinatorFailed(reason: "refused")) == [.outOfContact(reason: "refused")])
    }

    @Test func `an answer clears the wait that has grown`() {
        var machine = AgentMachine(period: .seconds(3))
        for _ in 0..<20 { _ = machine.handle(.coordinatorFailed(reason: "refused"), at: moment(0)) }
        _ = machine.handle(.coordinatorAnswered(serverTime: Self.start, asked: .zero), at: moment(0))
        let effects = machine.handle(.coordinatorFailed(reason: "refused"), at: moment(0, chance: .max))
        guard case .wake(let at)? = effects.last else {
            Issue.record("no wake-up in \(effects)")
            return
        }
        #expect(at <= Backoff.shortest)
    }

    @Test func `another period holds from the next answer on`() {
        var machine = AgentMachine(period: .seconds(3))
        #expect(machine.handle(.periodChanged(.seconds(30)), at: moment(0)) == [])
        let effects = machine.handle(.coordinatorAnswered(serverTime: Self.start, asked: .zero), at: moment(0))
        #expect(effects.last == .wake(at: .seconds(30)))
    }
}

struct BackoffTests {
    @Test func `the wait doubles to five seconds and never beyond, however long it fails`() {
        var backoff = Backoff()
        var longest: [Duration] = []
        for _ in 0..<200 { longest.append(backoff.next(chance: .max)) }
        #expect(longest[0] <= .milliseconds(250) && longest[0] > .milliseconds(249))
        #expect(longest[1] > .milliseconds(499))
        #expect(longest.allSatisfy { $0 <= .seconds(5) })
        #expect(longest[199] > .milliseconds(4_999))
    }

    @Test func `chance takes away at most half of it`() {
        var backoff = Backoff()
        #expect(backoff.next(chance: 0) == .milliseconds(125))
        backoff.reset()
        #expect(backoff.next(chance: 0) == .milliseconds(125))
    }
}
