import JSON
import Testing

@Suite struct StringTests {
    @Test(arguments: [
        (#""""#, ""), (#""a\"\\\/\b\f\n\r\tz""#, "a\"\\/\u{8}\u{c}\n\r\tz"), (#""\u0041\u00e9\u20AC""#, "Aé€"),
        (#""\ud83d\uDE00""#, "😀"), (#""\ud800\udc00\udbff\udfff""#, "\u{10000}\u{10FFFF}"), (#""\u0000""#, "\0"),
        (#""é€😀""#, "é€😀"), (#""\\u0041""#, #"\u0041"#), (#""\uFEFF\uffff""#, "\u{FEFF}\u{FFFF}"),
        (#""x\u0022y\u005Cz""#, #"x"y\z"#),
    ])
    func `an escape stands for its character`(text: String, value: String) throws {
        #expect(try read(text).string().unicodeScalars.elementsEqual(value.unicodeScalars))
    }

    @Test func `every unit but a surrogate can be escaped`() throws {
        for unit in UInt16.min...UInt16.max {
            let digits = String(unit, radix: 16)
            let text = "\"\\u" + String(repeating: "0", count: 4 - digits.count) + digits + "\""
            if let scalar = Unicode.Scalar(unit) {
                #expect(try read(text).string().unicodeScalars.elementsEqual([scalar]))
            } else {
                #expect(failure(reading: text)?.code == .syntax)
            }
        }
    }

    /// Unicode's own decoder is the judge.
    @Test func `two bytes are read when they are UTF-8 and only then`() {
        for first in UInt8(0x80)...0xFF {
            for second in UInt8(0x80)...0xFF {
                expectAgreement([first, second])
            }
        }
    }

    @Test func `three and four bytes are read when they are UTF-8 and only then`() {
        let edges: [UInt8] = [0x00, 0x20, 0x7F, 0x80, 0x81, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xE0, 0xFF]
        for first in UInt8(0xDF)...0xFF {
            for second in edges {
                for third in edges.dropFirst(2) {
                    expectAgreement([first, second, third])
                    for fourth in edges.dropFirst(2) { expectAgreement([first, second, third, fourth]) }
                }
            }
        }
    }

    private func expectAgreement(_ bytes: [UInt8]) {
        let holdsControl = bytes.contains { $0 < 0x20 }
        let isValid = String(validating: bytes, as: UTF8.self) != nil && !holdsControl
        #expect((failure(reading: [0x22] + bytes + [0x22]) == nil) == isValid, "\(bytes)")
    }

    @Test func `only quotes backslashes and control characters are written as escapes`() {
        let text = written { $0.value("a\"\\/\u{8}\u{c}\n\r\t\0\u{1f}\u{7f}é\u{2028}😀") }
        #expect(text == #""a\"\\/\b\f\n\r\t\u0000\u001f"# + "\u{7f}é\u{2028}😀\"")
    }

    @Test func `every control character is written so that it is read back`() throws {
        for value in UInt8.min..<0x20 {
            let string = String(Unicode.Scalar(value))
            let text = encodeJSON(string)
            #expect(!text.contains(value))
            #expect(try decodeJSON(String.self, from: text) == string)
        }
    }
}
