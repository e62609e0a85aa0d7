import JSON
import Testing
import Wire

/// An incident as text.
struct StoryTests {
    private func story(_ change: (inout Incident) -> Void) -> String {
        with(with(incident) { $0.drill = false }, change).story { $0.replacing("é", with: "e") }
    }

    @Test func `times count from the first signal in columns, and the last line is the verdict`() {
        let text = story {
            $0.timeline = [
                .init(at: moment(-1), instance: nil, what: "before"), .init(at: moment(), instance: host, what: "é"),
                with(.init(at: moment(100_000), instance: successor, what: "probe: done")) {
                    ($0.tookMilliseconds, $0.budgetMilliseconds) = (12_345, 20_000)
                },
            ]
        }
        #expect(
            text == """
                incident      inc-9
                agent         slot-1
                instance      i-0a1b2c3d4e5f60718
                kind          interruption
                first signal  2026-11-20T13:05:00Z
                deadline      2026-11-20T13:05:15Z (+15.000)
                machine goes  2026-11-20T13:07:00Z (+120.000)
                successor     i-0fedcba9876543210, epoch 4
                proven        2026-11-20T13:05:03.200Z (+3.200)
                closed        2026-11-20T13:05:03.201Z (+3.201)

                   AFTER  HOST                   TOOK   GIVEN  WHAT
                  -0.001  coordinator               -       -  before
                  +0.000  i-0a1b2c3d4e5f60718       -       -  e
                +100.000  i-0fedcba9876543210  12.345  20.000  probe: done

                verdict: met, the successor was proven to serve 3.200 s after the first signal

                """)
    }

    @Test func `a drill is called one in its kind and in its verdict`() {
        let text = story { $0.drill = true }
        #expect(text.contains("kind          interruption (drill)\n"))
        let verdict = "a drill: met, the successor was proven to serve 3.200 s after the first signal"
        #expect(text.hasSuffix("\nverdict: \(verdict)\n"))
    }

    @Test(
        arguments: [
            (Incident.State.open, nil, "open"), (.averted, nil, "averted, nothing had to move"),
            (.missed, nil, "missed, no successor was proven to serve"),
            (.missed, 90_000, "missed, the successor was proven to serve 90.000 s after the first signal"),
        ] as [(Incident.State, Int64?, String)])
    func `every state has its verdict`(state: Incident.State, proven: Int64?, verdict: String) {
        let text = story {
            ($0.state, $0.verifiedAt, $0.timeline) = (state, proven.map { moment($0) }, [])
        }
        #expect(text.hasSuffix("\n\nnothing was recorded\n\nverdict: \(verdict)\n"))
    }
}
