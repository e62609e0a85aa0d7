import AgentCore
import Glibc
import Platform
import Systemd

/// A program to be run to its end, and to the end of all it started, within its time.
struct Program {
    /// What it is called among the units of PID 1; used once.
    var name: String
    /// For people.
    var description: String
    /// What its output is called.
    var identifier: String
    /// Absolute.
    var path: String
    var arguments: [String] = []
    var environment: [String] = []
}

/// How a program ended.
enum ProgramEnd: Equatable {
    case exited(Int32)
    case killed(signal: Int32)
    /// At the end of its time, by us.
    case overran
    /// It was not run, or how it ended is not known: the sentence says why.
    case unknown(String)

    /// Why it did not end well; nil when it did.
    var fault: String? {
        switch self {
        case .exited(0): nil
        // systemd.exec(5): the program was not executed.
        case .exited(203): "it could not be executed"
        case .exited(let status): "it exited with \(status)"
        case .killed(let signal): "it was ended by signal \(signal)"
        case .overran: "it was killed at the end of its time"
        case .unknown(let reason): reason
        }
    }
}

/// A program under way. Dropping it leaves the program to its own limits where PID 1 runs it, and kills it where we do.
protocol ProgramRun: AnyObject {}

/// How much of a program's time is for what, on the loop's clock: first it runs, then it is asked to end, then it is killed.
struct ProgramTimes {
    /// From SIGTERM to SIGKILL.
    static let graceMax = Duration.milliseconds(500)
    /// For PID 1 to see it gone and say so.
    private static let reserveMax = Duration.milliseconds(100)

    let begin: Duration
    let asked: Duration
    let killed: Duration
    let end: Duration

    init(from begin: Duration, to end: Duration) {
        let whole = max(.zero, end - begin)
        let reserve = min(Self.reserveMax, whole / 10)
        self.begin = begin
        self.end = begin + whole
        killed = begin + whole - reserve
        asked = killed - min(Self.graceMax, whole / 4)
    }
}

/// A program as a transient service of PID 1.
///
/// PID 1 has the same limits and would keep them without us; but its clock for services has 250 ms of slack at each of them,
/// so it is we who keep the time, as long as we are there.
final class ServiceRun: ProgramRun {
    /// More than a hook should say in ten seconds. journald lets through up to six times as many where its disk has room.
    private static let logLinesMax: UInt32 = 200

    private let program: Program
    private let loop: Loop
    private let line: BusLine
    private let times: ProgramTimes
    private var completion: ((ProgramEnd) -> Void)?
    private var timers: [any LoopTimer] = []
    private var watch: UnitWatch?
    private var hasOverrun = false

    init(
        _ program: Program, loop: Loop, line: BusLine, until end: Duration, _ completion: @escaping (ProgramEnd) -> Void
    ) throws(EventLoopError) {
        self.program = program
        self.loop = loop
        self.line = line
        self.completion = completion
        times = ProgramTimes(from: loop.now, to: end)
        try at(times.asked) { run in
            run.hasOverrun = true
            run.tell { bus in bus.stopUnit(run.program.name, within: .seconds(5)) { _ in } }
        }
        try at(times.killed) { run in
            run.tell { bus in bus.killUnit(run.program.name, .all, signal: SIGKILL, within: .seconds(5)) { _ in } }
        }
        try at(times.end) { run in run.finish(.overran) }
    }

    func begin() {
        line.reach(by: times.asked) { [weak self] reached in
            switch reached {
            case .failure(let fault): self?.finish(.unknown(fault.description))
            case .success(let bus): self?.run(on: bus)
            }
        }
    }

    private func at(_ time: Duration, _ action: @escaping (ServiceRun) -> Void) throws(EventLoopError) {
        let timer = try loop.makeTimer { [unowned self] in action(self) }
        timer.arm(at: time)
        timers.append(timer)
    }

    /// What cannot be told now, PID 1 does by itself.
    private func tell(_ order: @escaping (Bus) -> Void) {
        line.reach(by: times.end) { reached in if case .success(let bus) = reached { order(bus) } }
    }

    private var service: TransientService {
        var service = TransientService(
            name: program.name, commands: [.init(program.path, program.arguments)],
            runtimeMax: max(.milliseconds(1), times.asked - loop.now), stopGrace: times.killed - times.asked,
            syslogIdentifier: program.identifier)
        service.description = program.description
        service.environment = program.environment
        service.logLinesMax = Self.logLinesMax
        return service
    }

    private func run(on bus: Bus) {
        guard completion != nil else { return }
        bus.runTransientService(service, within: times.end - loop.now + .seconds(1)) { [weak self] result in
            switch result {
            case .success(let state): self?.finish(state)
            case .failure(let error) where error.isPassing: self?.lookAgain(after: error)
            case .failure(let error): self?.finish(.unknown(error.description))
            }
        }
    }

    /// The bus was lost meanwhile. What runs goes on running.
    private func lookAgain(after error: SystemdError) {
        line.reach(by: times.end) { [weak self] reached in
            guard let self, completion != nil else { return }
            guard case .success(let bus) = reached else { return finish(.unknown(line.unreachable.description)) }
            var wasSeen = false
            do throws(SystemdError) {
                watch = try bus.watchUnit(program.name) { [weak self] event in
                    switch event {
                    case .state(let state) where !state.isStopped: wasSeen = true
                    case .state(let state) where wasSeen: self?.finish(state)
                    case .ended(let error) where error.isPassing: self?.lookAgain(after: error)
                    case .ended(let error): self?.finish(.unknown(error.description))
                    case .state, .unloaded:
                        self?.finish(.unknown("how it ended was not seen: \(error)"))
                    }
                }
            } catch { finish(.unknown(error.description)) }
        }
    }

    private func finish(_ state: UnitState) {
        if hasOverrun || loop.now >= times.asked { return finish(.overran) }
        switch state.mainExit {
        case .exited(let status)?: finish(.exited(status))
        case .killed(let signal)?: finish(.killed(signal: signal))
        case nil: finish(.unknown("it did not run (\(state.result))"))
        }
    }

    private func finish(_ end: ProgramEnd) {
        guard let completion else { return }
        self.completion = nil
        timers = []
        watch = nil
        completion(end)
    }
}
