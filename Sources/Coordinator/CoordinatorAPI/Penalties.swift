import HTTPServer
import JSON
import Platform
import Wire

/// Makes repeated wrong credentials cost the caller time. A good one is never held up, so that one host with an old token
/// does no harm to the others behind the same address.
final class Penalties: Sendable {
    enum Verdict {
        /// The plain refusal, at once.
        case none
        /// The refusal, after a while; `isFirst` when it is to be told of.
        case delay(Duration, isFirst: Bool)
        /// Too many are being delayed: come back later.
        case later
    }

    private struct Record {
        var failures: Int
        var since: Duration
    }

    private struct State {
        var records: [PeerAddress: Record] = [:]
        var delayed = 0
        var sweptAt = Duration.zero
        var toldAt = Duration.zero
    }

    /// A person who mistypes, or a host after its token was replaced.
    private static let free = 5
    private static let window = Duration.seconds(60)
    private static let delay = Duration.seconds(1)
    /// Each holds a connection and some 6 KB.
    private static let delayedMax = 256
    /// Addresses that are remembered; when there are more, those who are not are treated as if they had failed before.
    private static let recordsMax = 10_000

    private let state = Locked(State())

    func note(_ peer: PeerAddress, at now: Duration) -> Verdict {
        state.withLock { state in
            // Not each time: going through them all must not be what each further address makes us do.
            if state.records.count >= Self.recordsMax, now - state.sweptAt >= Self.delay {
                state.sweptAt = now
                state.records = state.records.filter { now - $0.value.since < Self.window }
            }
            let place = peer.subscriber
            var record = state.records[place] ?? Record(failures: 0, since: now)
            if now - record.since >= Self.window { record = Record(failures: 0, since: now) }
            record.failures += 1
            let isRemembered = state.records[place] != nil || state.records.count < Self.recordsMax
            if isRemembered { state.records[place] = record }
            guard record.failures > Self.free || !isRemembered else { return .none }
            guard state.delayed < Self.delayedMax else { return .later }
            state.delayed += 1
            // Once for each address and minute, and once a second for all: a guesser with many must not fill the log.
            let isFirst = record.failures == Self.free + 1 && now - state.toldAt >= Self.delay
            if isFirst { state.toldAt = now }
            return .delay(Self.delay, isFirst: isFirst)
        }
    }

    func delayEnded() { state.withLock { $0.delayed -= 1 } }
}
