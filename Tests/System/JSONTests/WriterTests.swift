import JSON
import Testing

@Suite struct WriterTests {
    @Test func `each kind of value is written without white space`() {
        #expect(written { $0.null() } == "null")
        #expect(written { $0.value(true) } == "true")
        #expect(written { $0.value(false) } == "false")
        #expect(written { $0.value("a") } == #""a""#)
        #expect(written { $0.value(JSONNumber(7)) } == "7")
        #expect(written { $0.object { _ in } } == "{}")
        #expect(written { $0.array { _ in } } == "[]")
        #expect(written { $0.value(Timestamp(nanosecondsSinceEpoch: 0)) } == #""1970-01-01T00:00:00Z""#)
    }

    @Test(arguments: [Int64.min, Int64.min + 1, -10, -1, 0, 9, 10, 99, 100, Int64.max])
    func `a whole number is written in full`(value: Int64) {
        #expect(written { $0.value(value) } == String(value))
    }

    @Test func `members and elements are written in the order given`() {
        let text = written { writer in
            writer.object { object in
                object.field("z", "last letter first")
                object.field("a", 1)
                object.null("n")
                object.array("list") { list in
                    list.element(true)
                    list.null()
                    list.array { $0.element("in") }
                    list.object { $0.field("k", Int64(2)) }
                }
                object.object("o") { $0.field("p", JSONNumber(3)) }
                object.field("", [1, 2])
            }
        }
        #expect(
            text == #"{"z":"last letter first","a":1,"n":null,"list":[true,null,["in"],{"k":2}],"o":{"p":3},"":[1,2]}"#)
    }

    @Test func `what is nil is null as a field and absent as an optional field`() {
        let absent: String? = nil
        let text = written { writer in
            writer.object { object in
                object.field("null", absent)
                object.optionalField("absent", absent)
                object.optionalField("present", "x" as String?)
            }
        }
        #expect(text == #"{"null":null,"present":"x"}"#)
    }

    @Test func `what was read is written back as it came`() throws {
        let object = try read(#"{"a": [1.50, "\u0041"]}"#).object()
        let part = try object.required("a")
        let text = written { writer in
            writer.array { array in
                array.element(part)
                array.raw(part.verbatim)
                array.object { $0.raw("k", part.verbatim) }
            }
        }
        #expect(text == #"[[1.50, "\u0041"],[1.50, "\u0041"],{"k":[1.50, "\u0041"]}]"#)
        #expect(try encodeJSON(JSONDocument(Array("[ ]".utf8))) == Array("[ ]".utf8))
    }

    @Test func `a key is escaped as a string is`() {
        #expect(written { $0.object { $0.field("a\"\n", 1) } } == #"{"a\"\n":1}"#)
    }

    @Test func `raw text that is no JSON traps`() async {
        await #expect(processExitsWith: .failure) { _ = encodeRaw("[1,]") }
        await #expect(processExitsWith: .failure) { _ = encodeRaw("") }
        await #expect(processExitsWith: .failure) { _ = encodeRaw("1,2") }
    }

    @Test func `a second value traps`() async {
        await #expect(processExitsWith: .failure) {
            var writer = JSONWriter()
            writer.null()
            writer.null()
        }
    }

    @Test func `bytes without a value trap`() async {
        await #expect(processExitsWith: .failure) { _ = JSONWriter().bytes }
    }

    @Test func `a field whose value writes nothing or twice traps`() async {
        await #expect(processExitsWith: .failure) { _ = encodeJSON([Times(count: 0)]) }
        await #expect(processExitsWith: .failure) {
            var writer = JSONWriter()
            writer.object { $0.field("a", Times(count: 2)) }
        }
    }
}

private func encodeRaw(_ text: String) -> [UInt8] {
    var writer = JSONWriter()
    writer.raw(Array(text.utf8))
    return writer.bytes
}

/// Breaks its promise to write exactly one value, unless `count` is one.
private struct Times: JSONWritable {
    let count: Int

    func write(to writer: inout JSONWriter) {
        for _ in 0..<count { writer.null() }
    }
}
