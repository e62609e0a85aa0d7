import CoordinatorCore
import JSON
import Platform
import Wire

/// All enrolled hosts and tenants, in memory: who a token belongs to, who is heard, whose heartbeat is parked. Any thread
/// may ask; only the writer changes who is in it, after each commit.
final class Switchboard: Sendable {
    /// A tenant, as far as enrolling needs it.
    struct Tenant: Sendable {
        let id: ClientID
        var isActive: Bool
    }

    private struct Index {
        var lines: [TokenHash: Line] = [:]
        var seats: [SlotID: [Seat]] = [:]
        var tenants: [TokenHash: Tenant] = [:]
        var tenantTokens: [ClientID: TokenHash] = [:]
        var hosts: [ClientID: Int] = [:]

        /// Returns whom it takes the place of.
        @discardableResult
        mutating func seat(_ seat: Seat) -> Line? {
            let line = seat.line
            let old = seats[line.slot, default: []].replace(with: seat)
            if let token = old?.token { lines[token] = nil }
            hosts[line.client, default: 0] += (line.isOver ? 0 : 1) - (old.map { $0.line.isOver ? 0 : 1 } ?? 0)
            if let token = seat.token { lines[token] = line }
            return old?.line
        }
    }

    struct Seat {
        let line: Line
        /// Nil for a host that speaks with its client's.
        let token: TokenHash?
    }

    private let index = Locked(Index())
    /// Silence counts from here at the earliest: the coordinator's own absence proves nothing about others.
    private let grace: Locked<Duration>
    private static let longestLook = Duration.seconds(5)
    /// Before this nobody can have been silent for too long: all hosts are looked at only then.
    private let nextAbsence = Locked(Duration.zero)

    private let surroundings: any Surroundings

    init(surroundings: any Surroundings) {
        self.surroundings = surroundings
        grace = Locked(surroundings.monotonic())
    }

    var graceBegan: Duration { grace.withLock { $0 } }

    // MARK: Who is there

    func line(for token: TokenHash) -> Line? { index.withLock { $0.lines[token] } }
    func tenant(for token: TokenHash) -> Tenant? { index.withLock { $0.tenants[token] } }
    func lines(of slot: SlotID) -> [Line] { index.withLock { $0.seats[slot]?.map(\.line) ?? [] } }
    func line(of slot: SlotID, _ instance: InstanceID) -> Line? { lines(of: slot).first { $0.instance == instance } }
    var all: [Line] {
        index.withLock { index in
            var lines: [Line] = []
            // As many as that, and those without a token.
            lines.reserveCapacity(index.lines.count)
            for seats in index.seats.values { for seat in seats { lines.append(seat.line) } }
            return lines
        }
    }
    /// Those of each slot together.
    var linesBySlot: [[Line]] { index.withLock { Array($0.seats.values) }.map { $0.map(\.line) } }
    var hasTenants: Bool { index.withLock { !$0.tenants.isEmpty } }
    var count: Int { index.withLock { $0.seats.values.reduce(0) { $0 + $1.count } } }

    /// Enrolled hosts of one tenant, without those of deleted agents that are only told to stay away.
    func hosts(of client: ClientID) -> Int { index.withLock { $0.hosts[client] ?? 0 } }

    func seat(_ line: Line, under token: TokenHash?) {
        expectAbsence()
        hangUp(index.withLock { $0.seat(Seat(line: line, token: token)) })
    }

    /// At the start, for so many hosts.
    func makeRoom(for count: Int) {
        index.withLock { index in
            index.lines.reserveCapacity(count)
            index.seats.reserveCapacity(count)
        }
    }

    /// Who is known at the start.
    func seat(_ seats: [Seat]) {
        index.withLock { index in
            for seat in seats { index.seat(seat) }
        }
    }

    func unseat(_ instance: InstanceID, of slot: SlotID) {
        let line: Line? = index.withLock { index in
            guard var seats = index.seats[slot], let place = seats.firstIndex(where: { $0.line.instance == instance })
            else { return nil }
            let seat = seats.remove(at: place)
            if let token = seat.token { index.lines[token] = nil }
            index.seats[slot] = seats.isEmpty ? nil : seats
            index.hosts[seat.line.client, default: 0] -= seat.line.isOver ? 0 : 1
            return seat.line
        }
        hangUp(line)
    }

    func unseat(_ slot: SlotID) { for line in lines(of: slot) { unseat(line.instance, of: slot) } }

    func unseatAll(of client: ClientID) {
        for line in all where line.client == client { unseat(line.instance, of: line.slot) }
    }

    func admit(_ tenant: Tenant, under token: TokenHash) {
        index.withLock { index in
            if let old = index.tenantTokens[tenant.id] { index.tenants[old] = nil }
            index.tenants[token] = tenant
            index.tenantTokens[tenant.id] = token
        }
    }

    func dismiss(_ client: ClientID) {
        index.withLock { index in
            if let token = index.tenantTokens.removeValue(forKey: client) { index.tenants[token] = nil }
            index.hosts[client] = nil
        }
    }

    /// Whoever parked under a token that is no longer good is let go; the next request is refused.
    private func hangUp(_ line: Line?) {
        guard let line, let call = line.takeCall() else { return }
        call.answer(
            line.reply(receivedAt: call.receivedAt, at: surroundings.monotonic(), wall: surroundings.wall()))
    }

    // MARK: Who is heard

    /// Gives each host of a loaded slot what only this memory knows.
    func overlay(_ slot: inout Slot, now: Duration, wall: Timestamp) {
        let lines = lines(of: slot.id)
        for index in slot.hosts.indices {
            guard let line = lines.first(where: { $0.instance == slot.hosts[index].instance }) else { continue }
            let (presence, answeredAt) = line.state.withLock { ($0.presence, max($0.answeredAt, graceBegan)) }
            slot.hosts[index].isFresh = presence == .fresh
            if let lease = slot.hosts[index].leaseSeconds {
                let end = answeredAt + .seconds(lease) + Rules.leaseMargin
                slot.hosts[index].leaseEndsAt = wall + (end - now)
            }
        }
    }

    /// Takes over what a commit made true. True: while it was on its way to the disk, a host has parked and there is news for
    /// it, or has been heard that the commit counts as silent.
    func publish(_ slot: Slot, at now: Timestamp) -> Bool {
        var hasMissedNews = false
        expectAbsence()
        for line in lines(of: slot.id) {
            guard let host = slot.host(line.instance), host.role != .terminated else {
                unseat(line.instance, of: slot.id)
                continue
            }
            noteEnd(of: line, slot.isOver)
            line.state.withLock { state in
                state.view = Line.View(slot, host, at: now)
                if host.isOffline {
                    state.presence = .offline
                } else if state.presence == .offline {
                    // Something else than a heartbeat brought it back, or its absence is still on its way to the disk.
                    state.presence = .unknown
                }
                // When it was heard nothing was known to be wrong, and so nobody decided about it.
                if state.presence == .fresh, !host.isFresh, state.view.isInTrouble { hasMissedNews = true }
                guard let call = state.call else { return }
                if state.view.hasDue || call.configVersion != slot.configVersion { hasMissedNews = true }
            }
        }
        return hasMissedNews
    }

    /// Before its view says so.
    private func noteEnd(of line: Line, _ isOver: Bool) {
        guard isOver != line.isOver else { return }
        index.withLock { $0.hosts[line.client, default: 0] += isOver ? -1 : 1 }
    }

    /// The coordinator itself was away: nobody is known to be there until heard, and everybody's silence begins anew.
    func beginGrace(at now: Duration) {
        grace.withLock { $0 = now }
        expectAbsence()
        for line in all {
            line.state.withLock { state in
                switch state.presence {
                case .fresh: state.presence = .starting
                // What its next heartbeat says is to be decided, as it would have been.
                case .offline: state.presence = .unknown
                case .starting, .leaving, .unknown: break
                }
            }
        }
    }

    enum Absence { case silent(Line), gone(Line, after: Duration) }

    /// Something else than a heartbeat may have brought it nearer.
    private func expectAbsence() { nextAbsence.withLock { $0 = .zero } }

    /// Who has been silent for too long, each told once, in an order that is the same in every process.
    func absences(at now: Duration, timeout: Duration) -> [Absence] {
        // Whatever comes to pass while they are looked at can only make it earlier. Now and then in any case.
        let latest = now + Self.longestLook
        let isTooEarly = nextAbsence.withLock { next in
            defer { if now > next { next = latest } }
            return now <= next
        }
        guard !isTooEarly else { return [] }
        let began = graceBegan
        var absences: [(line: Line, absence: Absence)] = []
        var next = latest
        for line in all {
            line.state.withLock { state in
                let heard = max(state.heardAt, began)
                guard let moment = state.absentAt(heard, timeout) else { return }
                guard now > moment else {
                    next = min(next, moment)
                    return
                }
                if state.presence == .unknown {
                    state.presence = .offline
                    absences.append((line, .gone(line, after: now - heard)))
                } else {
                    state.presence = .unknown
                    absences.append((line, .silent(line)))
                    next = now
                }
            }
        }
        nextAbsence.withLock { $0 = min($0, next) }
        return absences.sorted { $0.line.isBefore($1.line) }.map(\.absence)
    }

    /// The absence was not stored: it is found once more, unless the host was heard since.
    func retell(_ absence: Line.Presence, as earlier: Line.Presence, of line: Line) {
        line.state.withLock { state in if state.presence == absence { state.presence = earlier } }
        expectAbsence()
    }

    /// Those whose time of last contact the store knows only as older than `age`, at most `limit`.
    func unflushed(at now: Duration, olderThan age: Duration, limit: Int) -> [(line: Line, silence: Duration)] {
        var found: [(Line, Duration)] = []
        for line in all {
            guard found.count < limit else { break }
            line.state.withLock { state in
                guard state.heardAt > state.flushedAt, now - state.flushedAt > age else { return }
                state.flushedAt = now
                found.append((line, now - state.heardAt))
            }
        }
        return found.sorted { $0.0.isBefore($1.0) }
    }
}

extension [Switchboard.Seat] {
    /// Returns the one that the same host had before.
    fileprivate mutating func replace(with seat: Element) -> Element? {
        let old = firstIndex { $0.line.instance == seat.line.instance }.map { remove(at: $0) }
        append(seat)
        return old
    }
}

extension Line.State {
    /// When it becomes known that its host is absent, heard last at `heard`; nil of one that is known to be.
    fileprivate func absentAt(_ heard: Duration, _ timeout: Duration) -> Duration? {
        let period = Duration.seconds(view.heartbeatSeconds)
        // The others go on while they work, from a thread of their own.
        let heard = view.isAtWork && view.abilities.contains(.knowsRepeats) ? heard + Rules.workSilence : heard
        return switch presence {
        case .fresh, .starting, .leaving: heard + max(period * 3, wait + period)
        case .unknown: heard + max(timeout, period * 3)
        case .offline: nil
        }
    }
}

extension Line {
    /// So that a set of lines is walked alike in every process.
    fileprivate func isBefore(_ other: Line) -> Bool { (slot, instance) < (other.slot, other.instance) }
}

extension Line.View {
    init(_ slot: Slot, _ host: Host, at now: Timestamp) {
        role = host.role
        epoch = slot.epoch
        configVersion = slot.configVersion
        abilities = host.abilities
        heartbeatSeconds = Line.View.period(slot.settings.heartbeatSeconds, of: abilities)
        isAtWork = host.isTokenless && slot.commands.contains { $0.instance == host.instance && $0.state == .delivered }
        leaseSeconds = slot.settings.leaseSeconds
        awaitsLease = leaseSeconds > 0 && host.leaseSeconds != leaseSeconds && role.isInUse
        let orders = slot.commands.filter { $0.instance == host.instance && $0.state.isOpen }
        hasOrders = !orders.isEmpty
        hasDue = orders.contains { $0.isDue(at: now) }
        isFailing = host.failingSince != nil
        isInTrouble = slot.primary == nil || isFailing || slot.owesStop || slot.incidents.contains(where: \.isOpen)
        isHindered = !slot.hindrances(at: now).isEmpty
        isGoing = slot.announced(at: now).contains(host.instance)
        isEnded = slot.deletedAt != nil
        isOver = slot.isOver
    }
}

/// A SHA-256 as the key of a table. Its words are as good as random, so one of them is hash enough.
struct TokenHash: Hashable, Sendable {
    private let words: SIMD4<UInt64>

    init(_ words: SIMD4<UInt64>) { self.words = words }

    /// Nil unless there are 32 bytes.
    init?(_ bytes: [UInt8]) {
        guard bytes.count == 32 else { return nil }
        var words = SIMD4<UInt64>()
        for place in 0..<4 {
            // As the words lie in memory on every machine that this runs on, which is how a digest has them.
            words[place] = bytes[place * 8..<place * 8 + 8].reversed().reduce(0) { $0 << 8 | UInt64($1) }
        }
        self.words = words
    }

    static func == (left: TokenHash, right: TokenHash) -> Bool { left.words == right.words }
    func hash(into hasher: inout Hasher) { hasher.combine(words.x) }
}
