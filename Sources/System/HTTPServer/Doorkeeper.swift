import CMicroHTTPD
import Glibc
import Platform

/// The listener's own thread: lets connections in and keeps the time. It sleeps when there is nothing to do.
struct Doorkeeper: Sendable {
    let core: ListenerCore
    let daemon: Daemon
    let listening: ListeningSocket

    /// Returns when the listener stops; until then nothing else accepts.
    func run() {
        var nextLook = Int64.max
        var isExhausted = false
        while !core.isStopping {
            wait(until: nextLook, isExhausted: isExhausted)
            isExhausted = !acceptSome()
            nextLook = keepTime()
        }
    }

    private func keepTime() -> Int64 {
        let (expired, late, nextLook) = core.roster.advance(to: core.now())
        core.giveUp(expired)
        for connection in late { connection.cutOff(at: core.now()) }
        return nextLook
    }

    private func wait(until nextLook: Int64, isExhausted: Bool) {
        // Without descriptors the queue stays readable; asking it again at once would be a busy loop.
        let pause: Int64 = 100
        var milliseconds = nextLook == .max ? -1 : max(0, (nextLook - core.now()) / 1_000_000 + 1)
        if isExhausted { milliseconds = milliseconds < 0 ? pause : min(pause, milliseconds) }
        var entries = [
            pollfd(fd: core.bell.descriptor, events: Int16(POLLIN), revents: 0),
            pollfd(fd: isExhausted ? -1 : listening.number, events: Int16(POLLIN), revents: 0),
        ]
        _ = unsafe poll(&entries, nfds_t(entries.count), Int32(clamping: milliseconds))
        if entries[0].revents != 0 { core.bell.silence() }
    }

    /// False: the process is out of descriptors or memory.
    private func acceptSome() -> Bool {
        // Time is kept in between: a flood of connections must not delay the expiries.
        for _ in 0..<64 {
            var address = sockaddr_storage()
            var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
            let flags = Int32(SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
            let accepted = unsafe withUnsafeMutablePointer(to: &address) { pointer in
                let pointer = unsafe UnsafeMutableRawPointer(pointer).assumingMemoryBound(to: sockaddr.self)
                let accepted = retryingInterrupts { unsafe accept4(listening.number, pointer, &length, flags) }
                if accepted.result >= 0 { unsafe admit(accepted.result, pointer, length) }
                return accepted
            }
            guard accepted.result < 0 else { continue }
            switch accepted.errno {
            case EAGAIN: return true
            case EMFILE, ENFILE, ENOBUFS, ENOMEM: return false
            // Anything else is the trouble of that one connection (accept(2)).
            default: continue
            }
        }
        return true
    }

    private func admit(_ socket: Int32, _ address: UnsafePointer<sockaddr>, _ length: socklen_t) {
        guard core.counters.open.increment(upTo: core.connectionLimit) else {
            core.counters.refused.increment()
            return turnAway(socket)
        }
        guard unsafe daemon.add(socket, address, length) else {
            core.counters.open.decrement()
            return core.counters.refused.increment()
        }
    }

    private func turnAway(_ socket: Int32) {
        defer { close(socket) }
        // In TLS nothing can be said before a handshake, which costs more than a connection.
        guard core.options.tls == nil else { return }
        let reason = "all \(core.connectionLimit) connections are taken"
        guard say(core.options.refusal(Refusal(status: 503, reason: reason, request: nil)), on: socket) else { return }
        // A socket closed with something unread is reset, and a reset can overtake the answer.
        unsafe withUnsafeTemporaryAllocation(byteCount: core.options.limits.headerBytes, alignment: 1) { request in
            _ = unsafe recv(socket, request.baseAddress, request.count, Int32(MSG_DONTWAIT))
        }
    }
}
