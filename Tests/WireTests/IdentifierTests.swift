import JSON
import Testing
import Wire

struct IdentifierTests {
    @Test(arguments: ["i-0a1b2c3d", "i-0a1b2c3d4e5f60718"])
    func `an instance id has 8 or 17 digits`(text: String) throws { #expect(try InstanceID(text).text == text) }

    @Test(arguments: [
        "", "i-", "i-0a1b2c3", "i-0a1b2c3d4", "i-0a1b2c3d4e5f607189", "i-0A1B2C3D", "i-0a1b2c3g", "j-0a1b2c3d",
        "i-pending-0a1b2c3d", "manual-0a1b2c3d", "replica-0a1b2c3d", "emergency-0a1b2c3d", "None", "unknown",
        "i-0a1b2c3d\n", " i-0a1b2c3d", "i-é1b2c3d",
    ])
    func `what is no instance id is refused with what was expected`(text: String) {
        #expect(
            throws: WireError(
                code: .malformed, "expected an instance id (i- and 8 or 17 hexadecimal digits)")
        ) { try InstanceID(text) }
    }

    @Test(arguments: ["manual-0a1b2c3d", "replica-x", "emergency-0a1b2c3d", "i-pending-7"])
    func `a placeholder is a placeholder and not an instance`(text: String) throws {
        #expect(try PlaceholderID(text).text == text)
        #expect(throws: WireError.self) { try InstanceID(text) }
    }

    @Test(arguments: [
        "i-0a1b2c3d", "manual-", "other-1", "replica-a.b", "replica-\(String(repeating: "x", count: 57))",
    ])
    func `what is no placeholder is refused`(text: String) {
        #expect(throws: WireError.self) { try PlaceholderID(text) }
    }

    @Test(arguments: [
        ("m5.large.us-east-1b", "m5.large", "us-east-1b"),
        ("u-6tb1.metal.us-west-2-lax-1a", "u-6tb1.metal", "us-west-2-lax-1a"),
    ])
    func `a pool is a type and a zone`(text: String, type: String, zone: String) throws {
        let pool = try PoolID(text)
        #expect(pool.instanceType.text == type)
        #expect(pool.zone.text == zone)
        #expect(PoolID(pool.instanceType, pool.zone) == pool)
    }

    @Test(arguments: [
        "m5.large", "m5.large.", ".us-east-1b", "m5.us-east-1b", "spot.m5.large.us-east-1b", "m5.large.unknown",
    ])
    func `what is no pool is refused`(text: String) { #expect(throws: WireError.self) { try PoolID(text) } }

    @Test func `places and types have the form that AWS gives them`() {
        for text in ["us-east-1", "us-gov-west-1", "eu-central-2"] {
            #expect(throws: Never.self) { try Region(text) }
        }
        for text in ["us-east-1b", "us-west-2-lax-1a", "us-east-1-wl1-bos-wlz-1"] {
            #expect(throws: Never.self) { try AvailabilityZone(text) }
        }
        for text in ["m5.large", "u-6tb1.metal", "c7gn.48xlarge"] {
            #expect(throws: Never.self) { try InstanceType(text) }
        }
        for text in ["unknown", "us-east", "us--east-1", "US-EAST-1", "us-east-1b/..", ""] {
            #expect(throws: WireError.self) { try Region(text) }
        }
        for text in ["unknown", "us-east", "us.east.1b", "us-east-1b "] {
            #expect(throws: WireError.self) { try AvailabilityZone(text) }
        }
        for text in ["unknown", "m5", "m5.", ".large", "m5.large.xl", "M5.large"] {
            #expect(throws: WireError.self) { try InstanceType(text) }
        }
        for text in ["ami-0a1b", "snap-0aa", "vol-1"] { #expect(throws: Never.self) { try ResourceID(text) } }
        for text in ["ami", "ami-", "-0a1b", "ami-0a1b/x", "AMI-0a1b"] {
            #expect(throws: WireError.self) { try ResourceID(text) }
        }
    }

    @Test func `a name of the coordinator needs no escaping in a path`() {
        for text in [
            "None", "test-agent-id", "5f0c7a52-3f0e-4b5e-9a43-2f7d8f3f0c11", "41", String(repeating: "x", count: 64),
        ] {
            #expect(throws: Never.self) { try SlotID(text) }
        }
        for text in ["", "..", "a/b", "a%2Fb", "a b", "é", String(repeating: "x", count: 65)] {
            #expect(throws: WireError.self) { try SlotID(text) }
        }
    }

    @Test func `a name that others make up fits a header`() {
        for text in ["!", "~", "i-0a:17", String(repeating: "x", count: 128)] {
            #expect(throws: Never.self) { try ReportID(text) }
        }
        for text in ["", "a b", "a\r\nb", "é", "\u{7F}", String(repeating: "x", count: 129)] {
            #expect(throws: WireError.self) { try ReportID(text) }
        }
    }

    @Test func `a logical agent id is whatever an operator can type`() {
        for text in ["web 1/é", String(repeating: "x", count: 255)] {
            #expect(throws: Never.self) { try LogicalAgentID(text) }
        }
        for text in ["", "a\nb", "a\u{7F}", String(repeating: "x", count: 256)] {
            #expect(throws: WireError.self) { try LogicalAgentID(text) }
        }
    }

    @Test func `a malformed identifier in a message is told with its path`() {
        let text = Array(#"{"status":"online","instance_id":"i-pending-7"}"#.utf8)
        let error = #expect(throws: JSONError.self) { try decodeJSON(Heartbeat.self, from: text) }
        #expect(error?.description == "instance_id: expected an instance id (i- and 8 or 17 hexadecimal digits)")
    }

    @Test func `identifiers are walked in byte order`() {
        #expect((["b", "a", "B"] as [SlotID]).sorted() == ["B", "a", "b"])
    }
}

struct TokenTests {
    @Test func `a token shows itself nowhere`() {
        let secret = token("s3cret")
        var dumped = ""
        dump(secret, to: &dumped)
        for text in ["\(secret)", String(reflecting: secret), String(describing: [secret]), dumped] {
            #expect(!text.contains("s3cret"))
        }
        #expect("\(secret)" == "(secret)")
    }

    @Test func `tokens are equal when their texts are`() {
        #expect(token("abc") == token("abc"))
        #expect(token("abc") != token("abd"))
        #expect(token("abc") != token("ab"))
    }

    @Test(arguments: ["", "a b", "a\n", "é", String(repeating: "x", count: 256)])
    func `what does not fit a header is no token, and the error does not repeat it`(text: String) {
        #expect(throws: WireError(code: .malformed, "expected a token (1 to 255 printable ASCII characters, no blank)"))
        {
            try Token(text)
        }
    }
}

struct CounterTests {
    @Test func `a counter rises from 0`() throws {
        let (negative, old): (Int64, Int64) = (-1, 41)
        #expect(Epoch(negative) == nil)
        #expect(try #require(Epoch(old)).next == 42)
        #expect(Epoch.zero.next > .zero)
    }

    @Test func `a configuration version is its own entity tag`() {
        #expect((12 as ConfigVersion).etag == #""12""#)
        for tags in [
            #""12""#, #"W/"12""#, "*", #""11", "12""#, #""12","13""#, #"W/"x,y" ,\#tW/"12"\#t"#, #", "12" ,"#, " * ",
        ] {
            #expect((12 as ConfigVersion).isNamed(inTags: tags), "\(tags)")
        }
        for tags in [
            "", " ", ",", "12", "\"", #""""#, #""012""#, #""+12""#, #""12"3"#, #"w/"12""#, #""1", "2""#, #""12 ""#,
            "**",
            #""99999999999999999999""#, #"W/ "12""#,
        ] {
            #expect(!(12 as ConfigVersion).isNamed(inTags: tags), "\(tags)")
        }
    }
}
