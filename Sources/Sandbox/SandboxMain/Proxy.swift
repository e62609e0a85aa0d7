import Platform
import SandboxCore

/// How many connections all proxies together may have.
final class Room {
    private(set) var taken = 0
    /// Two descriptors each, and 128 KiB when both sides are slow: a demonstration needs a fraction.
    static let connectionsMax = 1_024

    func enter() -> Bool {
        guard taken < Self.connectionsMax else { return false }
        taken += 1
        return true
    }

    func leave() { taken -= 1 }
}

/// Takes connections at one place and carries each to one of the places that it is routed to, in turn.
final class Proxy {
    private let socket: StreamListener
    private let loop: any EventLoop
    private let room: Room
    private let onDrained: (Endpoint) -> Void
    private var watch: (any DescriptorWatch)?
    private var endpoints: [Endpoint] = []
    private var turn = 0
    private var passages: [ObjectIdentifier: Passage] = [:]
    private var draining: Set<Endpoint> = []

    init(on front: Front, loop: any EventLoop, room: Room, onDrained: @escaping (Endpoint) -> Void) throws {
        socket = try StreamListener(on: front.address, front.port)
        (self.loop, self.room, self.onDrained) = (loop, room, onDrained)
        watch = try loop.watch(descriptor: socket.descriptor.number, for: .readable) { [unowned self] _ in accept() }
    }

    func route(to endpoints: [Endpoint]) {
        self.endpoints = endpoints
        draining.subtract(endpoints)
    }

    /// True: it has no connection that would have to end first. Else `onDrained` tells of the last one's end.
    func drain(_ endpoint: Endpoint) -> Bool {
        guard isUsed(endpoint) else { return true }
        draining.insert(endpoint)
        return false
    }

    func cut(_ endpoint: Endpoint) {
        draining.remove(endpoint)
        for passage in passages.values where passage.target == endpoint { passage.abort() }
    }

    private func isUsed(_ endpoint: Endpoint) -> Bool { passages.values.contains { $0.target == endpoint } }

    private func accept() {
        // Others get their turn of the loop in between.
        for _ in 0..<16 {
            guard let client = socket.accept() else { return }
            carry(client)
        }
    }

    private func carry(_ client: consuming StreamSocket) {
        guard !endpoints.isEmpty, room.enter() else { return client.breakOnClose() }
        turn = (turn + 1) % endpoints.count
        let target = endpoints[turn]
        do {
            let passage = try Passage(client, to: target, loop: loop) { [unowned self] in end($0) }
            passages[ObjectIdentifier(passage)] = passage
        } catch {
            // The health check tells of it; the client sees its connection closed.
            room.leave()
        }
    }

    private func end(_ passage: Passage) {
        guard passages.removeValue(forKey: ObjectIdentifier(passage)) != nil else { return }
        room.leave()
        let target = passage.target
        if draining.contains(target), !isUsed(target) {
            draining.remove(target)
            onDrained(target)
        }
    }
}
