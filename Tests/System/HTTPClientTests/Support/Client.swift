import Glibc
import HTTPClient
import Platform
import Systemd
import TestSupport
import Testing

typealias Outcome = Result<IncomingResponse, TransportError>

/// The loops a transport is tested on: the simplest, and the one it will live on.
enum LoopKind: CaseIterable, Sendable { case poll, systemd }

/// A transport on a loop of its own, and the means to run it.
struct Client {
    let loop: any EventLoop
    let transport: Transport
    private let turn: (_ timeout: Duration, _ isDone: () -> Bool) -> Void

    init(on kind: LoopKind = .poll, _ change: (inout TransportOptions) -> Void = { _ in }) throws {
        var options = TransportOptions(userAgent: "test/1")
        change(&options)
        switch kind {
        case .poll:
            let loop = PollLoop()
            turn = { timeout, isDone in _ = loop.run(within: timeout, until: isDone) }
            self.loop = loop
        case .systemd:
            let loop = try Loop()
            turn = { timeout, _ in _ = try? loop.turn(timeout: timeout) }
            self.loop = loop
        }
        transport = try Transport(loop: loop, options: options)
    }

    /// Runs the loop until `isDone`; false when it is not within `limit`.
    func run(within limit: Duration = .seconds(20), until isDone: () -> Bool) -> Bool {
        let clock = SystemSurroundings()
        let end = clock.monotonic() + limit
        while !isDone() {
            let left = end - clock.monotonic()
            if left <= .zero { return false }
            turn(left, isDone)
        }
        return true
    }

    /// Runs the loop until `request` is answered.
    func outcome(of request: OutgoingRequest) throws -> Outcome {
        var outcome: Outcome?
        transport.send(request) { outcome = $0 }
        _ = run { outcome != nil }
        return try #require(outcome, "no completion came")
    }

    func answer(to request: OutgoingRequest) throws -> IncomingResponse { try outcome(of: request).get() }

    func failure(of request: OutgoingRequest) throws -> TransportError {
        switch try outcome(of: request) {
        case .success(let answer): throw TestSupportError("answered \(answer.status) instead of failing")
        case .failure(let error): return error
        }
    }

    /// Serves the client until it has connected to a listener that nobody else serves.
    func accept(on listener: borrowing LoopbackListener) throws -> FileDescriptor {
        var connected = false
        let watch = try loop.watch(descriptor: listener.descriptor.number, for: .readable) { _ in connected = true }
        defer { watch.cancel() }
        guard run(until: { connected }) else { throw TestSupportError("the client did not connect") }
        return try listener.accept()
    }

    /// Turns the loop that often; what is ready on a descriptor is served in the next turn at the latest.
    func settle(turns: Int = 3) throws {
        for _ in 0..<turns {
            var turned = false
            let timer = try loop.makeTimer { turned = true }
            timer.arm(at: .zero)
            _ = run { turned }
        }
    }

    /// Runs the loop for that long, for what must not happen meanwhile.
    func pass(_ time: Duration) { _ = run(within: time) { false } }
}

func get(_ url: String, deadline: Duration = .seconds(10), responseLimit: Int = 1 << 20) -> OutgoingRequest {
    OutgoingRequest(.get, url, deadline: deadline, responseLimit: responseLimit)
}

/// How long `body` takes.
func elapsed(_ body: () throws -> Void) rethrows -> Duration {
    let clock = SystemSurroundings()
    let start = clock.monotonic()
    try body()
    return clock.monotonic() - start
}
