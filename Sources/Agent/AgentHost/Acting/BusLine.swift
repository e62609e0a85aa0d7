package import AgentCore
package import Platform
package import Systemd

/// The way to PID 1: a connection to its bus that is made when somebody needs it, and again when it was lost.
///
/// It is made for somebody and not kept up for nobody: the bus tells of every job on the machine, which would wake us for nothing.
package final class BusLine {
    /// A try costs next to nothing, and what waits for it has seconds.
    private static let pauses = Duration.milliseconds(20)...Duration.milliseconds(250)
    /// A connection that lasted so long was a good one.
    private static let goodAfter = Duration.seconds(5)
    /// What is done comes in several acts, close together.
    private static let restAfter = Duration.seconds(10)

    private struct Waiter {
        let deadline: Duration
        let completion: (Result<Bus, ActFault>) -> Void
    }

    private let loop: Loop
    private var bus: Bus?
    private var timer: (any LoopTimer)?
    private var rest: (any LoopTimer)?
    private var waiters: [Waiter] = []
    private var pause = pauses.lowerBound
    private var connectedAt = Duration.zero
    private var notBefore = Duration.zero
    private var fault = "it was not tried yet"

    package init(loop: Loop, address: String = Bus.systemAddress) throws(EventLoopError) {
        self.loop = loop
        bus = try Bus(loop: loop, address: address) { [unowned self] error in lose(error) }
        timer = try loop.makeTimer { [unowned self] in connect() }
        rest = try loop.makeTimer { [unowned self] in bus?.close() }
    }

    /// Nil where no systemd runs the machine (sd_booted(3)). Where one does, a bus that is not there yet is waited for by each
    /// act: to do without PID 1 then, because we were early, would be another thing each time.
    package static func ofThisMachine(_ loop: Loop) throws(EventLoopError) -> BusLine? {
        fileExists("/run/systemd/system") ? try BusLine(loop: loop) : nil
    }

    /// Hands over the connected bus, at once where there is one; a failure at `deadline` (on the loop's clock) where there is
    /// none by then.
    package func reach(by deadline: Duration, _ completion: @escaping (Result<Bus, ActFault>) -> Void) {
        rest?.disarm()
        if let bus, bus.isConnected { return completion(.success(bus)) }
        waiters.append(Waiter(deadline: deadline, completion: completion))
        connect()
    }

    /// Nobody waits for anything: a while later the connection is closed, unless somebody asks before.
    func letRest() { if isConnected { rest?.arm(at: loop.now + Self.restAfter) } }

    private func connect() {
        guard let bus, !waiters.isEmpty else { return }
        if !bus.isConnected, loop.now >= notBefore {
            do throws(SystemdError) {
                try bus.connect()
                connectedAt = loop.now
            } catch {
                fault = error.description
                backOff()
            }
        }
        settle(bus)
    }

    private func settle(_ bus: Bus) {
        let now = loop.now
        guard !bus.isConnected else {
            let served = waiters
            waiters = []
            for waiter in served { waiter.completion(.success(bus)) }
            return
        }
        let late = waiters.filter { $0.deadline <= now }
        waiters.removeAll { $0.deadline <= now }
        if let next = waiters.map(\.deadline).min() { timer?.arm(at: min(next, notBefore)) }
        for waiter in late { waiter.completion(.failure(unreachable)) }
    }

    private func backOff() {
        notBefore = loop.now + pause
        pause = min(pause * 2, Self.pauses.upperBound)
    }

    /// Whoever was asking asks again. One that ends as soon as it is made must not keep us busy.
    private func lose(_ error: SystemdError) {
        fault = error.description
        if loop.now - connectedAt > Self.goodAfter { pause = Self.pauses.lowerBound }
        backOff()
    }

    var isConnected: Bool { bus?.isConnected ?? false }

    /// With what to do about it.
    var unreachable: ActFault {
        ActFault(.unreachable, "the service manager cannot be asked: \(fault); systemctl status dbus says more")
    }
}
