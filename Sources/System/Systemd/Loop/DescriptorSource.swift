import CSystemd
import Platform

final class DescriptorSource: Source<(Readiness) -> Void>, DescriptorWatch {
    private let descriptor: Int32

    init(
        loop: Loop, descriptor: Int32, interest: Readiness, _ handler: @escaping (Readiness) -> Void
    ) throws(EventLoopError) {
        self.descriptor = descriptor
        super.init(handler)
        let result = unsafe add { unsafe sd_event_add_io(loop.handle, $0, descriptor, interest.events, ready, $1) }
        guard result >= 0 else { throw EventLoopError("watch descriptor \(descriptor): \(reason(result))") }
    }

    func change(to interest: Readiness) throws(EventLoopError) {
        let result = unsafe ifLive { unsafe sd_event_source_set_io_events($0, interest.events) }
        guard result >= 0 else {
            throw EventLoopError("change the watch on descriptor \(descriptor): \(reason(result))")
        }
    }
}

private func ready(
    _: OpaquePointer?, descriptor _: Int32, events: UInt32, context: UnsafeMutableRawPointer?
) -> Int32 {
    guard let source = unsafe DescriptorSource.from(context) else { return 0 }
    withExtendedLifetime(source) { source.handler?(Readiness(events: events)) }
    return 0
}

extension Readiness {
    fileprivate init(events: UInt32) {
        self = []
        if events & EPOLLIN.rawValue != 0 { insert(.readable) }
        if events & EPOLLOUT.rawValue != 0 { insert(.writable) }
        if events & (EPOLLERR.rawValue | EPOLLHUP.rawValue) != 0 { insert(.failed) }
    }

    fileprivate var events: UInt32 {
        (contains(.readable) ? EPOLLIN.rawValue : 0) | (contains(.writable) ? EPOLLOUT.rawValue : 0)
    }
}
