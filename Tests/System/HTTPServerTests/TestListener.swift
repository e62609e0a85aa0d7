import Glibc
import Platform
import Synchronization
import TestSupport
import Testing

@testable import HTTPServer

/// One test after the other: several count the descriptors of this process or fill its memory.
@Suite(.serialized) enum Everything {}

/// Serves on a port of 127.0.0.1 while `body` runs, and stops.
func withListener<Value>(
    _ adjust: (inout ListenerOptions) -> Void = { _ in },
    handler: @escaping @Sendable (Request, Exchange) -> Void,
    _ body: (Listener) throws -> Value
) throws -> Value {
    let listener = try makeListener(adjust, handler: handler)
    defer { listener.stop(within: .seconds(5)) }
    return try body(listener)
}

func makeListener(
    _ adjust: (inout ListenerOptions) -> Void = { _ in },
    handler: @escaping @Sendable (Request, Exchange) -> Void
) throws -> Listener {
    var options = ListenerOptions(address: .address("127.0.0.1", port: 0), surroundings: SystemSurroundings())
    options.workers = 2
    adjust(&options)
    return try Listener(options, handler: handler)
}

/// Answers with what it was asked.
@Sendable func echo(_ request: Request, _ exchange: Exchange) {
    exchange.answer(Response(status: 200, headers: [.plainText], body: request.body))
}

let fallback = Response(status: 200, text: "nothing new")

/// Exchanges that a handler has parked, for the test to answer.
final class Parking: Sendable {
    private let exchanges = Monitor<[Exchange]>([])

    @Sendable func park(_ request: Request, _ exchange: Exchange) {
        exchange.park(for: .seconds(60)) { fallback }
        exchanges.change { $0.append(exchange) }
    }

    /// Throws when they do not come in time.
    func wait(for count: Int, within limit: Duration = .seconds(20)) throws -> [Exchange] {
        let deadline = SystemSurroundings().monotonic() + limit
        let all = exchanges.wait(until: deadline) { $0.count >= count ? $0 : nil }
        guard let all else { throw TestSupportError("\(count) requests were not parked within \(limit)") }
        return all
    }
}

/// The thread sanitizer keeps several bytes of its own for each byte of ours.
let isSanitized = unsafe dlsym(nil, "__tsan_init") != nil

/// Both ends of many connections live in this process.
func allowDescriptors(_ count: UInt) throws {
    var limit = rlimit()
    let kind = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
    guard unsafe getrlimit(kind, &limit) == 0 else { throw TestSupportError("ask for the descriptor limit") }
    limit.rlim_cur = max(limit.rlim_cur, min(count, limit.rlim_max))
    guard unsafe setrlimit(kind, &limit) == 0 else { throw TestSupportError("raise the descriptor limit") }
}
