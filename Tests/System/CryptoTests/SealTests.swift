import Testing

@testable import Crypto

struct SealTests {
    private let key = SymmetricKey([UInt8](repeating: 7, count: 32))

    /// The GCM specification's test cases 13, 14 and 16: key, nonce, message, context, ciphertext and tag.
    static let known: [[String]] = [
        [
            String(repeating: "00", count: 32), String(repeating: "00", count: 12), "", "",
            "530f8afbc74536b9a963b4f1c4cb738b",
        ],
        [
            String(repeating: "00", count: 32), String(repeating: "00", count: 12), String(repeating: "00", count: 16),
            "",
            "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919",
        ],
        [
            "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308", "cafebabefacedbaddecaf888",
            "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
                + "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
            "feedfacedeadbeeffeedfacedeadbeefabaddad2",
            "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
                + "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662"
                + "76fc6ece0f4e1768cddf8853bb2d551b",
        ],
    ]

    @Test(arguments: known)
    func `AES-256-GCM gives the known answers`(_ fields: [String]) throws {
        let parts = try fields.map { try #require(bytes(hexadecimal: $0)) }
        let key = try #require(SymmetricKey(parts[0]))
        let sealed = try AESGCM.seal(parts[2], key: key, context: parts[3], nonce: parts[1])
        #expect(hexadecimal(sealed) == hexadecimal(parts[1] + parts[4]))
        #expect(AESGCM.open(sealed, key: key, context: parts[3]) == parts[2])
    }

    @Test(arguments: [0, 1, 15, 16, 17, 5000])
    func `what was sealed opens again, and is sealed differently each time`(_ size: Int) throws {
        let key = try #require(key)
        let message = try randomBytes(size)
        let sealed = try AESGCM.seal(message, key: key)
        #expect(sealed.count == size + AESGCM.overhead)
        #expect(AESGCM.open(sealed, key: key) == message)
        #expect(try AESGCM.seal(message, key: key) != sealed)
    }

    @Test func `one altered bit anywhere, or a missing end, does not open`() throws {
        let key = try #require(key)
        let sealed = try AESGCM.seal(Array("a client's token".utf8), key: key)
        for index in sealed.indices {
            var altered = sealed
            altered[index] ^= 1
            #expect(AESGCM.open(altered, key: key) == nil)
            #expect(AESGCM.open(Array(sealed.prefix(index)), key: key) == nil)
        }
    }

    @Test func `another key or another context does not open`() throws {
        let key = try #require(key)
        let sealed = try AESGCM.seal([1, 2, 3], key: key, context: Array("row 1".utf8))
        #expect(AESGCM.open(sealed, key: try .random(), context: Array("row 1".utf8)) == nil)
        #expect(AESGCM.open(sealed, key: key, context: Array("row 2".utf8)) == nil)
        #expect(AESGCM.open(sealed, key: key) == nil)
        #expect(AESGCM.open(sealed, key: key, context: Array("row 1".utf8)) == [1, 2, 3])
    }

    @Test func `a message above the limit is refused`() throws {
        let key = try #require(key)
        let error = #expect(throws: CryptoError.self) {
            try AESGCM.seal([UInt8](repeating: 0, count: AESGCM.messageSizeMax + 1), key: key)
        }
        #expect(error?.code == .tooLarge)
    }

    @Test func `a key has 32 bytes, gives them back and never prints them`() throws {
        #expect(SymmetricKey([UInt8](repeating: 1, count: 31)) == nil)
        #expect(SymmetricKey([UInt8](repeating: 1, count: 33)) == nil)
        let key = try #require(key)
        #expect(key.withBytes { $0 } == [UInt8](repeating: 7, count: 32))
        #expect("\(key)" == "SymmetricKey")
        var dumped = ""
        dump(key, to: &dumped)
        #expect(!dumped.contains("7"))
    }
}
