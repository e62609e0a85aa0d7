import Testing

@testable import HTTPServer

@Suite struct NetworkTests {
    @Test(arguments: [
        ("10.0.0.0/8", "10.0.0.0/8"), ("0.0.0.0/0", "0.0.0.0/0"), ("192.168.1.7/32", "192.168.1.7/32"),
        ("::/0", "::/0"), ("fd00::/8", "fd00::/8"), ("2001:DB8:0::1/128", "2001:db8::1/128"),
        ("::ffff:10.0.0.0/104", "10.0.0.0/8"), ("::ffff:0:0/96", "0.0.0.0/0"), ("::ffff:10.1.2.3/128", "10.1.2.3/32"),
    ])
    func `a network has one text`(text: String, canonical: String) {
        #expect(Network(text)?.description == canonical)
    }

    @Test(arguments: [
        "", "/", "10.0.0.0", "10.0.0.0/", "/8", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/+8", "10.0.0.0/08",
        "10.0.0.0/8/8", "10.0.0.0/8 ", " 10.0.0.0/8", "10.0.0.0/255.0.0.0", "10.0.0/8", "10.0.0.00/8", "0x0a.0.0.0/8",
        "localhost/8", "fd00::/129", "fd00::%eth0/8", "[fd00::]/8", "fd00:::/8", "::ffff:0:0/95", "10.0.0.0/٨",
        "10.0.0.1/8", "10.128.0.0/8", "192.168.1.1/31", "fd00::1/64", "fd80::/8", "::ffff:10.0.0.1/104", "1.0.0.0/0",
    ])
    func `what is no network, or has a bit behind its prefix, is refused`(text: String) {
        #expect(Network(text) == nil)
    }

    @Test(arguments: [
        ("10.0.0.0/8", "10.0.0.0", true), ("10.0.0.0/8", "10.255.255.255", true),
        ("10.0.0.0/8", "9.255.255.255", false),
        ("10.0.0.0/8", "11.0.0.0", false), ("10.0.0.0/8", "::ffff:10.1.1.1", true), ("10.0.0.0/8", "::10.1.1.1", false),
        ("192.168.1.6/31", "192.168.1.7", true), ("192.168.1.6/31", "192.168.1.8", false),
        ("192.168.1.7/32", "192.168.1.7", true), ("192.168.1.7/32", "192.168.1.6", false),
        ("0.0.0.0/0", "255.1.2.3", true), ("0.0.0.0/0", "::1", false), ("0.0.0.0/0", "::", false),
        ("::/0", "2001:db8::1", true), ("::/0", "::ffff:10.1.1.1", false), ("::ffff:0:0/96", "10.1.1.1", true),
        ("2001:db8::/33", "2001:db8:7fff:ffff::1", true), ("2001:db8::/33", "2001:db8:8000::", false),
        ("fe80::/64", "fe80::1:2:3:4", true), ("fe80::/64", "fe80:0:0:1::", false), ("::1/128", "::1", true),
    ])
    func `a network contains the addresses that begin like it`(network: String, address: String, isInside: Bool) throws
    {
        #expect(try #require(Network(network)).contains(#require(PeerAddress(address))) == isInside)
    }

    @Test(arguments: ["0.0.0.0/0", "::/0"])
    func `a Unix socket is in no network`(text: String) throws {
        #expect(try !#require(Network(text)).contains(.local))
    }

    @Test(arguments: [
        ("10.1.2.3", "10.1.2.3"), ("::ffff:10.1.2.3", "10.1.2.3"), ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("2001:db8:1:2::", "2001:db8:1:2::"), ("2001:db8:1:3:3:4:5:6", "2001:db8:1:3::"),
    ])
    func `an IPv6 address answers for its 64 bits, an IPv4 one for itself`(address: String, subscriber: String) throws {
        #expect(try #require(PeerAddress(address)).subscriber.text == subscriber)
    }

    @Test(arguments: [
        ("127.0.0.1", true), ("127.255.0.9", true), ("::1", true), ("::ffff:127.0.0.1", true), ("128.0.0.1", false),
        ("::2", false), ("2001:db8::1", false),
    ])
    func `this machine is known by its addresses`(address: String, isLoopback: Bool) throws {
        #expect(try #require(PeerAddress(address)).isLoopback == isLoopback)
    }
}
