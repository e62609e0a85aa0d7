import AgentCore
import Platform
import Systemd

/// An act under way: ends once, at its deadline at the latest. Whoever began it keeps it until then.
class Deed {
    typealias Outcome = Result<Acted, ActFault>

    /// Between two looks at something that only time changes.
    static let look = Duration.milliseconds(50)
    /// After a manager that was lost, or has too much to do.
    private static let rest = Duration.milliseconds(100)
    /// What is asked of the bus ends after the act has, so that the act says what became of it.
    private static let beyond = Duration.seconds(1)

    let loop: Loop
    /// On the loop's clock.
    let deadline: Duration
    /// What is being done now, and to what: begins the sentence of a fault.
    var doing = ""
    private let line: BusLine?
    private var completion: ((Outcome) -> Void)?
    private var alarm: (any LoopTimer)?
    private var pauses: [UInt64: any LoopTimer] = [:]
    private var pausesMade: UInt64 = 0

    init(
        loop: Loop, line: BusLine?, deadline: Duration, _ completion: @escaping (Outcome) -> Void
    ) throws(EventLoopError) {
        self.loop = loop
        self.line = line
        self.deadline = deadline
        self.completion = completion
        alarm = try loop.makeTimer { [unowned self] in
            if let line, !line.isConnected { end(.failure(line.unreachable)) } else { end(late) }
        }
        alarm?.arm(at: deadline)
    }

    func begin() { preconditionFailure("a deed is something to do") }

    /// What it comes to at its deadline.
    var late: Outcome { .failure(ActFault(.late, "\(doing): not done in time")) }

    final var left: Duration { deadline - loop.now }
    final var isOver: Bool { completion == nil }

    final func end(_ outcome: Outcome) {
        guard let completion else { return }
        self.completion = nil
        alarm?.disarm()
        pauses = [:]
        letGo()
        completion(outcome)
    }

    /// Ends what was begun for it.
    func letGo() {}

    final func fail(_ kind: ActFault.Kind, _ why: String) { end(.failure(ActFault(kind, "\(doing): \(why)"))) }

    /// Goes on with `next` after `time`.
    final func wait(_ time: Duration, _ next: @escaping () -> Void) {
        guard !isOver else { return }
        do throws(EventLoopError) {
            pausesMade += 1
            let number = pausesMade
            let timer = try loop.makeTimer { [weak self] in
                // Gone with the act when that is over.
                if self?.pauses.removeValue(forKey: number) != nil { next() }
            }
            timer.arm(at: loop.now + time)
            pauses[number] = timer
        } catch { fail(.failed, "\(error)") }
    }

    // MARK: Asking PID 1

    typealias Answer<Value> = (Result<Value, SystemdError>) -> Void

    /// Asks until it is answered or the act is over: who cannot be reached is asked again. `then` gets what is no matter of
    /// reaching it.
    final func ask<Value>(
        _ request: @escaping (Bus, Duration, @escaping Answer<Value>) -> Void, _ then: @escaping Answer<Value>
    ) {
        guard !isOver else { return }
        guard let line else { return fail(.failed, Acting.noManager) }
        line.reach(by: deadline) { [weak self] reached in
            guard let self, !isOver else { return }
            switch reached {
            case .failure(let fault): end(.failure(fault))
            case .success(let bus):
                request(bus, left + Self.beyond) { [weak self] answer in
                    guard let self, !isOver else { return }
                    if case .failure(let error) = answer, error.isPassing {
                        wait(Self.rest) { [weak self] in self?.ask(request, then) }
                    } else {
                        then(answer)
                    }
                }
            }
        }
    }

    /// As above, where a refusal is the end of the act.
    final func demand<Value>(
        _ request: @escaping (Bus, Duration, @escaping Answer<Value>) -> Void, _ then: @escaping (Value) -> Void
    ) {
        ask(request) { [weak self] (answer: Result<Value, SystemdError>) in
            switch answer {
            case .success(let value): then(value)
            case .failure(let error): self?.fail(.failed, error.description)
            }
        }
    }
}

extension Deed {
    /// Stops every unit that is called so but `kept`: also those of an earlier life of ours.
    func stopAll(matching pattern: String, but kept: String?, _ then: @escaping () -> Void) {
        demand({ bus, time, answer in bus.units(matching: pattern, within: time, answer) }) { [weak self] units in
            guard let self else { return }
            guard let next = units.first(where: { $0.name != kept && !$0.isStopped }) else { return then() }
            ask({ bus, time, answer in bus.stopUnit(next.name, within: time, answer) }) {
                [weak self] (answer: Result<JobResult, _>) in
                // A timer that has elapsed goes by itself.
                if case .failure(let error) = answer, error.code != .noSuchUnit {
                    self?.fail(.failed, error.description)
                } else {
                    self?.stopAll(matching: pattern, but: kept, then)
                }
            }
        }
    }
}

extension SystemdError {
    /// It lies at the bus or its load, not at what was asked.
    var isPassing: Bool {
        switch code {
        case .disconnected, .unavailable, .busy: true
        case .timedOut, .noSuchUnit, .unitExists, .denied, .refused, .malformed, .failed: false
        }
    }
}
