private import CLinux
import Glibc

/// What the kernel has said of the network, to tell a change from a lease that was renewed.
///
/// It begins with nothing: the first renewal of each address counts as news, and a link that was there before and goes down
/// does not, unless it takes a route with it.
struct KnownNetwork {
    /// Far more than a machine has ways out. Past it all of them are news again.
    private static let waysMax = 1_024

    /// Addresses and routes, as their messages have them, but for their lifetimes.
    private var ways: Set<[UInt8]> = []
    /// By index, whether it carries.
    private var links: [Int32: Bool] = [:]

    /// Whether something changed, by one datagram of rtnetlink(7).
    mutating func take(_ datagram: [UInt8]) -> Bool {
        var hasChanged = false
        for message in Message.all(in: datagram[...]) where take(message) { hasChanged = true }
        return hasChanged
    }

    private mutating func take(_ message: Message) -> Bool {
        switch Int(message.type) {
        case RTM_NEWADDR: appears(message.way(address: true))
        case RTM_DELADDR: disappears(message.way(address: true))
        case RTM_NEWROUTE: appears(message.way(address: false))
        case RTM_DELROUTE: disappears(message.way(address: false))
        case RTM_NEWLINK: take(message.link, isGone: false)
        case RTM_DELLINK: take(message.link, isGone: true)
        default: false
        }
    }

    private mutating func appears(_ way: [UInt8]?) -> Bool {
        guard let way, !ways.contains(way) else { return false }
        if ways.count >= Self.waysMax { ways = [] }
        ways.insert(way)
        return true
    }

    /// What goes may be described by other words than when it came, and takes others with it without a word.
    private mutating func disappears(_ way: [UInt8]?) -> Bool {
        guard way != nil else { return false }
        ways = []
        return true
    }

    private mutating func take(_ link: Message.Link?, isGone: Bool) -> Bool {
        guard let link else { return false }
        let carries = link.carries && !isGone
        // One that was never spoken of carries nothing, as far as anybody knows: most of them are new.
        guard links[link.index, default: false] != carries else { return false }
        links[link.index] = isGone ? nil : carries
        ways = []
        return true
    }
}

/// One message of a datagram: a header of the kernel's, a body of its type, attributes.
private struct Message {
    struct Link {
        let index: Int32
        let carries: Bool
    }

    let type: UInt16
    let body: ArraySlice<UInt8>

    static func all(in datagram: ArraySlice<UInt8>) -> [Message] {
        var rest = datagram
        var messages: [Message] = []
        while let header = rest.read(nlmsghdr.self),
            let body = rest.part(of: Int(header.nlmsg_len), MemoryLayout<nlmsghdr>.size)
        {
            messages.append(Message(type: header.nlmsg_type, body: body))
            rest = rest.dropFirst(aligned(Int(header.nlmsg_len)))
        }
        return messages
    }

    /// The address or the route, without its lifetime; nil when it leads nowhere: an address of one link, or a route that
    /// an address brings with it and takes away.
    func way(address: Bool) -> [UInt8]? {
        let size = address ? MemoryLayout<ifaddrmsg>.size : MemoryLayout<rtmsg>.size
        let attributes = attributes(behind: size)
        if address {
            guard let head = body.read(ifaddrmsg.self), head.ifa_scope == RT_SCOPE_UNIVERSE.rawValue else { return nil }
        } else {
            guard let head = body.read(rtmsg.self), Int(head.rtm_type) == RTN_UNICAST else { return nil }
            let hasGateway = attributes.contains {
                $0.type == RTA_GATEWAY.rawValue || $0.type == RTA_MULTIPATH.rawValue
            }
            guard head.rtm_dst_len == 0 || hasGateway else { return nil }
        }
        let lifetime = UInt32(address ? IFA_CACHEINFO : Int(RTA_CACHEINFO.rawValue))
        let lasting = attributes.filter { $0.type != lifetime }
        return [UInt8(address ? 1 : 0)] + body.prefix(size) + lasting.flatMap(\.bytes)
    }

    /// Nil for one that hangs on another, as containers' do on their bridge: that other is a way out, it is not.
    var link: Link? {
        guard let head = body.read(ifinfomsg.self),
            !attributes(behind: MemoryLayout<ifinfomsg>.size).contains(where: { Int($0.type) == IFLA_MASTER })
        else { return nil }
        let both = UInt32(IFF_UP | IFF_RUNNING)
        return Link(index: head.ifi_index, carries: head.ifi_flags & both == both)
    }

    private func attributes(behind size: Int) -> [(type: UInt32, bytes: ArraySlice<UInt8>)] {
        var rest = body.dropFirst(aligned(size))
        var attributes: [(UInt32, ArraySlice<UInt8>)] = []
        while let header = rest.read(rtattr.self), let bytes = rest.part(of: Int(header.rta_len), 0),
            header.rta_len >= 4
        {
            attributes.append((UInt32(header.rta_type), bytes))
            rest = rest.dropFirst(aligned(Int(header.rta_len)))
        }
        return attributes
    }
}

/// netlink(7): everything begins at a multiple of four.
private func aligned(_ size: Int) -> Int { (size + 3) & ~3 }

extension ArraySlice<UInt8> {
    fileprivate func read<Head: BitwiseCopyable>(_: Head.Type) -> Head? {
        guard count >= MemoryLayout<Head>.size else { return nil }
        return unsafe withUnsafeBytes { unsafe $0.loadUnaligned(as: Head.self) }
    }

    /// The first `length` bytes without the first `skipped`, where there are as many.
    fileprivate func part(of length: Int, _ skipped: Int) -> ArraySlice<UInt8>? {
        length >= skipped && length <= count ? prefix(length).dropFirst(skipped) : nil
    }
}
