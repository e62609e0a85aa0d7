import JSON
import Testing

@Suite struct TimestampTests {
    @Test(arguments: [
        ("1970-01-01T00:00:00Z", 0), ("2026-11-20T13:05:00Z", 1_795_179_900_000_000_000),
        ("2026-11-20T13:05:00.25Z", 1_795_179_900_250_000_000), ("2026-11-20t13:05:00.250z", 1_795_179_900_250_000_000),
        ("2026-11-20 14:35:00.25+01:30", 1_795_179_900_250_000_000),
        ("2026-11-20T00:05:00.25-13:00", 1_795_179_900_250_000_000), ("1970-01-01T00:00:00-00:00", 0),
        ("1970-01-01T23:59:00+23:59", 0), ("1969-12-31T23:59:59.999999999Z", -1),
        ("1969-12-31T23:59:59Z", -1_000_000_000),
        ("2000-02-29T00:00:00Z", 951_782_400_000_000_000), ("2024-02-29T00:00:00Z", 1_709_164_800_000_000_000),
        ("1970-01-01T00:00:00.000000001Z", 1), ("1970-01-01T00:00:00.0000000019999Z", 1),
        ("1970-01-01T00:00:00.1Z", 100_000_000),
        ("1677-09-21T00:12:43.145224192Z", Int64.min), ("2262-04-11T23:47:16.854775807Z", Int64.max),
        ("2262-04-12T00:47:16.854775807+01:00", Int64.max),
    ])
    func `a time is read to the nanosecond`(text: String, nanoseconds: Int64) {
        #expect(Timestamp(rfc3339: text)?.nanosecondsSinceEpoch == nanoseconds)
    }

    @Test(arguments: [
        "", "2026", "2026-11-20", "2026-11-20T13:05Z", "2026-11-20T13:05:00", "2026-11-20T13:05:00.Z",
        "2026-11-20T13:05:00,5Z",
        "2026-13-01T00:00:00Z", "2026-00-01T00:00:00Z", "2026-01-32T00:00:00Z", "2026-01-00T00:00:00Z",
        "2026-04-31T00:00:00Z",
        "2025-02-29T00:00:00Z", "1900-02-29T00:00:00Z", "2100-02-29T00:00:00Z", "2026-01-01T24:00:00Z",
        "2026-01-01T00:60:00Z",
        "2026-01-01T00:00:61Z", "2026-01-01T00:00:60Z", "2026-01-01T00:00:00+24:00", "2026-01-01T00:00:00+01:60",
        "2026-01-01T00:00:00+0100", "2026-01-01T00:00:00+01", "2026-01-01T00:00:00+1:00", "2026-01-01T00:00:00ZZ",
        " 2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z ", "2026-01-01T00:00:00 Z", "2026-01-01_00:00:00Z",
        "26-01-01T00:00:00Z",
        "+2026-01-01T00:00:00Z", "2026-1-01T00:00:00Z", "2026-01-01T0:00:00Z", "20260101T000000Z",
        "2026-01-01T00:00:00.1e3Z",
        "2026-01-01T00:00:00\u{2212}01:00", "1677-09-21T00:12:43.145224191Z", "2262-04-11T23:47:16.854775808Z",
        "0000-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "2026-01-01T00:00:00\0", "２026-01-01T00:00:00Z",
    ])
    func `what is no time in range is refused`(text: String) { #expect(Timestamp(rfc3339: text) == nil) }

    @Test func `a leap second is the last nanosecond before it`() {
        let last = Timestamp(rfc3339: "2016-12-31T23:59:59.999999999Z")
        #expect(last != nil)
        #expect(Timestamp(rfc3339: "2016-12-31T23:59:60Z") == last)
        #expect(Timestamp(rfc3339: "2016-12-31T23:59:60.5Z") == last)
        #expect(Timestamp(rfc3339: "2016-12-31T15:59:60-08:00") == last)
        #expect(Timestamp(rfc3339: "2016-12-31T15:59:60Z") == nil)
        #expect(Timestamp(rfc3339: "2016-12-31T23:58:60Z") == nil)
    }

    @Test func `a time without a zone is UTC where that is allowed`() throws {
        let text = "2026-11-20T13:05:00.250000"
        #expect(Timestamp(rfc3339: text) == nil)
        #expect(Timestamp(rfc3339: text, withoutZone: .meansUTC) == Timestamp(rfc3339: text + "Z"))
        #expect(Timestamp(rfc3339: text + "+01:00", withoutZone: .meansUTC) == Timestamp(rfc3339: text + "+01:00"))
        #expect(Timestamp(rfc3339: "2026-11-20", withoutZone: .meansUTC) == nil)
        #expect(Timestamp(rfc3339: text + "x", withoutZone: .meansUTC) == nil)
        let value = try read("\"\(text)\"")
        #expect(try value.timestamp() == Timestamp(rfc3339: text + "Z"))
        let error = failure { () throws(JSONError) in _ = try value.timestamp(withoutZone: .refused) }
        #expect(error == JSONError(.mismatch, reason: "expected an RFC 3339 time"))
    }

    @Test func `a time may be escaped as any string`() throws {
        #expect(try read(#""1970-01-01T00:00:00\u005a""#).timestamp() == Timestamp(nanosecondsSinceEpoch: 0))
    }

    @Test(arguments: [
        (0, "1970-01-01T00:00:00Z"), (1, "1970-01-01T00:00:00.000000001Z"), (1000, "1970-01-01T00:00:00.000001Z"),
        (1_000_000, "1970-01-01T00:00:00.001Z"), (250_000_000, "1970-01-01T00:00:00.250Z"),
        (-1, "1969-12-31T23:59:59.999999999Z"), (1_795_179_900_250_000_000, "2026-11-20T13:05:00.250Z"),
        (951_782_400_000_000_000, "2000-02-29T00:00:00Z"), (951_868_800_000_000_000, "2000-03-01T00:00:00Z"),
        (Int64.min, "1677-09-21T00:12:43.145224192Z"), (Int64.max, "2262-04-11T23:47:16.854775807Z"),
    ])
    func `a time is written in UTC with as many digits as it needs`(nanoseconds: Int64, text: String) {
        #expect(Timestamp(nanosecondsSinceEpoch: nanoseconds).description == text)
    }

    @Test func `every day in range is written and read back`() throws {
        let day: Int64 = 86_400_000_000_000
        var previous = ""
        for days in Int64.min / day...Int64.max / day {
            let time = Timestamp(nanosecondsSinceEpoch: days * day)
            let text = time.description
            #expect(text > previous)
            #expect(Timestamp(rfc3339: text) == time)
            previous = text
        }
    }

    @Test(arguments: 0..<20 as Range<UInt64>)
    func `any moment is written and read back`(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        for _ in 0..<200 {
            let time = Timestamp(nanosecondsSinceEpoch: Int64.random(in: .min ... .max, using: &random))
            #expect(Timestamp(rfc3339: time.description) == time)
        }
    }

    @Test func `the calendar agrees with the C library`() {
        var random = SeededRandom(seed: 1)
        for _ in 0..<2000 {
            let seconds = Int64.random(in: -9_000_000_000...9_000_000_000, using: &random)
            #expect(Timestamp(nanosecondsSinceEpoch: seconds * 1_000_000_000).description == calendarText(seconds))
        }
    }

    @Test func `durations are added and taken away`() {
        let time = Timestamp(nanosecondsSinceEpoch: 1_000)
        #expect((time + .nanoseconds(5)).nanosecondsSinceEpoch == 1_005)
        #expect((time - .microseconds(2)).nanosecondsSinceEpoch == -1_000)
        #expect(time + .seconds(3) - time == .seconds(3))
        #expect(time - (time + .seconds(3)) == .seconds(-3))
        #expect(
            Timestamp.latest - Timestamp.earliest == .nanoseconds(Int64.max) + .nanoseconds(Int64.max) + .nanoseconds(1)
        )
        var moved = time
        moved += .seconds(1)
        moved -= .seconds(2)
        #expect(moved == time - .seconds(1))
        #expect(moved < time)
    }

    @Test func `arithmetic stops at the ends of the range`() {
        #expect(Timestamp.latest + .nanoseconds(1) == .latest)
        #expect(Timestamp.earliest - .nanoseconds(1) == .earliest)
        #expect(Timestamp.earliest + .seconds(Int64.max) == .latest)
        #expect(Timestamp.latest - .seconds(Int64.max) == .earliest)
    }
}
