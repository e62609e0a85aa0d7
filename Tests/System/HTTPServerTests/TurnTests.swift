import Testing

@testable import HTTPServer

extension Everything {
    @Suite struct TurnTests {
        private static let tick = Roster.tick
        private static let workers = Int(Roster.turns)

        @Test(arguments: [0, 1, 3, 4, 7, 250], [0, 1, tick - 1, tick, 7 * tick + 5])
        func `an expiry waits for its worker's turn, never early and less than a round late`(
            worker: Int, deadline: Int64
        ) {
            let turn = Roster.turn(of: worker, from: deadline)
            #expect(turn >= deadline)
            #expect(turn < deadline + Roster.turns * Self.tick)
        }

        @Test func `expiries of one worker share ticks, and those of two workers share none`() {
            let deadlines = (0..<40).map { Int64($0) * Self.tick / 6 }
            let ticks = (0..<Self.workers).map { worker in Set(deadlines.map { Roster.turn(of: worker, from: $0) }) }
            for worker in 0..<Self.workers { #expect(ticks[worker].count <= 3) }
            #expect(Set(ticks.joined()).count == ticks.reduce(0) { $0 + $1.count })
        }
    }
}
