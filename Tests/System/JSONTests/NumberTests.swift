import JSON
import Testing

@Suite struct NumberTests {
    @Test(arguments: [
        "0.0416", "-0", "-0.0", "1E400", "1e-400", "1.50", "10e-1", "123456789012345678901234567890", "1e+05",
    ])
    func `a number keeps its text`(text: String) throws {
        #expect(try read(text).number().text == text)
        #expect(JSONNumber(text)?.text == text)
        #expect(JSONNumber(text).map { encodeJSON($0) } == Array(text.utf8))
    }

    @Test(arguments: ["", " 1", "1 ", "+1", "01", "1.", ".5", "1e", "0x1", "NaN", "inf", "1,0", "-", "--1", "1\0", "١"])
    func `what is no number is none`(text: String) { #expect(JSONNumber(text) == nil) }

    @Test(arguments: [
        ("0", 0), ("-0", 0), ("0.0", 0), ("0e99999999999999999999", 0), ("12", 12), ("12.0", 12), ("12.000", 12),
        ("1.2e1", 12),
        ("1200e-2", 12), ("-12", -12), ("1e3", 1000), ("0.001e3", 1), ("9223372036854775807", Int64.max),
        ("-9223372036854775808", Int64.min), ("-9223372036854775808.0", Int64.min),
        ("9.223372036854775807e18", Int64.max),
    ])
    func `a whole number is one however it is written`(text: String, value: Int64) throws {
        #expect(try read(text).integer() == value)
        #expect(JSONNumber(text)?.integer == value)
    }

    @Test(arguments: [
        "0.5", "-1.5", "1e-1", "9223372036854775808", "-9223372036854775809", "9223372036854775807.5", "1e19", "-1e19",
        "1e99999999999999999999", "1e-99999999999999999999", "92233720368547758070",
    ])
    func `what is not whole or does not fit is a mismatch`(text: String) throws {
        #expect(JSONNumber(text)?.integer == nil)
        let value = try read(text)
        let error = failure { () throws(JSONError) in _ = try value.integer() }
        #expect(error == JSONError(.mismatch, reason: "expected a whole number of 64 bits"))
    }

    @Test func `a whole number outside its bounds is refused with the bounds`() throws {
        let value = try read("101")
        #expect(try value.integer(in: 0...101) == 101)
        let error = failure { () throws(JSONError) in _ = try value.integer(in: 0...100) }
        #expect(error?.description == "expected a whole number from 0 to 100")
    }

    @Test(arguments: [
        ("0.0416", 0.0416), ("1e308", 1e308), ("-0", -0.0), ("5e-324", Double.leastNonzeroMagnitude), ("1e-400", 0),
        ("0.1", 0.1), ("123456789012345678", 123_456_789_012_345_678.0),
    ])
    func `a number has its nearest double`(text: String, value: Double) throws {
        let double = try #require(JSONNumber(text)?.double)
        #expect(double.bitPattern == value.bitPattern)
    }

    @Test(arguments: ["1e309", "-1e309", "1E400", "1e99999999999999999999"])
    func `a number beyond the doubles has none`(text: String) throws { #expect(try read(text).number().double == nil) }

    @Test(arguments: [0.0, -0.0, 0.1, 1e21, .leastNonzeroMagnitude, 1.7976931348623157e308, -12.5, 1e-5, 123456789.125])
    func `a double comes back from its number`(value: Double) throws {
        #expect(try #require(JSONNumber(value)?.double).bitPattern == value.bitPattern)
    }

    @Test func `a double that is not finite is no number`() {
        #expect(JSONNumber(Double.nan) == nil)
        #expect(JSONNumber(Double.infinity) == nil)
        #expect(JSONNumber(-Double.infinity) == nil)
    }

    @Test(arguments: [Int64.min, -1, 0, 1, 42, Int64.max])
    func `a whole number comes back from its number`(value: Int64) {
        #expect(JSONNumber(value).integer == value)
        #expect(JSONNumber(value).text == String(value))
    }

    /// Ascending; what stands together is equal.
    private static let ladder: [[String]] = [
        ["-1e99999999999999999999"], ["-1e400"], ["-10.1"], ["-10", "-1e1", "-100e-1"], ["-0.1"], ["-1e-400"],
        ["0", "-0", "0.000", "0e5", "-0e-99999999999999999999"], ["1e-99999999999999999999"], ["1e-400"],
        ["0.0416", "0.04160", "416e-4"], ["0.04160000000000000000000001"], ["0.9"],
        ["1", "1.0", "10e-1", "0.1e1", "1e0"],
        ["1.0000000000000000000000000001"], ["9.99"], ["10"], ["9223372036854775807"], ["9223372036854775808"],
        ["1e400"],
        ["1.1e400"], ["1e99999999999999999999"],
    ]

    @Test func `numbers compare by value exactly`() throws {
        for (low, lesser) in Self.ladder.enumerated() {
            for (high, greater) in Self.ladder.enumerated() {
                for (left, right) in lesser.flatMap({ left in greater.map { (left, $0) } }) {
                    let (first, second) = (try #require(JSONNumber(left)), try #require(JSONNumber(right)))
                    #expect((first < second) == (low < high), "\(left) < \(right)")
                    #expect((first == second) == (low == high), "\(left) == \(right)")
                    if low == high { #expect(first.hashValue == second.hashValue, "\(left) and \(right)") }
                }
            }
        }
    }

    @Test(
        arguments: [
            ("0.0416", 41_600_000), ("0", 0), ("1", 1_000_000_000), ("1.5e2", 150_000_000_000), ("-0.5", -500_000_000),
            // What is behind the point then is left out.
            ("0.0000000019", 1), ("1e-30", 0), ("9223372036.854775807", 9_223_372_036_854_775_807),
            ("9223372036.8547758079", 9_223_372_036_854_775_807),
            ("9223372036.854775808", nil), ("1e10", nil), ("1e999999999999999999999", nil),
        ] as [(String, Int64?)])
    func `a decimal is counted in billionths`(text: String, billionths: Int64?) throws {
        #expect(try #require(JSONNumber(text)).whole(shiftedBy: 9) == billionths)
    }
}
