import JSON
import Testing

/// Every text of the corpus, by what RFC 8259 says about it.
@Suite struct ConformanceTests {
    @Test func `the corpus is there`() {
        #expect(Corpus.names(in: "accept").count >= 140)
        #expect(Corpus.names(in: "refuse").count >= 320)
        #expect(Corpus.names(in: "either").count >= 20)
    }

    @Test(arguments: Corpus.names(in: "accept"))
    func `what must be accepted is`(name: String) throws {
        let bytes = try #require(Corpus.bytes("accept", name))
        #expect(failure(reading: bytes) == nil)
    }

    @Test(arguments: Corpus.names(in: "accept"))
    func `what was accepted comes back with the same values`(name: String) throws {
        let bytes = try #require(Corpus.bytes("accept", name))
        let document = try JSONDocument(bytes)
        let again = try JSONDocument(rewritten(document.root))
        #expect(try sameValues(document.root, again.root))
    }

    @Test(arguments: Corpus.names(in: "refuse"))
    func `what must be refused is`(name: String) throws {
        let bytes = try #require(Corpus.bytes("refuse", name))
        let error = try #require(failure(reading: bytes))
        #expect(error.code == (name.contains("depth-6") && !name.contains("unclosed") ? .tooDeep : error.code))
        #expect([.syntax, .tooDeep].contains(error.code))
    }

    /// Where the RFC leaves it open: lone surrogates and byte order marks are refused, and so is more than 64 levels;
    /// numbers of any size, noncharacters and duplicate keys are accepted.
    @Test(arguments: Corpus.names(in: "either"))
    func `what is open is decided as documented`(name: String) throws {
        let bytes = try #require(Corpus.bytes("either", name))
        let refused = ["surrogate", "bom", "depth"].contains { name.contains($0) }
        #expect((failure(reading: bytes) != nil) == refused)
    }

    @Test(arguments: Corpus.names(in: "accept").filter { !$0.hasPrefix("number-") && !$0.hasPrefix("space-long") })
    func `a text that breaks off is refused`(name: String) throws {
        let bytes = try #require(Corpus.bytes("accept", name))
        let whole = try JSONDocument(bytes).root
        // A number may end anywhere after a digit, so only texts with an end of their own are cut.
        guard whole.kind != .number else { return }
        let end = bytes.lastIndex { ![0x20, 0x09, 0x0A, 0x0D].contains($0) } ?? 0
        let step = max(1, end / 500)
        for length in stride(from: 0, through: end, by: step) {
            let error = failure(reading: Array(bytes[..<length]))
            #expect(error?.code == .syntax, "cut after \(length) bytes")
        }
    }

    @Test func `what follows a whole value is white space or refused`() {
        for byte in UInt8.min...UInt8.max {
            let error = failure(reading: Array("[]".utf8) + [byte])
            #expect((error == nil) == [0x20, 0x09, 0x0A, 0x0D].contains(byte), "byte \(byte)")
        }
    }
}
