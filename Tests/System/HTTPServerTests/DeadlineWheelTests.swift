import Testing

@testable import HTTPServer

extension Everything {
    @Suite struct DeadlineWheelTests {
        private func makeWheel(slots: Int = 8) -> DeadlineWheel<String> {
            DeadlineWheel(tickLength: 50, slots: slots, now: 1_000)
        }

        private func expired(_ wheel: inout DeadlineWheel<String>, at now: Int64) -> [String] {
            var values: [String] = []
            wheel.advance(to: now) {
                values.append($0)
                return nil
            }
            return values.sorted()
        }

        @Test func `a deadline expires in its tick and not before`() {
            var wheel = makeWheel()
            _ = wheel.insert("a", at: 1_120)
            #expect(expired(&wheel, at: 1_149) == [])
            #expect(expired(&wheel, at: 1_150) == ["a"])
            #expect(wheel.count == 0)
        }

        @Test func `deadlines of later rounds stay in their slot`() {
            var wheel = makeWheel()
            _ = wheel.insert("soon", at: 1_100)
            _ = wheel.insert("a round later", at: 1_100 + 8 * 50)
            #expect(expired(&wheel, at: 1_100) == ["soon"])
            #expect(expired(&wheel, at: 1_499) == [])
            #expect(expired(&wheel, at: 1_500) == ["a round later"])
        }

        @Test func `after a long sleep everything due expires once`() {
            var wheel = makeWheel()
            for offset in 0..<40 { _ = wheel.insert("\(offset)", at: 1_000 + Int64(offset) * 50) }
            #expect(expired(&wheel, at: 1_000_000).count == 40)
            #expect(expired(&wheel, at: 2_000_000) == [])
        }

        @Test func `a removed deadline never expires and its ticket is spent`() {
            var wheel = makeWheel()
            let ticket = wheel.insert("a", at: 1_100)
            #expect(wheel.remove(ticket) == "a")
            #expect(wheel.remove(ticket) == nil)
            _ = wheel.insert("in the same place", at: 1_100)
            #expect(wheel.remove(ticket) == nil)
            #expect(expired(&wheel, at: 2_000) == ["in the same place"])
        }

        @Test func `a deadline put back keeps its ticket`() {
            var wheel = makeWheel()
            let ticket = wheel.insert("a", at: 1_100)
            wheel.advance(to: 1_100) { _ in 1_400 }
            #expect(expired(&wheel, at: 1_300) == [])
            #expect(wheel.remove(ticket) == "a")
        }

        @Test func `a deadline in the past expires at the next tick`() {
            var wheel = makeWheel()
            _ = wheel.insert("late", at: 10)
            #expect(expired(&wheel, at: 1_049) == [])
            #expect(expired(&wheel, at: 1_050) == ["late"])
        }

        @Test func `the next look is never after the next deadline`() {
            var wheel = makeWheel()
            #expect(wheel.nextLook == nil)
            _ = wheel.insert("a", at: 1_320)
            #expect(wheel.nextLook == 1_350)
            _ = wheel.insert("b", at: 1_080)
            #expect(wheel.nextLook == 1_100)
        }

        @Test func `against a plain list, random work gives the same expiries`() {
            var wheel = makeWheel(slots: 16)
            var model: [(name: String, deadline: Int64, ticket: DeadlineWheel<String>.Ticket)] = []
            var seed: UInt64 = 7
            var now: Int64 = 1_000
            for step in 0..<5_000 {
                seed = seed &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                let chance = Int64(seed >> 40)
                switch chance % 4 {
                case 0, 1:
                    let deadline = now + chance % 3_000
                    model.append(("\(step)", deadline, wheel.insert("\(step)", at: deadline)))
                case 2 where !model.isEmpty:
                    let victim = model.remove(at: Int(chance) % model.count)
                    #expect(wheel.remove(victim.ticket) == victim.name)
                default:
                    now += chance % 200
                    for name in expired(&wheel, at: now) {
                        guard let index = model.firstIndex(where: { $0.name == name }) else {
                            Issue.record("\(name) expired and was not there")
                            continue
                        }
                        #expect(model.remove(at: index).deadline <= now)
                    }
                    #expect(model.allSatisfy { $0.deadline + 100 > now })
                }
            }
            #expect(wheel.removeAll().count == model.count)
            #expect(wheel.count == 0)
        }
    }
}
