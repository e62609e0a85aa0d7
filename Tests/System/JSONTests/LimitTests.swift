import JSON
import Testing

/// What a stranger may send without harm. A quadratic step anywhere would not end within the time limit.
@Suite(.timeLimit(.minutes(2))) struct LimitTests {
    @Test func `a text as long as allowed is read and a longer one is refused unread`() {
        let limits = JSONLimits(bytes: 4)
        #expect(failure(reading: "true", limits: limits) == nil)
        let error = failure(reading: "?????", limits: limits)
        #expect(error?.code == .tooLarge)
        #expect(error?.description == "5 bytes are more than the 4 allowed")
    }

    @Test(arguments: [0, 1, 2, 64])
    func `a text as deep as allowed is read and a deeper one is refused`(depth: Int) {
        let limits = JSONLimits(depth: depth)
        #expect(failure(reading: nested(depth), limits: limits) == nil)
        let error = failure(reading: nested(depth + 1), limits: limits)
        #expect(error?.code == .tooDeep)
        #expect(error?.position?.offset == depth)
        #expect(error?.reason == "nested deeper than the \(depth) levels allowed")
    }

    @Test func `depth counts what is open and not what was`() {
        let text = "[" + Array(repeating: "[{}]", count: 1000).joined(separator: ",") + "]"
        #expect(failure(reading: text, limits: JSONLimits(depth: 3)) == nil)
        #expect(failure(reading: text, limits: JSONLimits(depth: 2))?.code == .tooDeep)
    }

    @Test func `a hundred million open brackets are refused at the limit of depth`() {
        let bytes = [UInt8](repeating: UInt8(ascii: "["), count: 100_000_000)
        #expect(failure(reading: bytes)?.code == .tooLarge)
        let error = failure(reading: bytes, limits: JSONLimits(bytes: 1 << 30))
        #expect(error?.code == .tooDeep)
        #expect(error?.position?.offset == 64)
    }

    @Test func `depth costs no stack`() throws {
        let depth = 1_000_000
        let limits = JSONLimits(depth: depth)
        let document = try JSONDocument(Array(nested(depth).utf8), limits: limits)
        #expect(document.root.kind == .array)
        let open = [UInt8](repeating: UInt8(ascii: "["), count: depth)
        #expect(failure(reading: open, limits: limits)?.code == .syntax)
    }

    @Test func `a hundred thousand keys are read and found`() throws {
        let keys = 100_000
        let members = (0..<keys).map { "\"key-\($0)\":\($0)" }
        let document = try JSONDocument(Array("{\(members.joined(separator: ","))}".utf8))
        #expect(document.duplicateKeys.isEmpty)
        #expect(try document.root.object()["key-99999"]?.integer() == 99_999)
    }

    @Test func `a hundred thousand times the same key is reported a few times`() throws {
        let members = Array(repeating: #""k":0"#, count: 100_000)
        let document = try JSONDocument(Array("{\(members.joined(separator: ","))}".utf8))
        #expect(document.duplicateKeys == Array(repeating: "k", count: 8))
    }

    @Test func `many small objects with duplicate keys are reported a few times`() throws {
        let objects = Array(repeating: #"{"a":1,"a":2}"#, count: 50_000)
        let document = try JSONDocument(Array("[\(objects.joined(separator: ","))]".utf8))
        #expect(document.duplicateKeys == (0..<8).map { "[\($0)].a" })
    }

    @Test func `long keys that differ in their last byte are told apart`() throws {
        let stem = String(repeating: "k", count: 10_000)
        let members = (0..<200).map { "\"\(stem)\($0)\":0" }
        #expect(try JSONDocument(Array("{\(members.joined(separator: ","))}".utf8)).duplicateKeys.isEmpty)
    }

    @Test func `a number of a million digits is kept compared and converted`() throws {
        let digits = String(repeating: "7", count: 1_000_000)
        let number = try read(digits).number()
        #expect(number.text == digits)
        #expect(number.double == nil)
        #expect(number.integer == nil)
        #expect(JSONNumber(digits + "0").map { number < $0 } == true)
    }

    @Test func `a limit that the tape cannot hold is our own mistake`() async {
        await #expect(processExitsWith: .failure) { _ = JSONLimits(bytes: JSONLimits.bytesMax + 1) }
        await #expect(processExitsWith: .failure) { _ = JSONLimits(depth: -1) }
    }

    private func nested(_ depth: Int) -> String {
        depth == 0 ? "0" : String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
    }
}
