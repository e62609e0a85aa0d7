import JSON
import Testing
import Wire

@Suite struct HeartbeatEchoTests {
    private let text = """
        {"status":"online","instance_id":"i-0123456789abcdef0","mode":"spot","config_version":7,\
        "health":{"uptime_seconds":3600,"imds_age_ms":412,"blind":false,"outbox":0},\
        "clock":{"wall":"2026-11-20T16:00:00.123Z","monotonic_ms":3600123}}
        """

    private func echo(_ text: String) throws -> HeartbeatEcho {
        let bytes = Array(text.utf8)
        let document = try JSONDocument(bytes)
        return HeartbeatEcho(of: try Heartbeat(from: document.root), in: document, text: bytes)
    }

    private func replacing(_ old: String, _ new: String) -> [UInt8] {
        let parts = text.split(separator: old, maxSplits: 1, omittingEmptySubsequences: false)
        return Array((parts[0] + new + parts[1]).utf8)
    }

    @Test func `the same words with other readings are a repeat`() throws {
        let echo = try echo(text)
        #expect(echo.configVersion == 7)
        #expect(echo.isRepeated(by: Array(text.utf8)))
        for (old, new) in [
            ("3600,", "3603,"), ("412", "399"), ("16:00:00.123", "17:59:58.001"), ("3600123", "3603130"),
        ] {
            #expect(echo.isRepeated(by: replacing(old, new)), "\(old) → \(new)")
        }
    }

    @Test(arguments: [
        ("spot", "demo"), ("version\":7", "version\":8"), ("outbox\":0", "outbox\":1"), ("false", "true "),
        ("def0", "def1"), ("412", "-12"), ("412", "4.2"), ("412", "012"), ("3600123", "0600123"), ("412", "4120"),
        ("T16", "x16"), ("online", "offlin"), ("wall", "well"),
    ])
    func `any other difference is to be read`(old: String, new: String) throws {
        #expect(try !echo(text).isRepeated(by: replacing(old, new)))
    }

    @Test func `what is taken for a repeat says the same when it is read`() throws {
        let echo = try echo(text)
        let said = try decodeJSON(Heartbeat.self, from: Array(text.utf8))
        var state: UInt64 = 7
        func draw(_ bound: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33) % bound
        }
        var repeats = 0
        for _ in 0..<200_000 {
            var bytes = Array(text.utf8)
            for _ in 0...draw(2) { bytes[draw(bytes.count)] = UInt8(0x20 + draw(0x5F)) }
            guard echo.isRepeated(by: bytes) else { continue }
            repeats += 1
            // An impossible time is the one thing that goes unnoticed.
            guard let read = try? decodeJSON(Heartbeat.self, from: bytes) else {
                #expect(throws: JSONError.self) { try decodeJSON(Heartbeat.self, from: bytes) }
                continue
            }
            var same = read
            same.clock = said.clock
            same.health = said.health
            #expect(same == said && read.health?.blind == said.health?.blind)
        }
        #expect(repeats > 100)
    }

    @Test func `a heartbeat without readings is repeated by itself alone`() throws {
        let plain = #"{"status":"online","instance_id":"i-0123456789abcdef0"}"#
        let echo = try echo(plain)
        #expect(echo.isRepeated(by: Array(plain.utf8)))
        #expect(echo.isRepeated(by: Array(plain.replacing("f0", with: "f1").utf8)) == false)
    }
}
