import Crypto
import Testing

struct EncodingTests {
    @Test func `hexadecimal goes there and back, in either case`() {
        let all = [UInt8](0...255)
        #expect(hexadecimal([0, 0x0F, 0xA5, 0xFF]) == "000fa5ff")
        #expect(bytes(hexadecimal: hexadecimal(all)) == all)
        #expect(bytes(hexadecimal: hexadecimal(all).uppercased()) == all)
    }

    @Test(arguments: ["0", "0g", " 00", "0x00", "é"])
    func `what is not hexadecimal is refused`(_ text: String) {
        #expect(bytes(hexadecimal: text) == nil)
    }

    /// RFC 4648 §10 without its padding, and the two letters that differ from plain base64.
    @Test(arguments: [
        ("", ""), ("f", "Zg"), ("fo", "Zm8"), ("foo", "Zm9v"), ("foob", "Zm9vYg"), ("fooba", "Zm9vYmE"),
        ("foobar", "Zm9vYmFy"), ("~~~???", "fn5-Pz8_"),
    ])
    func `base64url gives the known answers and comes back`(_ plain: String, _ text: String) {
        #expect(base64URL(Array(plain.utf8)) == text)
        #expect(bytes(base64URL: text) == Array(plain.utf8))
    }

    @Test func `base64url of every length comes back`() throws {
        for size in 0...64 {
            let random = try randomBytes(size)
            #expect(bytes(base64URL: base64URL(random)) == random)
        }
    }

    @Test(arguments: ["Z", "Zg==", "Zm9v\n", "Zm+v", "Zm/v", "Zh", "Zm9vYmH"])
    func `what is not base64url, or not the one text of its bytes, is refused`(_ text: String) {
        #expect(bytes(base64URL: text) == nil)
    }
}
