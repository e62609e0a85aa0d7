import CSystemd
package import Platform

/// A connection to the system bus on a loop: asks the service manager, PID 1, to start, stop and report on units.
///
/// Nothing here waits. Each request has a deadline, and its completion runs exactly once, on the loop and never inside
/// the call that made the request. When the bus or the manager goes away, every request fails with `disconnected`, every
/// watch ends, and then `disconnected` is called; the owner connects again and asks again.
@safe package final class Bus {
    package static let systemAddress = "unix:path=/run/dbus/system_bus_socket"

    /// The system bus grants a connection 128 unanswered requests; beyond this something asks in a circle.
    static let operationsMax = 96
    /// Requests that a stopped bus has not read yet. They outlive their deadlines, so they need a bound of their own.
    static let unsentMax: UInt64 = 96
    /// Each watch is two match rules, and the bus allows a connection 512 of them.
    static let watchesMax = 128

    let loop: Loop
    private let address: String
    private let disconnected: (SystemdError) -> Void
    private(set) var connection: OpaquePointer?
    private var matches: [Slot] = []
    private var operations: [UInt64: Operation] = [:]
    private var operationsBegun: UInt64 = 0
    private var deadlines: (any LoopTimer)?
    private var watches: [ObjectIdentifier: () -> UnitWatch?] = [:]
    /// The manager's own name on the bus: any program may send us a signal that looks like the manager's.
    private(set) var manager: String?
    private var shutdownSignals = 0
    /// Called when logind says that the machine begins or gives up going down.
    package var onPrepareForShutdown: ((Bool) -> Void)?

    /// Does not connect yet.
    package init(
        loop: Loop, address: String = Bus.systemAddress, disconnected: @escaping (SystemdError) -> Void
    ) throws(EventLoopError) {
        self.loop = loop
        self.address = address
        self.disconnected = disconnected
        deadlines = try loop.makeTimer { [unowned self] in failWhatIsDue() }
    }

    deinit { close() }

    package var isConnected: Bool { unsafe connection != nil }

    /// Begins to connect; requests may follow at once and are sent as soon as the bus has let us in. Throws
    /// `unavailable` when there is no bus.
    package func connect() throws(SystemdError) {
        precondition(!isConnected, "a connected bus is closed before it connects again")
        let connection = unsafe try open()
        unsafe self.connection = connection
        do throws(SystemdError) {
            try listen()
        } catch {
            close()
            throw error
        }
        subscribe()
    }

    /// Ends the connection: what is under way fails with `disconnected`. `connect` may follow.
    package func close() { drop(SystemdError(.disconnected, "the connection to the bus was closed")) }

    private func open() throws(SystemdError) -> OpaquePointer {
        var made: OpaquePointer?
        var result = unsafe sd_bus_new(&made)
        guard result >= 0, let bus = unsafe made else { throw SystemdError(.failed, "make a bus: \(reason(result))") }
        // sd-bus would otherwise wait, when the loop stops, until a bus that may hang has read everything.
        unsafe sd_bus_set_close_on_exit(bus, 0)
        result = unsafe sd_bus_set_address(bus, address)
        if result >= 0 { result = unsafe sd_bus_set_bus_client(bus, 1) }
        if result >= 0 { result = unsafe sd_bus_start(bus) }
        if result >= 0 { result = unsafe sd_bus_attach_event(bus, loop.handle, Int32(SD_EVENT_PRIORITY_NORMAL)) }
        guard result >= 0 else {
            unsafe sd_bus_close_unref(bus)
            throw SystemdError(.unavailable, "connect to the bus at \(address): \(reason(result))")
        }
        return unsafe bus
    }

    private func drop(_ error: SystemdError) {
        let connection = unsafe connection, operations = operations, watches = watches
        unsafe self.connection = nil
        matches = []
        manager = nil
        self.operations = [:]
        self.watches = [:]
        for (_, operation) in operations.sorted(by: { $0.key < $1.key }) {
            operation.fail(operation.error(error.code, error.description))
        }
        for watch in watches.values { watch()?.end(error) }
        guard let connection = unsafe connection else { return }
        unsafe sd_bus_detach_event(connection)
        unsafe sd_bus_close_unref(connection)
    }

    private func lose(_ error: SystemdError) {
        guard isConnected else { return }
        drop(error)
        disconnected(error)
    }
}

// MARK: Requests

extension Bus {
    /// Registers something that will end within `timeout`.
    func begin<Value>(
        _ doing: String, within timeout: Duration, _ completion: @escaping (Result<Value, SystemdError>) -> Void
    ) -> Pending<Value> {
        operationsBegun += 1
        let number = operationsBegun
        let operation = Pending(
            doing: doing, deadline: loop.now + timeout, ended: { [weak self] in self?.operations[number] = nil },
            completion)
        operations[number] = operation
        if operations.count > Self.operationsMax {
            operation.failAtNextTurn(operation.error(.busy, "\(Self.operationsMax) requests are under way"))
        }
        armDeadlines()
        return operation
    }

    /// Sends one request of `operation`; `onReply` gets a reply that is not an error, and goes on from there.
    func send(
        _ method: BusMethod, for operation: Operation,
        arguments write: (borrowing Message) throws(SystemdError) -> Void = { _ in },
        _ onReply: @escaping (borrowing Message) throws(SystemdError) -> Void
    ) {
        do throws(SystemdError) {
            guard let connection = unsafe connection else {
                throw SystemdError(.disconnected, "there is no connection to the bus")
            }
            var unsent: UInt64 = 0
            unsafe sd_bus_get_n_queued_write(connection, &unsent)
            guard unsent < Self.unsentMax else {
                throw SystemdError(.busy, "the bus has not read the last \(unsent) requests")
            }
            let message = unsafe try method.message(on: connection)
            try write(message)
            unsafe try operation.send(message, on: connection, onReply)
        } catch {
            operation.failAtNextTurn(operation.error(error.code, error.description))
            armDeadlines()
        }
    }

    func armDeadlines() {
        guard let next = operations.values.map(\.deadline).min() else { return }
        deadlines?.arm(at: next)
    }

    private func failWhatIsDue() {
        let now = loop.now
        for (_, operation) in operations.filter({ $0.value.deadline <= now }).sorted(by: { $0.key < $1.key }) {
            operation.fail(operation.failure)
        }
        armDeadlines()
    }
}

// MARK: Signals

extension Bus {
    /// Calls `callback` with `context` for signals that fit `rule`, until the slot is dropped.
    func match(
        _ rule: String, _ callback: @escaping sd_bus_message_handler_t, context: UnsafeMutableRawPointer
    ) throws(SystemdError) -> Slot {
        var slot: OpaquePointer?
        // A rule that the bus then refuses makes sd-bus close the connection, which is how we hear of it.
        let result = unsafe sd_bus_add_match_async(connection, &slot, rule, callback, nil, context)
        guard result >= 0, let slot = unsafe slot else {
            throw SystemdError(.failed, "listen for \(rule): \(reason(result))")
        }
        return unsafe Slot(owning: slot)
    }

    func add(_ watch: UnitWatch) { watches[ObjectIdentifier(watch)] = { [weak watch] in watch } }
    func remove(_ watch: ObjectIdentifier) { watches[watch] = nil }
    var watchesCount: Int { watches.count }

    private func listen() throws(SystemdError) {
        let rules = [
            "type='signal',sender='org.freedesktop.DBus.Local',member='Disconnected'",
            "type='signal',sender='org.freedesktop.DBus',member='NameOwnerChanged',arg0='org.freedesktop.systemd1'",
            "type='signal',sender='org.freedesktop.systemd1',path='/org/freedesktop/systemd1',member='JobRemoved'",
            "type='signal',sender='org.freedesktop.login1',path='/org/freedesktop/login1',member='PrepareForShutdown'",
        ]
        for rule in rules {
            matches.append(unsafe try match(rule, signalled, context: Unmanaged.passUnretained(self).toOpaque()))
        }
    }

    /// Lets the manager send signals at all, and learns who it is from its answer.
    private func subscribe() {
        let mine = unsafe connection
        let operation: Pending<Void> = begin("subscribe to the service manager", within: .seconds(30)) {
            // Weak, because this also runs when the bus itself goes.
            [weak self] result in
            // Without signals no job and no watch would ever end.
            if case .failure(let error) = result, let self, unsafe connection == mine { lose(error) }
        }
        send(.manager("Subscribe"), for: operation) { [unowned self, unowned operation] reply in
            manager = reply.sender
            operation.end(.success(()))
        }
    }

    fileprivate func take(_ signal: borrowing Message) throws(SystemdError) {
        if signal.isSignal("org.freedesktop.DBus.Local", "Disconnected") {
            lose(SystemdError(.disconnected, "the bus closed the connection"))
        } else if signal.isSignal("org.freedesktop.DBus", "NameOwnerChanged"), signal.sender == "org.freedesktop.DBus" {
            // It begins anew (daemon-reexec): signals were lost, and the owner must look again.
            try signal.skip("s")
            if try signal.text() == manager {
                lose(SystemdError(.disconnected, "the service manager left the bus"))
            }
        } else if signal.isSignal("org.freedesktop.systemd1.Manager", "JobRemoved"), signal.sender == manager {
            try signal.skip("u")
            let path = try signal.text("o")
            try signal.skip("s")
            let result = JobResult(try signal.text())
            for operation in operations.values where operation.job?.path == path { operation.job?.removed(result) }
        } else if signal.isSignal("org.freedesktop.login1.Manager", "PrepareForShutdown") {
            tellPrepareForShutdown()
        }
    }

    /// Whoever sent the signal, the answer is logind's own. One question at a time, so that a flood of signals cannot
    /// take the place of other requests.
    private func tellPrepareForShutdown() {
        shutdownSignals += 1
        guard shutdownSignals == 1 else { return }
        isPreparingForShutdown(within: .seconds(5)) { [weak self] result in
            guard let self else { return }
            let changedMeanwhile = shutdownSignals > 1
            shutdownSignals = 0
            if case .success(let isPreparing) = result { onPrepareForShutdown?(isPreparing) }
            if changedMeanwhile, isConnected { tellPrepareForShutdown() }
        }
    }
}

private func signalled(
    message: OpaquePointer?, context: UnsafeMutableRawPointer?, _: UnsafeMutablePointer<sd_bus_error>?
) -> Int32 {
    guard let message = unsafe message, let context = unsafe context else { return 0 }
    let bus = unsafe Unmanaged<Bus>.fromOpaque(context).takeUnretainedValue()
    // A signal that is not what its rule promised is nobody's; the operation it may have meant ends at its deadline.
    unsafe try? bus.take(Message(sharing: message))
    return 0
}
