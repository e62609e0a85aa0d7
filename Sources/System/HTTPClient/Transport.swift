import CCurl
package import Platform

/// Sends requests over HTTP/1.1 and keeps their connections alive, on a loop that it never holds up.
///
/// Everything happens on the loop's thread. A completion is called there exactly once, never from inside `send`, and
/// never again after `cancel`, `close` or the end of the transport; it may call any of these itself. A request ends at
/// its deadline at the latest, whatever the name server and the peer do.
///
/// When a kept-alive connection turns out to be dead before a byte of the answer arrived, the request is sent once more
/// over a fresh one. So a request can reach the other side twice: what must not happen twice needs a key of its own.
package final class Transport {
    private let loop: any EventLoop
    private let options: TransportOptions
    private var connections: Connections?
    private var deadlineTimer: (any LoopTimer)?
    private var nextDeadline: Duration?
    private var calls: [UInt64: Call] = [:]
    private var callCount: UInt64 = 0
    private var queue: LookupQueue
    private var lookups: [String: Transfer] = [:]
    private var names: KnownNames
    /// Where names are looked up: in the cache of the others every known name stays.
    private var resolving: Connections?
    private var spare: [Transfer] = []

    /// Handles kept for the next request: they save allocations only, connections live elsewhere.
    private static let spareLimit = 8
    /// A name can drop out of the cache between its lookup and its use, but not again and again.
    private static let lookupsPerCall = 3
    /// Calls are counted from 1.
    private static let nobody: UInt64 = 0

    package init(loop: any EventLoop, options: TransportOptions) throws(TransportError) {
        self.loop = loop
        self.options = options
        queue = LookupQueue(limit: options.maxLookups)
        names = KnownNames(renewAfter: options.nameAge)
        connections = try Connections(loop: loop, options: options)
        do { deadlineTimer = try loop.makeTimer { [weak self] in self?.endOverdue() } } catch {
            throw TransportError(.resources, "make a timer for deadlines: \(error)")
        }
    }

    deinit { close() }

    /// Starts a request; what becomes of it is told to `completion` in a later turn of the loop.
    @discardableResult
    package func send(
        _ request: OutgoingRequest, _ completion: @escaping (Result<IncomingResponse, TransportError>) -> Void
    ) -> Call {
        callCount += 1
        let call = Call(
            number: callCount, request: request, started: loop.now, transport: self, completion: completion)
        guard connections != nil else {
            call.completion = nil
            return call
        }
        calls[call.number] = call
        do throws(TransportError) { try admit(call) } catch { refuse(call, error) }
        arm(for: call.deadline)
        return call
    }

    /// Drops every kept-alive connection and every known name. Requests under way keep their connection to their end,
    /// and it is closed then.
    package func closeConnections() throws(TransportError) {
        guard connections != nil else { return }
        names = KnownNames(renewAfter: options.nameAge)
        connections = try Connections(loop: loop, options: options)
    }

    /// Ends everything at once; no completion is called. What is sent afterwards is never answered.
    package func close() {
        let ended = calls
        calls = [:]
        for call in ended.values { release(call) }
        for lookup in lookups.values { lookup.leave() }
        lookups = [:]
        spare = []
        queue = LookupQueue(limit: options.maxLookups)
        connections = nil
        resolving = nil
        deadlineTimer?.disarm()
        nextDeadline = nil
    }

    func cancel(_ call: Call) {
        guard calls.removeValue(forKey: call.number) != nil else { return }
        release(call)
    }
}

// MARK: The way of a call

extension Transport {
    private func admit(_ call: Call) throws(TransportError) {
        let target = try Target(call.request.url)
        call.target = target
        if let complaint = call.request.complaint(about: target) { throw TransportError(.invalidRequest, complaint) }
        guard calls.count <= options.maxRequests else {
            throw TransportError(.busy, "\(options.maxRequests) requests are under way")
        }
        try start(call, to: target)
    }

    private func start(_ call: Call, to target: Target) throws(TransportError) {
        guard let connections else { return }
        let transfer = try takeTransfer()
        transfer.prepare(call.request, to: target, timeLeft: call.deadline - loop.now, options: options)
        if let known = names.addresses(of: target.origin) { transfer.useAddresses(known, of: target) }
        transfer.ended = { [weak self, number = call.number] code in self?.transferEnded(of: number, code) }
        try transfer.join(connections)
        call.transfer = transfer
    }

    /// The answer comes from the loop, as every other does: as a deadline that is now.
    private func refuse(_ call: Call, _ error: TransportError) {
        call.verdict = error
        call.deadline = loop.now
        arm(for: call.deadline)
    }

    private func transferEnded(of number: UInt64, _ code: CURLcode) {
        guard let call = calls[number], let transfer = call.transfer else { return }
        if transfer.needsLookup { return waitForLookup(call) }
        renewName(of: call, transfer)
        let outcome = transfer.outcome(code, total: loop.now - call.started)
        finish(call, outcome.mapError { $0.prefixed(call.name) })
    }

    private func finish(_ call: Call, _ result: Result<IncomingResponse, TransportError>) {
        calls[call.number] = nil
        let completion = call.completion
        release(call)
        completion?(result)
    }

    private func release(_ call: Call) {
        call.completion = nil
        if calls.isEmpty {
            // Or every answer would be followed by a wake-up for nothing.
            nextDeadline = nil
            deadlineTimer?.disarm()
        }
        if let target = call.target { queue.forget(call.number, for: target.origin) }
        putBack(call)
    }

    private func takeTransfer() throws(TransportError) -> Transfer {
        if let transfer = spare.popLast() { return transfer }
        return try Transfer()
    }

    private func putBack(_ call: Call) {
        guard let transfer = call.transfer else { return }
        call.transfer = nil
        transfer.reset()
        if spare.count < Self.spareLimit { spare.append(transfer) }
    }
}

// MARK: Deadlines

extension Transport {
    /// One timer for all, at the earliest deadline known. That of a request that ended meanwhile only looks again.
    private func arm(for deadline: Duration) {
        if let nextDeadline, nextDeadline <= deadline { return }
        nextDeadline = deadline
        deadlineTimer?.arm(at: deadline)
    }

    private func endOverdue() {
        nextDeadline = nil
        let now = loop.now
        let overdue = calls.values.filter { $0.deadline <= now }.sorted { $0.number < $1.number }
        // A completion may end others of these.
        for call in overdue where calls[call.number] != nil {
            finish(call, .failure(call.result(deadlinePassedAt: now)))
        }
        if let next = calls.values.map(\.deadline).min() { arm(for: next) }
    }
}

// MARK: Names

extension Transport {
    private func waitForLookup(_ call: Call) {
        guard let target = call.target else { return }
        putBack(call)
        call.lookups += 1
        guard call.lookups <= Self.lookupsPerCall else {
            return refuse(call, TransportError(.resolve, "look up \(target.host): its address does not stay known"))
        }
        if queue.wait(call.number, for: target.origin) { startLookup(of: target.origin) }
    }

    /// After a new connection, or the failure to make one. For no call, so that nobody waits for it.
    private func renewName(of call: Call, _ transfer: Transfer) {
        guard let target = call.target, transfer.socket != nil, names.shouldRenew(target.origin, at: loop.now) else {
            return
        }
        if queue.wait(Self.nobody, for: target.origin) { startLookup(of: target.origin) }
    }

    private func placeForLookups() throws(TransportError) -> Connections? {
        guard options.proxy == .none else { return connections }
        if resolving == nil { resolving = try Connections(loop: loop, options: options) }
        return resolving
    }

    private func startLookup(of origin: String) {
        guard connections != nil else { return }
        do throws(TransportError) {
            guard let place = try placeForLookups() else { return }
            let transfer = try takeTransfer()
            transfer.prepareLookup(of: origin, options: options)
            transfer.ended = { [weak self] code in self?.lookupEnded(of: origin, code) }
            try transfer.join(place)
            lookups[origin] = transfer
        } catch { lookupFinished(origin, error) }
    }

    private func lookupEnded(of origin: String, _ code: CURLcode) {
        guard let transfer = lookups.removeValue(forKey: origin) else { return }
        // The connection was refused by ourselves, so getting that far means that there is an address.
        let failure = code == CURLE_COULDNT_CONNECT ? nil : transfer.failure(code)
        if failure == nil, options.proxy == .none { names.note(transfer.addresses, of: origin, at: loop.now) }
        transfer.reset()
        lookupFinished(origin, failure)
    }

    private func lookupFinished(_ origin: String, _ failure: TransportError?) {
        let (released, next) = queue.finish(origin)
        if let next { startLookup(of: next) }
        for number in released {
            guard let call = calls[number], let target = call.target else { continue }
            do throws(TransportError) {
                if let failure { throw failure }
                try start(call, to: target)
            } catch { refuse(call, error) }
        }
    }
}
