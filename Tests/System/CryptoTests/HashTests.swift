import Crypto
import Testing

struct HashTests {
    /// FIPS 180-4 examples, and the empty message.
    @Test(arguments: [
        ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        (
            "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
        ),
    ])
    func `SHA-256 gives the known answers`(_ message: String, _ digest: String) {
        #expect(SHA256.hash(Array(message.utf8)).description == digest)
        #expect(
            SHA256.hash(Array("<\(message)>".utf8).span.extracting(1..<message.utf8.count + 1)).description == digest)
    }

    @Test func `a digest is its 32 bytes`() throws {
        let digest = SHA256.hash(Array("abc".utf8))
        #expect(Digest(digest.bytes) == digest)
        #expect(Digest(digest.bytes)?.hashValue == digest.hashValue)
        #expect(Digest(Array(digest.bytes.dropLast())) == nil)
        #expect(Digest(digest.bytes + [0]) == nil)
        for index in 0..<Digest.size {
            var other = digest.bytes
            other[index] ^= 0x80
            #expect(Digest(other) != digest)
        }
    }

    @Test func `SHA-256 of a million letters, in pieces, gives the known answer`() {
        var hash = SHA256()
        for _ in 0..<1000 { hash.update([UInt8](repeating: UInt8(ascii: "a"), count: 1000)) }
        let digest = hash.finish()
        #expect(digest.description == "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0")
    }

    /// RFC 4231, cases 1, 2, 3 and 6.
    @Test(arguments: [
        (
            [UInt8](repeating: 0x0b, count: 20), Array("Hi There".utf8),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"
        ),
        (
            Array("Jefe".utf8), Array("what do ya want for nothing?".utf8),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        ),
        (
            [UInt8](repeating: 0xaa, count: 20), [UInt8](repeating: 0xdd, count: 50),
            "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"
        ),
        (
            [UInt8](repeating: 0xaa, count: 131),
            Array("Test Using Larger Than Block-Size Key - Hash Key First".utf8),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"
        ),
    ])
    func `HMAC-SHA-256 gives the known answers`(_ key: [UInt8], _ message: [UInt8], _ digest: String) {
        #expect(HMACSHA256.authenticate(message, key: key).description == digest)
    }

    @Test func `an HMAC of nothing with no key gives the known answer`() {
        #expect(
            HMACSHA256.authenticate([], key: []).description
                == "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad")
    }

    @Test func `secrets are equal only when every byte is`() {
        #expect(constantTimeEquals([], []))
        #expect(constantTimeEquals([1, 2, 3], [1, 2, 3]))
        for index in 0..<3 {
            var other: [UInt8] = [1, 2, 3]
            other[index] ^= 0x80
            #expect(!constantTimeEquals([1, 2, 3], other))
        }
        #expect(!constantTimeEquals([1, 2, 3], [1, 2]))
    }

    @Test func `random bytes are as many as wanted and never the same`() throws {
        #expect(try randomBytes(0).isEmpty)
        let drawn = try (0..<100).map { _ in try randomBytes(32) }
        #expect(drawn.allSatisfy { $0.count == 32 })
        #expect(Set(drawn).count == 100)
    }
}
