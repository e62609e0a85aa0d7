import JSON
import Testing

@Suite struct CodingTests {
    private struct Pool: Equatable, JSONReadable, JSONWritable {
        var zone: String
        var price: JSONNumber
        var seen: Timestamp?

        init(zone: String, price: JSONNumber, seen: Timestamp?) {
            (self.zone, self.price, self.seen) = (zone, price, seen)
        }

        init(from value: JSONValue) throws(JSONError) {
            let object = try value.object()
            let zone = try object.required("az")
            self.zone = try zone.string()
            if self.zone.isEmpty { throw zone.fail("expected a zone") }
            price = try object.required("price").number()
            seen = try object.optional("seen").map { value throws(JSONError) in try value.timestamp() }
        }

        func write(to writer: inout JSONWriter) {
            writer.object { object in
                object.field("az", zone)
                object.field("price", price)
                object.optionalField("seen", seen)
            }
        }
    }

    private struct Report: Equatable, JSONReadable {
        var pools: [Pool]
        init(from value: JSONValue) throws(JSONError) {
            pools = try [Pool](from: value.object().required("spot_pools"))
        }
    }

    @Test func `a type comes back as it was written`() throws {
        let price = try #require(JSONNumber("0.04160"))
        let pools = [
            Pool(zone: "us-east-1a", price: price, seen: Timestamp(nanosecondsSinceEpoch: 250_000_000)),
            Pool(zone: "us-east-1b", price: JSONNumber(1), seen: nil),
        ]
        let text = encodeJSON(pools)
        #expect(
            String(decoding: text, as: UTF8.self)
                == #"[{"az":"us-east-1a","price":0.04160,"seen":"1970-01-01T00:00:00.250Z"},{"az":"us-east-1b","price":1}]"#
        )
        #expect(try decodeJSON([Pool].self, from: text) == pools)
    }

    @Test(arguments: [
        (#"{"spot_pools":[{"az":"a","price":1},{"az":"b","price":"1"}]}"#, "spot_pools[1].price: expected a number"),
        (#"{"spot_pools":[{"az":"","price":1}]}"#, "spot_pools[0].az: expected a zone"),
        (#"{"spot_pools":[{"price":1}]}"#, "spot_pools[0].az: missing"),
        (#"{"spot_pools":{}}"#, "spot_pools: expected an array"), ("[]", "expected an object"),
        ("{}", "spot_pools: missing"),
        (#"{"spot_pools":[{"az":"a","price":1,"seen":"soon"}]}"#, "spot_pools[0].seen: expected an RFC 3339 time"),
        (#"{"a":1,"a":1,"spot_pools":[]}"#, "a: duplicate key"),
        (#"{"spot_pools":[}"#, "line 1, column 16 (byte 15): expected a value"),
    ])
    func `decoding says where and why it ends`(text: String, description: String) {
        let error = failure { () throws(JSONError) in _ = try decodeJSON(Report.self, from: Array(text.utf8)) }
        #expect(error?.description == description)
    }

    @Test func `decoding keeps to the limits it is given`() {
        let error = failure { () throws(JSONError) in
            _ = try decodeJSON([String].self, from: Array("[[]]".utf8), limits: JSONLimits(depth: 1))
        }
        #expect(error?.code == .tooDeep)
    }

    @Test func `unknown keys are ignored`() throws {
        #expect(try decodeJSON(Report.self, from: Array(#"{"new":{"x":[]},"spot_pools":[]}"#.utf8)).pools.isEmpty)
    }

    @Test func `plain values are read and written`() throws {
        #expect(try decodeJSON(Bool.self, from: encodeJSON(true)))
        #expect(try decodeJSON(Int.self, from: encodeJSON(-5)) == -5)
        #expect(try decodeJSON(Int64.self, from: encodeJSON(Int64.max)) == .max)
        #expect(try decodeJSON([[String]].self, from: encodeJSON([["a"], []])) == [["a"], []])
        #expect(try decodeJSON(Timestamp.self, from: encodeJSON(Timestamp.latest)) == .latest)
    }
}
