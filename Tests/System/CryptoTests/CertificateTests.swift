import Crypto
import Platform
import TestSupport
import Testing

struct CertificateTests {
    /// What openssl's command makes of these words, in a folder where it has made two certificates with their keys.
    private func withIdentities(
        _ body: (_ openssl: ([String]) throws -> Void, _ read: (String) throws -> [UInt8]) throws -> Void
    )
        throws
    {
        try withTemporaryFolder { folder in
            func openssl(_ words: [String]) throws {
                let words = words.map { $0.hasPrefix("@") ? "\(folder)/\($0.dropFirst())" : $0 }
                let outcome = try ChildProcess("/usr/bin/openssl", words).waitForEnd()
                guard outcome.end == .exited(0) else { throw TestSupportError("openssl \(words): \(outcome.errors)") }
            }
            for name in ["one", "two"] {
                try openssl([
                    "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1",
                    "-subj", "/CN=\(name)", "-keyout", "@\(name).key", "-out", "@\(name).crt",
                ])
            }
            try body(openssl) { try readSmallFile("\(folder)/\($0)", limit: 65_536) }
        }
    }

    @Test func `a certificate and its key have no fault, with its chain and in each form of a key`() throws {
        try withIdentities { openssl, read in
            #expect(faults(certificate: try read("one.crt"), key: try read("one.key")) == [])
            #expect(faults(certificate: try read("one.crt") + read("two.crt"), key: try read("one.key")) == [])
            try openssl(["ec", "-in", "@one.key", "-out", "@one.old"])
            #expect(faults(certificate: try read("one.crt"), key: try read("one.old")) == [])
        }
    }

    @Test func `what is no certificate, no key, or those of two is told apart`() throws {
        try withIdentities { openssl, read in
            let (certificate, key) = (try read("one.crt"), try read("one.key"))
            let letter = Array("-----BEGIN CERTIFICATE-----\nDear all\n-----END CERTIFICATE-----\n".utf8)
            #expect(faults(certificate: letter, key: key) == [.noCertificate])
            #expect(faults(certificate: key, key: certificate) == [.noCertificate, .noKey])
            #expect(faults(certificate: certificate, key: []) == [.noKey])
            #expect(faults(certificate: certificate, key: try read("two.key")) == [.noMatch])
            try openssl(["ec", "-in", "@one.key", "-aes128", "-passout", "pass:secret", "-out", "@one.sealed"])
            #expect(faults(certificate: certificate, key: try read("one.sealed")) == [.noKey])
        }
    }
}
