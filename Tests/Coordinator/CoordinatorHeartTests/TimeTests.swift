import CoordinatorCore
import CoordinatorHeart
import JSON
import Platform
import SQLite
import TestSupport
import Testing
import Wire

/// What time brings, to whom, and whose absence counts.
@Suite struct TimeTests {
    private let first: InstanceID = "i-00000000000000001"
    private let second: InstanceID = "i-00000000000000002"
    private let third: InstanceID = "i-00000000000000003"

    // MARK: Slots that are due

    @Test func `a slot whose record is damaged holds up no other, and is told of once`() throws {
        try withTemporaryFolder { folder in
            let site = try Site(folder: folder)
            defer { site.heart.stop() }
            let client = try site.makeClient()
            var slots: [SlotID] = []
            // More than are looked at in one go, and one behind them.
            for number in 0..<66 {
                let name = try LogicalAgentID("agent-\(number)")
                slots.append(try site.register(first, of: client, as: name, token: UInt8(10 + number)).reply.slot)
                _ = try ask { site.heart.askSwitch(of: slots[number], to: .onDemand, answer: $0) }
                site.surroundings.advance(by: .milliseconds(10))
            }
            let last = try #require(slots.last)
            try Database(path: "\(folder)/coordinator.sqlite").write { transaction in
                for slot in slots.dropLast() {
                    _ = try transaction.execute("UPDATE command SET asks = '{' WHERE slot_id = ?", slot.text)
                }
            }
            site.surroundings.advance(by: .seconds(3601))
            site.heart.passTime()
            #expect(try site.waitForEvent(.commandExpired).slot == last)
            site.surroundings.advance(by: .seconds(61))
            site.heart.passTime()
            _ = try ask { site.heart.client(client, answer: $0) }
            let told = site.events.filter { $0.kind == .agentUnreadable }.compactMap(\.slot)
            #expect(told.count == 65 && Set(told) == Set(slots.dropLast()))
        }
    }
}
