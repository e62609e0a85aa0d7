import CSystemd
import Glibc

/// What a watch tells of its unit.
package enum UnitEvent: Sendable, Equatable {
    /// It is this now: once when the watch begins, then at each change.
    case state(UnitState)
    /// The manager forgot it: a transient unit is gone for good, one with a file is only not in use. The last state said
    /// how it ended.
    case unloaded
    /// The watch is over, with no further call; begin another when the bus is back.
    case ended(SystemdError)
}

/// One unit under watch. Dropping the last reference ends it.
@safe package final class UnitWatch {
    private weak var bus: Bus?
    private var handler: ((UnitEvent) -> Void)?
    private var state = UnitState()
    private var told: UnitState?
    private var slots: [Slot] = []

    /// Nothing is heard before `listen`.
    init(bus: Bus, _ handler: @escaping (UnitEvent) -> Void) {
        self.bus = bus
        self.handler = handler
    }

    deinit { cancel() }

    package func cancel() {
        handler = nil
        slots = []
        bus?.remove(ObjectIdentifier(self))
    }

    func end(_ error: SystemdError) {
        let handler = handler
        cancel()
        handler?(.ended(error))
    }

    /// Hears of the unit at `path` from here on.
    func listen(at path: String) throws(SystemdError) {
        guard let bus, handler != nil else { return }
        let context = unsafe Unmanaged.passUnretained(self).toOpaque()
        let manager = "type='signal',sender='org.freedesktop.systemd1'"
        slots = unsafe [
            try bus.match(
                "\(manager),path='\(path)',interface='org.freedesktop.DBus.Properties',member='PropertiesChanged'",
                changed,
                context: context),
            try bus.match(
                "\(manager),path='/org/freedesktop/systemd1',member='UnitRemoved',arg1path='\(path)'", removed,
                context: context),
        ]
    }

    func take(_ newState: UnitState) {
        state = newState
        tell()
    }

    /// The manager sends what is particular to a service before what all units have, so that the second completes a
    /// change.
    fileprivate func take(_ change: borrowing Message) throws(SystemdError) {
        guard let bus, change.sender == bus.manager else { return }
        let interface = try change.text()
        state.merge(try change.properties(UnitState.properties))
        if interface == "org.freedesktop.systemd1.Unit" { tell() }
    }

    fileprivate func takeRemoval(_ signal: borrowing Message) {
        guard let bus, signal.sender == bus.manager else { return }
        handler?(.unloaded)
    }

    private func tell() {
        guard state != told else { return }
        told = state
        handler?(.state(state))
    }

    /// The object of a unit that need not exist yet.
    static func path(of name: String) throws(SystemdError) -> String {
        var encoded: UnsafeMutablePointer<CChar>?
        let result = unsafe sd_bus_path_encode("/org/freedesktop/systemd1/unit", name, &encoded)
        guard result >= 0, let encoded = unsafe encoded else {
            throw SystemdError(.malformed, "make a path for \(name): \(reason(result))")
        }
        defer { unsafe free(encoded) }
        return unsafe String(cString: encoded)
    }
}

extension Bus {
    /// Watches the unit `name` until the watch is dropped. The handler runs on the loop, never inside this call.
    package func watchUnit(
        _ name: String, _ handler: @escaping (UnitEvent) -> Void
    ) throws(SystemdError) -> UnitWatch {
        let watch = try makeWatch(name, handler)
        let operation: Pending<UnitState> = begin("watch \(name)", within: .seconds(30)) { [weak watch] result in
            switch result {
            case .success(let state): watch?.take(state)
            case .failure(let error): watch?.end(error)
            }
        }
        // The manager resolves an alias; signals come only from the unit's own path.
        send(.manager("LoadUnit"), for: operation) { message throws(SystemdError) in
            try message.append(name)
        } _: { [unowned self, unowned operation, weak watch] reply throws(SystemdError) in
            let path = try reply.text("o")
            try watch?.listen(at: path)
            readState(at: path, for: operation) { [unowned operation] in operation.end(.success($0)) }
        }
        return watch
    }

    func makeWatch(_ name: String, _ handler: @escaping (UnitEvent) -> Void) throws(SystemdError) -> UnitWatch {
        guard isConnected else { throw SystemdError(.disconnected, "watch \(name): there is no connection to the bus") }
        guard watchesCount < Self.watchesMax else {
            throw SystemdError(.busy, "watch \(name): \(Self.watchesMax) units are under watch")
        }
        let watch = UnitWatch(bus: self, handler)
        add(watch)
        return watch
    }
}

private func changed(
    message: OpaquePointer?, context: UnsafeMutableRawPointer?, _: UnsafeMutablePointer<sd_bus_error>?
) -> Int32 {
    // A change that cannot be read is made good by the next one; the manager is the only sender that is believed.
    unsafe withWatch(message, context) { watch, message in try? watch.take(message) }
}

private func removed(
    message: OpaquePointer?, context: UnsafeMutableRawPointer?, _: UnsafeMutablePointer<sd_bus_error>?
) -> Int32 {
    unsafe withWatch(message, context) { watch, message in watch.takeRemoval(message) }
}

private func withWatch(
    _ message: OpaquePointer?, _ context: UnsafeMutableRawPointer?, _ body: (UnitWatch, borrowing Message) -> Void
) -> Int32 {
    guard let message = unsafe message, let context = unsafe context else { return 0 }
    unsafe body(Unmanaged<UnitWatch>.fromOpaque(context).takeUnretainedValue(), Message(sharing: message))
    return 0
}
