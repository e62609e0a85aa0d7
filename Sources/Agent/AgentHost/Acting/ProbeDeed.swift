import AgentCore
import HTTPClient
import Platform
import Systemd
import Wire

/// Asks the workload once for a page.
final class PageProbe: Deed {
    /// What is asked for should be small; a page that is not is no reason to say that nobody serves.
    private static let pageBytes = 1 << 20

    private let url: String
    private var transport: Transport?

    init(
        _ url: String, loop: Loop, deadline: Duration, _ completion: @escaping (Outcome) -> Void
    ) throws(EventLoopError) {
        self.url = url
        try super.init(loop: loop, line: nil, deadline: deadline, completion)
    }

    override var late: Outcome { .success(.servesNot("ask for \(url): no answer in time")) }
    override func letGo() { transport = nil }

    override func begin() {
        doing = "ask for \(url)"
        do throws(TransportError) {
            // Each over a connection of its own: an open one would prove less.
            let options = TransportOptions(userAgent: "spot-agent/\(productVersion)")
            let transport = try Transport(loop: loop, options: options)
            self.transport = transport
            let request = OutgoingRequest(.get, url, deadline: left, responseLimit: Self.pageBytes)
            transport.send(request) { [weak self] result in self?.note(result) }
        } catch { fail(.failed, error.description) }
    }

    private func note(_ result: Result<IncomingResponse, TransportError>) {
        switch result {
        case .success(let page) where (200...299).contains(page.status): end(.success(.serves))
        case .success(let page): end(.success(.servesNot("\(url) answered with \(page.status)")))
        case .failure(let error): end(.success(.servesNot(error.description)))
        }
    }
}

/// Connects once to the workload.
final class PortProbe: Deed {
    private let port: Int
    private var open: ArraySlice<String>
    private var attempt: ConnectionAttempt?
    private var faults: [String] = []

    init(
        _ host: String, _ port: Int, loop: Loop, deadline: Duration, _ completion: @escaping (Outcome) -> Void
    ) throws(EventLoopError) {
        self.port = port
        // A name server that is dead would say that the workload is.
        open = host == "localhost" ? ["127.0.0.1", "::1"] : [host]
        try super.init(loop: loop, line: nil, deadline: deadline, completion)
    }

    override var late: Outcome { .success(.servesNot("\(doing): no answer in time")) }
    override func letGo() { attempt = nil }

    override func begin() {
        guard let address = open.popFirst() else { return end(.success(.servesNot(faults.joined(separator: "; ")))) }
        doing = "connect to \(address) port \(port)"
        do {
            attempt = try ConnectionAttempt(to: address, port, on: loop) { [weak self] result in
                switch result {
                case .success: self?.end(.success(.serves))
                case .failure(let error): self?.note(error.description)
                }
            }
        } catch { note("\(error)") }
    }

    private func note(_ fault: String) {
        faults.append(fault)
        wait(.zero) { [weak self] in self?.begin() }
    }
}

/// Has a program look at the workload once.
final class ProgramProbe: Deed {
    private let program: Program
    private let run: HookDeed.Runner
    private var current: (any ProgramRun)?

    init(
        _ program: Program, loop: Loop, deadline: Duration, run: @escaping HookDeed.Runner,
        _ completion: @escaping (Outcome) -> Void
    ) throws(EventLoopError) {
        self.program = program
        self.run = run
        try super.init(loop: loop, line: nil, deadline: deadline, completion)
    }

    override var late: Outcome { .success(.servesNot("\(doing): it did not end in time")) }
    override func letGo() { current = nil }

    override func begin() {
        doing = "run \(program.path)"
        do throws(EventLoopError) {
            current = try run(program, deadline) { [weak self] end in self?.note(end) }
        } catch { fail(.failed, "\(error)") }
    }

    private func note(_ end: ProgramEnd) {
        switch end {
        case .exited(203), .unknown: fail(.failed, end.fault ?? "")
        case .exited, .killed, .overran:
            self.end(.success(end.fault.map { .servesNot("\(program.path): \($0)") } ?? .serves))
        }
    }
}
