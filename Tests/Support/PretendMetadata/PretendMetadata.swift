import HTTPServer
import Platform
import TestSupport

/// A metadata service, version 2 only, that says what a test has it say, and fails how it is told to.
package final class PretendMetadata: Sendable {
    package enum Fault: Sendable, Equatable {
        /// Takes the request and never answers: every n-th one, 1 for all.
        case hang(every: Int)
        case status(Int)
        /// Answers 200 with this, whatever was asked.
        case garbage([UInt8])
    }

    /// What was asked of it since it began.
    package struct Counts: Sendable, Equatable {
        package var requests = 0
        package var tokens = 0
        /// By path, those with a good token.
        package var reads: [String: Int] = [:]
    }

    private struct State {
        var values: [String: String]
        var tokens: Set<String> = []
        var fault: Fault?
        var counts = Counts()
    }

    /// A machine in us-east-1b, bought on spot, of which nothing is announced.
    package static let ordinary = [
        "instance-id": "i-0123456789abcdef0", "placement/availability-zone": "us-east-1b",
        "instance-type": "m5.large", "ami-id": "ami-0a1b2c3d4e5f60718", "local-ipv4": "10.0.0.7",
        "instance-life-cycle": "spot", "autoscaling/target-lifecycle-state": "InService",
    ]

    /// A test that hangs is over long before.
    private static let hangTime = Duration.seconds(60)

    package let endpoint: String
    package let port: UInt16
    private let state: Locked<State>
    private let listener: Locked<Listener?> = Locked(nil)

    package init(
        values: [String: String] = PretendMetadata.ordinary, host: String = "127.0.0.1", port: UInt16? = nil
    ) throws {
        self.port = try port ?? unusedLoopbackPort()
        endpoint = "http://\(host.contains(":") ? "[\(host)]" : host):\(self.port)"
        state = Locked(State(values: values))
        var options = ListenerOptions(
            address: .address(host, port: self.port), surroundings: SystemSurroundings())
        options.workers = 1
        let made = try Listener(options) { [weak self] in self?.handle($0, $1) }
        listener.withLock { $0 = made }
    }

    package func stop() {
        let stopped = listener.withLock { $0.take() }
        stopped?.stop(within: .zero)
    }

    // MARK: What it says

    /// Nil: 404.
    package func set(_ path: String, _ value: String?) { state.withLock { $0.values[path] = value } }
    package var values: [String: String] { state.withLock { $0.values } }
    package func fail(_ fault: Fault?) { state.withLock { $0.fault = fault } }
    /// As after a stop and a start of the machine.
    package func forgetTokens() { state.withLock { $0.tokens = [] } }
    package var counts: Counts { state.withLock { $0.counts } }
    /// Connections accepted since the start.
    package var connections: Int { listener.withLock { $0?.counters.accepted ?? 0 } }

    // MARK: How it says it

    private func handle(_ request: Request, _ exchange: Exchange) {
        let (count, fault) = state.withLock { state in
            state.counts.requests += 1
            return (state.counts.requests, state.fault)
        }
        switch fault {
        case .hang(let every) where count.isMultiple(of: every):
            exchange.park(for: Self.hangTime) { Response(status: 503, text: "too late") }
        case .status(let status): exchange.answer(Response(status: status, text: "fault"))
        case .garbage(let bytes): exchange.answer(Response(status: 200, body: bytes))
        case .hang, nil: exchange.answer(answer(request))
        }
    }

    private func answer(_ request: Request) -> Response {
        if request.method == "PUT", request.path == "/latest/api/token" {
            guard request.headers[name: "X-aws-ec2-metadata-token-ttl-seconds"].flatMap(Int.init) != nil else {
                return Response(status: 400, text: "no time to live")
            }
            return state.withLock { state in
                state.counts.tokens += 1
                let token = "token-\(state.counts.tokens)"
                state.tokens.insert(token)
                return Response(status: 200, text: token)
            }
        }
        let prefix = "/latest/meta-data/"
        guard request.method == "GET", request.path.hasPrefix(prefix) else { return Response(status: 404, text: "?") }
        let path = String(request.path.dropFirst(prefix.count))
        let token = request.headers[name: "X-aws-ec2-metadata-token"]
        return state.withLock { state in
            guard let token, state.tokens.contains(token) else { return Response(status: 401, text: "no token") }
            state.counts.reads[path, default: 0] += 1
            guard let value = state.values[path] else { return Response(status: 404, text: "no such thing") }
            return Response(status: 200, text: value)
        }
    }
}
