import JSON
import Testing

/// What holds for every value, on values made up from a seed; a failure names the seed that shows it.
@Suite struct PropertyTests {
    @Test(arguments: 0..<200 as Range<UInt64>)
    func `what is written is read back`(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        let value = AnyValue.random(depth: 5, using: &random)
        let text = encodeJSON(value)
        #expect(try AnyValue(from: JSONDocument(text).root) == value)
    }

    @Test(arguments: 0..<200 as Range<UInt64>)
    func `what was read is written the same`(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        let text = encodeJSON(AnyValue.random(depth: 5, using: &random))
        let root = try JSONDocument(text).root
        #expect(try rewritten(root) == text)
        #expect(root.verbatim == text)
    }

    @Test(arguments: 0..<100 as Range<UInt64>)
    func `white space between tokens changes no value`(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        let value = AnyValue.random(depth: 4, using: &random)
        let spaced = spread(encodeJSON(value), using: &random)
        #expect(try AnyValue(from: JSONDocument(spaced).root) == value)
    }

    @Test(arguments: 0..<100 as Range<UInt64>)
    func `a part read on its own has the value it had inside`(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        let members = AnyValue.object([
            .init(key: "a", value: .random(depth: 3, using: &random)),
            .init(key: "b", value: .random(depth: 3, using: &random)),
        ])
        let object = try JSONDocument(spread(encodeJSON(members), using: &random)).root.object()
        for (_, value) in object {
            #expect(try sameValues(value, JSONDocument(value.verbatim).root))
        }
    }

    @Test(arguments: 0..<50 as Range<UInt64>)
    func `every prefix of an object is refused`(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        let value = AnyValue.object([.init(key: "a", value: .random(depth: 3, using: &random))])
        let text = encodeJSON(value)
        for length in text.indices {
            #expect(failure(reading: Array(text[..<length]))?.code == .syntax, "cut after \(length) bytes")
        }
    }

    @Test(arguments: 0..<20 as Range<UInt64>)
    func `a text with one byte changed is read or refused and never more`(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        let text = encodeJSON(AnyValue.object([.init(key: "k", value: .random(depth: 2, using: &random))]))
        for at in text.indices.prefix(300) {
            var changed = text
            for byte in UInt8.min...UInt8.max {
                changed[at] = byte
                guard let document = try? JSONDocument(changed) else { continue }
                // Touches every accessor; a text that was accepted must also survive being written.
                #expect(try sameValues(document.root, JSONDocument(rewritten(document.root)).root))
            }
        }
    }

    @Test(arguments: 0..<50 as Range<UInt64>)
    func `bytes without sense are refused`(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        for _ in 0..<200 {
            let length = Int.random(in: 2...60, using: &random)
            let bytes = [UInt8(ascii: "[")] + (0..<length).map { _ in UInt8.random(in: 0x80...0xFF, using: &random) }
            #expect(failure(reading: bytes)?.code == .syntax)
        }
    }
}

/// Puts white space wherever JSON allows it.
private func spread(_ text: [UInt8], using random: inout SeededRandom) -> [UInt8] {
    var spaced: [UInt8] = []
    var isInString = false
    var isEscaped = false
    for byte in text {
        let isMark = !isInString && Array("[]{},:".utf8).contains(byte)
        if isMark { spaced += randomSpace(using: &random) }
        spaced.append(byte)
        if isMark { spaced += randomSpace(using: &random) }
        if byte == UInt8(ascii: "\""), !isEscaped { isInString.toggle() }
        isEscaped = isInString && byte == UInt8(ascii: "\\") && !isEscaped
    }
    return spaced
}

private func randomSpace(using random: inout SeededRandom) -> [UInt8] {
    (0..<Int.random(in: 0...3, using: &random)).map { _ in
        [0x20, 0x09, 0x0A, 0x0D].randomElement(using: &random) ?? 0x20
    }
}
