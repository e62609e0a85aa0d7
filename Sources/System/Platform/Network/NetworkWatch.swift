private import CLinux
import Glibc

/// Tells that this machine's network may lead elsewhere than before: an address, a way out or a link came or went
/// (rtnetlink(7)). Belongs to the loop's thread.
///
/// Changes come in swarms, so it tells a moment after the first. In a network that does not come to rest, each moment is twice
/// the one before, up to the longest: what is done about a change must not become the load.
package final class NetworkWatch {
    /// The shortest is enough for an address and the routes that come with it.
    package static let usualPauses = Duration.milliseconds(250)...Duration.seconds(5)
    /// In one turn of the loop; what is left comes in the next.
    private static let readsMax = 16
    /// A message about a link, the longest kind, has one or two kilobytes.
    private static let messageBytesMax = 16 << 10

    private let socket: FileDescriptor
    private let loop: any EventLoop
    private let pauses: ClosedRange<Duration>
    private let changed: () -> Void
    private let lost: (PlatformError) -> Void
    private var watch: (any DescriptorWatch)?
    private var timer: (any LoopTimer)?
    private var known = KnownNetwork()
    private var isSettling = false
    private var pause: Duration
    private var changedAt: Duration?

    /// Throws where the kernel, or whoever confines us, gives no such socket. `lost` is called once, when it fails later;
    /// `changed` is not called any more then.
    package init(
        on loop: any EventLoop, pauses: ClosedRange<Duration> = usualPauses, changed: @escaping () -> Void,
        lost: @escaping (PlatformError) -> Void
    ) throws {
        self.loop = loop
        self.pauses = pauses
        pause = pauses.lowerBound
        self.changed = changed
        self.lost = lost
        socket = try Self.open()
        timer = try loop.makeTimer { [unowned self] in
            isSettling = false
            self.changed()
        }
        watch = try loop.watch(descriptor: socket.number, for: .readable) { [unowned self] _ in readSome() }
    }

    deinit { watch?.cancel() }

    private static func open() throws(PlatformError) -> FileDescriptor {
        let kind = Int32(SOCK_RAW.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
        let number = Glibc.socket(AF_NETLINK, kind, NETLINK_ROUTE)
        guard number >= 0 else { throw PlatformError("watch the network: make a netlink socket", errno: lastErrno) }
        let socket = FileDescriptor(owning: number)
        var address = sockaddr_nl()
        address.nl_family = sa_family_t(AF_NETLINK)
        address.nl_groups = UInt32(
            RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR | RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_ROUTE)
        let bound = unsafe withUnsafePointer(to: address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe bind(number, $0, socklen_t(MemoryLayout<sockaddr_nl>.size))
            }
        }
        guard bound == 0 else { throw PlatformError("watch the network: bind a netlink socket", errno: lastErrno) }
        return socket
    }

    private func readSome() {
        for _ in 0..<Self.readsMax {
            let number = socket.number
            var errno = Int32(0)
            // Only the kernel and those who may configure the network can send to it.
            let message = unsafe [UInt8](unsafeUninitializedCapacity: Self.messageBytesMax) { buffer, count in
                let read = retryingInterrupts { unsafe recv(number, buffer.baseAddress, buffer.count, 0) }
                (count, errno) = (max(0, read.result), read.errno)
            }
            switch errno {
            case 0: if known.take(message) { noteChange() }
            case EAGAIN: return
            case ENOBUFS:
                // There were more than the socket holds: what they said is lost, but not that there was something.
                known = KnownNetwork()
                noteChange()
            default: return giveUp(errno)
            }
        }
    }

    private func noteChange() {
        let now = loop.now
        defer { changedAt = now }
        guard !isSettling else { return }
        isSettling = true
        let isCalm = changedAt.map { now - $0 >= pauses.upperBound * 2 } ?? true
        pause = isCalm ? pauses.lowerBound : min(pause * 2, pauses.upperBound)
        timer?.arm(at: now + pause)
    }

    private func giveUp(_ errno: Int32) {
        watch?.cancel()
        watch = nil
        lost(PlatformError("watch the network: read from its netlink socket", errno: errno))
    }
}
