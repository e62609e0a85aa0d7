import JSON
import Testing

@Suite struct ReaderTests {
    @Test(arguments: [
        ("null", JSONKind.null), ("true", .boolean), ("0", .number), ("\"\"", .string), ("[]", .array), ("{}", .object),
    ])
    func `a value tells its kind`(text: String, kind: JSONKind) throws {
        #expect(try read(text).kind == kind)
        #expect(try read(text).isNull == (kind == .null))
    }

    @Test(arguments: [
        (#""unknown""#, true), (#""unkn\u006fwn""#, true), (#""unknowm""#, false), (#""unknow""#, false),
        (#""unknown ""#, false), (#""Unknown""#, false), (#""""#, false), ("null", false), (#"["unknown"]"#, false),
    ])
    func `a value is a certain string, or another, or none`(text: String, isUnknown: Bool) throws {
        #expect(try read(text).isString("unknown") == isUnknown)
    }

    @Test func `values come back through their accessors`() throws {
        let object = try read(#"{"s":"a","t":true,"f":false,"i":-12,"n":0.50,"a":[1,2],"o":{"k":null}}"#).object()
        #expect(try object.required("s").string() == "a")
        #expect(try object.required("t").boolean())
        #expect(try !object.required("f").boolean())
        #expect(try object.required("i").integer() == -12)
        #expect(try object.required("n").number().text == "0.50")
        #expect(try object.required("a").array().map { try $0.integer() } == [1, 2])
        #expect(try object.required("o").object()["k"]?.isNull == true)
    }

    @Test(arguments: JSONKind.allCases)
    func `a value of another kind is a mismatch`(kind: JSONKind) throws {
        let texts: [JSONKind: String] = [
            .null: "null", .boolean: "true", .number: "1", .string: "\"a\"", .array: "[]", .object: "{}",
        ]
        let text = try #require(texts[kind])
        let value = try read(text)
        #expect(failure { () throws(JSONError) in _ = try value.object() }?.code == (kind == .object ? nil : .mismatch))
        #expect(failure { () throws(JSONError) in _ = try value.array() }?.code == (kind == .array ? nil : .mismatch))
        #expect(failure { () throws(JSONError) in _ = try value.string() }?.code == (kind == .string ? nil : .mismatch))
        #expect(
            failure { () throws(JSONError) in _ = try value.boolean() }?.code == (kind == .boolean ? nil : .mismatch))
        #expect(failure { () throws(JSONError) in _ = try value.number() }?.code == (kind == .number ? nil : .mismatch))
        #expect(
            failure { () throws(JSONError) in _ = try value.integer() }?.code == (kind == .number ? nil : .mismatch))
        #expect(failure { () throws(JSONError) in _ = try value.timestamp() }?.code == .mismatch)
    }

    @Test func `a key that is absent or null is optional and only an absent one is missing`() throws {
        let object = try read(#"{"null":null,"zero":0}"#).object()
        #expect(object.optional("null") == nil)
        #expect(object.optional("absent") == nil)
        #expect(try object.optional("zero")?.integer() == 0)
        #expect(try object.required("null").isNull)
        #expect(failure { () throws(JSONError) in _ = try object.required("absent") }?.description == "absent: missing")
    }

    @Test func `a key is found by its meaning and not by its spelling`() throws {
        let object = try read(#"{"\u0061\u00e9":1}"#).object()
        #expect(try object["aé"]?.integer() == 1)
        #expect(object["ae\u{301}"] == nil)
        #expect(object["a"] == nil)
        #expect(object[""] == nil)
    }

    @Test func `an object and an array are walked in the order of the text`() throws {
        let object = try read(#"{"b":[1,[2],{"x":3}],"a":{},"":4}"#).object()
        #expect(object.map(\.key) == ["b", "a", ""])
        #expect(object.map(\.value.kind) == [.array, .object, .number])
        let array = try object.required("b").array()
        #expect(array.count == 3)
        #expect(array.map(\.kind) == [.number, .array, .object])
        #expect(try read("{}").object().isEmpty)
        #expect(try read("[]").array().isEmpty)
        #expect(try !read("[[]]").array().isEmpty)
        #expect(!object.isEmpty)
    }

    @Test func `a part of a document is copied out as it came`() throws {
        let object = try read(#"{"a": { "b" : [1.50, "\u0041"] } , "c":2}"#).object()
        #expect(try String(decoding: object.required("a").verbatim, as: UTF8.self) == #"{ "b" : [1.50, "\u0041"] }"#)
        #expect(try String(decoding: object.required("c").verbatim, as: UTF8.self) == "2")
        #expect(object.value.verbatim.count == 41)
    }

    @Test(arguments: [
        ("a", #"{"a":null}"#), ("spot_pools[3].price", #"{"spot_pools":[1,[2],{"price":3},{"x":[],"price":null}]}"#),
        ("[0]", "[null]"), ("[2][1]", "[[],{},[0,null]]"), ("a.b.c", #"{"x":{"a":1},"a":{"b":{"c":null}}}"#),
        (#"a["b.c"]"#, #"{"a":{"b.c":null}}"#), (#"[""]"#, #"{"":null}"#), (#"["a\"\n"]"#, #"{"a\"\n":null}"#),
    ])
    func `an error names the path`(path: String, text: String) throws {
        let found = try firstNull(in: read(text))
        let null = try #require(found)
        #expect(null.path == path)
        #expect(null.fail("expected a number").description == "\(path): expected a number")
    }

    @Test func `an error about the whole value has no path`() throws {
        let error = try read("1").fail("expected an object")
        #expect(error.path == "")
        #expect(error.description == "expected an object")
    }

    @Test func `a missing key is named where it should have been`() throws {
        let second = try read(#"{"pools":[{"price":1},{}]}"#).object().required("pools").array().map { $0 }[1]
        let error = failure { () throws(JSONError) in _ = try second.object().required("price") }
        #expect(error == JSONError(.missing, path: "pools[1].price", reason: "missing"))
    }

    @Test func `a long key is cut in a path`() throws {
        let key = String(repeating: "k", count: 5000)
        let found = try firstNull(in: read(#"{"\#(key)":null}"#))
        #expect(found?.path == "[\"\(key.prefix(64))\"…]")
    }

    @Test(arguments: [
        ("", 0, 1, 1), ("[1,\n2,\n x]", 8, 3, 2), ("[\"é\", x]", 7, 1, 7), ("{\"a\":1,}", 7, 1, 8), ("[1] 2", 4, 1, 5),
        ("\"ab", 3, 1, 4), ("\r\n\r\n?", 4, 3, 1),
    ])
    func `an error of syntax names the place`(text: String, offset: Int, line: Int, column: Int) throws {
        let error = try #require(failure(reading: text))
        #expect(error.code == .syntax)
        #expect(error.position?.offset == offset)
        #expect(error.position?.line == line)
        #expect(error.position?.column == column)
        #expect(error.description.hasPrefix("line \(line), column \(column) (byte \(offset)): expected "))
    }

    @Test(arguments: [
        ("[1 2]", "expected ',' or ']'"), ("{\"a\":1 2}", "expected ',' or '}'"), ("{1}", "expected a key"),
        ("{\"a\" 1}", "expected ':'"), ("[", "expected a value, found the end"),
        ("1 2", "expected nothing after the value"),
        ("1.x", "expected a digit"), ("\"\\x\"", "expected a valid escape, with surrogates in pairs"),
        ("\"\n\"", "expected control characters to be escaped"), ("\"a", "expected '\"', found the end"),
    ])
    func `an error of syntax says what was expected`(text: String, reason: String) {
        #expect(failure(reading: text)?.reason == reason)
    }

    @Test func `invalid UTF-8 is named as such`() {
        #expect(failure(reading: [0x22, 0xFF, 0x22])?.reason == "expected valid UTF-8")
    }

    private func firstNull(in value: JSONValue) throws -> JSONValue? {
        switch value.kind {
        case .null: return value
        case .array:
            for element in try value.array() {
                if let null = try firstNull(in: element) { return null }
            }
        case .object:
            for (_, member) in try value.object() {
                if let null = try firstNull(in: member) { return null }
            }
        default: break
        }
        return nil
    }
}
