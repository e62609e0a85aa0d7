import JSON
import Testing

@Suite struct DuplicateKeyTests {
    @Test(arguments: [
        (#"{"a":1,"a":2}"#, ["a"]), (#"{"config":{"enabled":1,"x":0,"enabled":2}}"#, ["config.enabled"]),
        (#"{"a":1,"\u0061":2}"#, ["a"]), (#"{"\u0061":1,"a":2}"#, ["a"]), (#"{"":1,"":2}"#, [#"[""]"#]),
        (#"[0,{"a":1,"a":2,"a":3}]"#, ["[1].a", "[1].a"]), (#"{"a":1,"b":2,"a":3,"b":4}"#, ["a", "b"]),
        (#"{"a":{"b":1,"b":2},"a":3}"#, ["a", "a.b"]), (#"{"n\n":1,"n\n":2}"#, [#"["n\n"]"#]),
    ])
    func `a duplicate key is accepted and reported`(text: String, paths: [String]) throws {
        #expect(try JSONDocument(Array(text.utf8)).duplicateKeys == paths)
    }

    @Test(arguments: [
        #"{"a":1,"A":2}"#, #"{"a":{"a":{"a":1}}}"#, #"[{"a":1},{"a":1}]"#, #"{"é":1,"e\u0301":2}"#,
        #"{"a":"a","b":"a"}"#,
        #"{"ab":1,"a":2,"b":3}"#, #"{"\\u0061":1,"a":2}"#, "{}", "[]", #"["a","a"]"#,
    ])
    func `keys that only look alike are not duplicates`(text: String) throws {
        #expect(try JSONDocument(Array(text.utf8)).duplicateKeys == [])
    }

    @Test(arguments: [2, 15, 16, 17, 18, 40])
    func `a duplicate is found among any number of keys`(count: Int) throws {
        let keys = (0..<count - 1).map { "k\($0)" }
        for repeated in keys.indices {
            let members = (keys + [keys[repeated]]).map { "\"\($0)\":0" }.joined(separator: ",")
            #expect(try JSONDocument(Array("{\(members)}".utf8)).duplicateKeys == ["k\(repeated)"])
        }
        let unique = keys.map { "\"\($0)\":0" }.joined(separator: ",")
        #expect(try JSONDocument(Array("{\(unique)}".utf8)).duplicateKeys == [])
    }

    @Test(arguments: ["", "a", "z", "é", "☃", "0"])
    func `a duplicate is found whatever its letters`(letter: String) throws {
        for length in 0...70 {
            let key = String(repeating: letter, count: length)
            let text = #"{"-":0,"\#(key)":1,"+":2,"\#(key)":3}"#
            #expect(try JSONDocument(Array(text.utf8)).duplicateKeys.count == 1)
        }
    }

    @Test func `of duplicate keys the last one counts`() throws {
        #expect(try read(#"{"a":1,"b":0,"a":2}"#).object().required("a").integer() == 2)
    }

    @Test func `a walk over an object shows every duplicate`() throws {
        #expect(try read(#"{"a":1,"b":0,"a":2}"#).object().map(\.key) == ["a", "b", "a"])
    }

    @Test func `decoding refuses a duplicate key and names it`() {
        let text = Array(#"["x",{"a":1,"a":2}]"#.utf8)
        let error = failure { () throws(JSONError) in _ = try decodeJSON([AnyValue].self, from: text) }
        #expect(error == JSONError(.duplicateKey, path: "[1].a", reason: "duplicate key"))
        #expect(error?.description == "[1].a: duplicate key")
    }
}
