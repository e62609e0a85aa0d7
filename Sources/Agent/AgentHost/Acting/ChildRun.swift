import Glibc
import Platform
import Systemd

/// A program as our own child, where there is no PID 1 that would run it.
///
/// What leaves its process group outlives its time, and what it mounts is seen by nobody else where we have mounts of our own.
final class ChildRun: ProgramRun {
    /// Lines that are passed on; the rest is read and dropped, so that whoever floods is not held up by us.
    private static let linesMax = 1000
    private static let lineBytesMax = 2048

    private let program: Program
    private let loop: Loop
    private let times: ProgramTimes
    private let said: (String) -> Void
    private var completion: ((ProgramEnd) -> Void)?
    private var group: ProcessGroup?
    private var exit: (any ChildWatch)?
    private var reading: (any DescriptorWatch)?
    private var timers: [any LoopTimer] = []
    private var hasOverrun = false
    private var line: [UInt8] = []
    private var lines = 0

    init(
        _ program: Program, loop: Loop, until end: Duration, said: @escaping (String) -> Void,
        _ completion: @escaping (ProgramEnd) -> Void
    ) throws(EventLoopError) {
        self.program = program
        self.loop = loop
        self.said = said
        self.completion = completion
        times = ProgramTimes(from: loop.now, to: end)
        try at(times.asked) { run in
            run.hasOverrun = true
            run.group?.send(signal: SIGTERM)
        }
        try at(times.killed) { run in run.group?.send(signal: SIGKILL) }
        try at(times.end) { run in run.finish(.overran) }
    }

    deinit {
        guard completion != nil else { return }
        group?.send(signal: SIGKILL)
    }

    func begin() {
        do {
            let group = try ProcessGroup(starting: program.path, program.arguments, environment: program.environment)
            exit = try loop.onExit(of: group.id) { [unowned self] exit in note(exit) }
            reading = try loop.watch(descriptor: group.output.number, for: .readable) { [unowned self] _ in readSome() }
            self.group = consume group
        } catch {
            // In a later turn, as every other end.
            let reason = "\(error)"
            do throws(EventLoopError) { try at(loop.now) { run in run.finish(.unknown(reason)) } } catch {
                finish(.unknown(reason))
            }
        }
    }

    private func at(_ time: Duration, _ action: @escaping (ChildRun) -> Void) throws(EventLoopError) {
        let timer = try loop.makeTimer { [unowned self] in action(self) }
        timer.arm(at: time)
        timers.append(timer)
    }

    private func note(_ exit: ChildExit) {
        // Before the program is reaped, so that the number means its group and no other.
        group?.send(signal: SIGKILL)
        readSome()
        switch exit {
        case _ where hasOverrun: finish(.overran)
        case .exited(let status): finish(.exited(status))
        case .killed(let signal): finish(.killed(signal: signal))
        }
    }

    private func finish(_ end: ProgramEnd) {
        guard let completion else { return }
        self.completion = nil
        timers = []
        reading?.cancel()
        if !line.isEmpty { passOn() }
        completion(end)
    }

    // MARK: What it says

    private func readSome() {
        switch group?.readOutput() {
        case .bytes(let bytes)?: take(bytes)
        case .nothingYet?, nil: break
        case .ended?: reading?.cancel()
        }
    }

    private func take(_ bytes: [UInt8]) {
        guard lines < Self.linesMax else { return }
        for byte in bytes {
            if byte == UInt8(ascii: "\n") {
                passOn()
            } else if line.count < Self.lineBytesMax {
                line.append(byte)
            }
        }
    }

    private func passOn() {
        lines += 1
        if lines < Self.linesMax {
            said(String(decoding: line, as: UTF8.self))
        } else if lines == Self.linesMax {
            said("it says more than \(Self.linesMax) lines; the rest is dropped")
        }
        line = []
    }
}
