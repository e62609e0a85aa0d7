import Platform
import SandboxCore

/// One client's connection, carried to a target: what either side says goes to the other, and so does that it says no more.
final class Passage {
    let target: Endpoint
    private let client: Side
    private let server: Side
    private let loop: any EventLoop
    private let onEnd: (Passage) -> Void
    private var timer: (any LoopTimer)?
    private var isConnected = false
    private var isOver = false

    /// A target on this machine or behind its bridges answers in milliseconds.
    private static let connectTime = Duration.seconds(5)
    /// What is read at once, and so what waits in each direction at most.
    private static let chunk = 64 << 10

    init(
        _ client: consuming StreamSocket, to target: Endpoint, loop: any EventLoop, onEnd: @escaping (Passage) -> Void
    ) throws {
        (self.target, self.loop, self.onEnd) = (target, loop, onEnd)
        self.client = Side(client)
        let place = "connect to \(target.address):\(target.port)"
        server = Side(try StreamSocket(connectingTo: target.address, target.port, place))
        timer = try loop.makeTimer { [weak self] in self?.abort() }
        timer?.arm(at: loop.now + Self.connectTime)
        try watch(server, for: .writable)
    }

    /// Both sides see a broken connection.
    func abort() { end(isBroken: true) }

    private func end(isBroken: Bool) {
        guard !isOver else { return }
        isOver = true
        timer = nil
        for side in [client, server] { side.end(isBroken: isBroken) }
        onEnd(self)
    }

    private func wake() {
        guard !isOver else { return }
        if !isConnected {
            guard server.socket.failure == 0 else { return abort() }
            isConnected = true
            timer = nil
        }
        guard move(from: client, to: server), move(from: server, to: client) else { return abort() }
        if client.isFinished, server.isFinished { return end(isBroken: false) }
        do {
            try watch(client, for: interest(of: client, server))
            try watch(server, for: interest(of: server, client))
        } catch { abort() }
    }

    /// As much as there is of one chunk. False: one of them is not there any more.
    private func move(from source: Side, to sink: Side) -> Bool {
        if sink.waiting.isEmpty, !source.hasEnded {
            switch source.socket.read(atMost: Self.chunk) {
            case .bytes(let bytes): sink.waiting = bytes[...]
            case .nothingYet: break
            case .ended: source.hasEnded = true
            case .broken: return false
            }
        }
        if !sink.waiting.isEmpty {
            guard let count = sink.socket.write(sink.waiting) else { return false }
            sink.waiting = sink.waiting.dropFirst(count)
        }
        if source.hasEnded, sink.waiting.isEmpty, !sink.isFinished {
            sink.isFinished = true
            sink.socket.endWriting()
        }
        return true
    }

    private func interest(of side: Side, _ other: Side) -> Readiness {
        var interest: Readiness = []
        if !side.hasEnded, other.waiting.isEmpty { interest.insert(.readable) }
        if !side.waiting.isEmpty { interest.insert(.writable) }
        return interest
    }

    /// Without an interest there is no watch: a connection that the other side closed would be told of for ever.
    private func watch(_ side: Side, for interest: Readiness) throws {
        guard side.interest != interest else { return }
        side.interest = interest
        if interest.isEmpty {
            side.watch = nil
        } else if let watch = side.watch {
            try watch.change(to: interest)
        } else {
            side.watch = try loop.watch(descriptor: side.socket.descriptor.number, for: interest) { [weak self] _ in
                self?.wake()
            }
        }
    }
}

/// One of the two.
private final class Side {
    /// Closed when nobody has this any more.
    let socket: StreamSocket
    /// What it still has to take.
    var waiting: ArraySlice<UInt8> = []
    /// It says no more.
    var hasEnded = false
    /// It has been told that the other says no more.
    var isFinished = false
    var watch: (any DescriptorWatch)?
    var interest: Readiness = []

    init(_ socket: consuming StreamSocket) { self.socket = socket }

    func end(isBroken: Bool) {
        watch?.cancel()
        watch = nil
        if isBroken { socket.breakOnClose() }
    }
}
