import Glibc
import Platform
import TestSupport

/// A client that asks all machines all the time, and notes who answered.
final class Witness: Sendable {
    struct Sight: Sendable {
        var looks = 0
        /// Looks in which two answered.
        var pairs = 0
        /// How often another one answered than before; a hand-over is one.
        var changes = 0
        /// The longest time from an answer to the next, or for which there has been none until now.
        var gap = Duration.zero
        /// Who answered last.
        private(set) var names: Set<String> = []
        private var answeredAt: Duration?

        fileprivate mutating func note(_ names: Set<String>, at now: Duration) {
            looks += 1
            guard !names.isEmpty else { return }
            if names.count > 1 { pairs += 1 }
            if !self.names.isEmpty, names != self.names { changes += 1 }
            wait(until: now)
            (self.names, answeredAt) = (names, now)
        }

        fileprivate mutating func wait(until now: Duration) {
            if let answeredAt { gap = max(gap, now - answeredAt) }
        }
    }

    private struct State {
        var sight = Sight()
        var isOver = false
    }

    private let state = Monitor(State())
    private static let pause = Duration.milliseconds(3)

    init(_ hosts: [String]) throws {
        let surroundings = SystemSurroundings()
        _ = try DedicatedThread(name: "witness") { [state] in
            while !state.change({ $0.isOver }) {
                let names = Set(hosts.compactMap(answer))
                let now = surroundings.monotonic()
                state.change { $0.sight.note(names, at: now) }
                _ = state.wait(until: now + Self.pause) { $0.isOver ? true : nil }
            }
        }
    }

    func begin() { state.change { $0.sight = Sight() } }

    var sight: Sight {
        let now = SystemSurroundings().monotonic()
        return state.change { state in
            var sight = state.sight
            sight.wait(until: now)
            return sight
        }
    }

    func stop() { state.change { $0.isOver = true } }
}

private func answer(_ host: String) -> String? {
    guard let reply = try? PlainClient(port: Host.port, host: host).ask("GET", "/", within: .seconds(1)),
        reply.status == 200
    else {
        return nil
    }
    return reply.text
}
