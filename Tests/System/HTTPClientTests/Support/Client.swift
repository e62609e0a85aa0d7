import HTTPClient
import Platform
import TestSupport
import Testing

typealias Outcome = Result<IncomingResponse, TransportError>

/// A transport on a loop of its own, and the time to run it.
struct Client {
    let loop = PollLoop()
    let transport: Transport

    init(_ change: (inout TransportOptions) -> Void = { _ in }) throws {
        var options = TransportOptions(userAgent: "test/1")
        change(&options)
        transport = try Transport(loop: loop, options: options)
    }

    /// Runs the loop until `request` is answered.
    func outcome(of request: OutgoingRequest) throws -> Outcome {
        var outcome: Outcome?
        transport.send(request) { outcome = $0 }
        _ = loop.run(within: .seconds(20)) { outcome != nil }
        return try #require(outcome, "no completion came")
    }

    func answer(to request: OutgoingRequest) throws -> IncomingResponse { try outcome(of: request).get() }

    func failure(of request: OutgoingRequest) throws -> TransportError {
        switch try outcome(of: request) {
        case .success(let answer): throw TestSupportError("answered \(answer.status) instead of failing")
        case .failure(let error): return error
        }
    }
}

extension Client {
    /// Serves the client until it has connected to a listener that nobody else serves.
    func accept(on listener: borrowing LoopbackListener) throws -> FileDescriptor {
        var connected = false
        let watch = try loop.watch(descriptor: listener.descriptor.number, for: .readable) { _ in connected = true }
        defer { watch.cancel() }
        guard loop.run(until: { connected }) else { throw TestSupportError("the client did not connect") }
        return try listener.accept()
    }

    /// Turns the loop that often. What is ready on a descriptor is served in the next turn.
    func turn(times: Int) {
        for _ in 0..<times {
            var turned = false
            let timer = try? loop.makeTimer { turned = true }
            timer?.arm(at: .zero)
            _ = loop.run { turned }
        }
    }
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
