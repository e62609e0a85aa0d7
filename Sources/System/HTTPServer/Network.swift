/// All addresses that begin alike: `10.0.0.0/8`, `fd00::/8`.
package struct Network: Sendable, Hashable, CustomStringConvertible {
    private let first: PeerAddress
    private let length: Int

    /// What `init` takes; completes "expected".
    package static let expectation = "a network such as 10.0.0.0/8 or fd00::/8, with no bit set behind its prefix"

    /// Nil: not an address, a slash and the length of the prefix in bits, or a bit is set behind the prefix. Somebody who
    /// writes 10.1.2.3/8 may mean one machine and would let sixteen million in.
    ///
    /// A network inside ::ffff:0:0/96 is the IPv4 network that it stands for.
    package init?(_ text: String) {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, let first = PeerAddress(String(parts[0])), let written = Int(parts[1]),
            // One way to write each length: no sign, no leading zero.
            String(written) == parts[1]
        else { return nil }
        let isMapped = first.width == 32 && parts[0].contains(":")
        length = isMapped ? written - 96 : written
        self.first = first
        guard (0...first.width).contains(length), first.masked(to: length) == first else { return nil }
    }

    /// A Unix socket is in no network. ::/0 is every IPv6 address, and no IPv4 one.
    package func contains(_ peer: PeerAddress) -> Bool { peer.width == first.width && peer.masked(to: length) == first }

    package var description: String { "\(first.text)/\(length)" }
}
