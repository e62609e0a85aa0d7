import Glibc
import Platform
import SandboxCore
import Systemd

/// The commands that instances are.
final class Machines {
    private let boot: String
    private let halt: String
    private let environment: [String: String]
    private let loop: Loop
    private let log: Log
    private var commands: [String: Command] = [:]
    private var halts: [Command] = []

    init(boot: String, halt: String, environment: [String: String], loop: Loop, log: Log) {
        (self.boot, self.halt, self.environment, self.loop, self.log) = (boot, halt, environment, loop, log)
    }

    func boot(_ machine: Boot) {
        guard !boot.isEmpty else { return }
        commands[machine.instance] = start(boot, machine, "running")
    }

    func halt(_ machine: Boot, _ state: String) {
        commands[machine.instance]?.send(signal: SIGTERM)
        tell(machine, state)
    }

    func kill(_ machine: Boot, _ state: String) {
        commands.removeValue(forKey: machine.instance)?.send(signal: SIGKILL)
        tell(machine, state)
    }

    func killAll() { for command in halts + commands.values { command.send(signal: SIGKILL) } }

    private func tell(_ machine: Boot, _ state: String) {
        halts.removeAll { $0.isOver }
        guard !halt.isEmpty, let command = start(halt, machine, state) else { return }
        halts.append(command)
    }

    private func start(_ text: String, _ machine: Boot, _ state: String) -> Command? {
        let log = log.adding([.field("SANDBOX_INSTANCE", machine.instance)])
        do { return try Command(text, variables(machine, state), loop: loop, log: log) } catch {
            log.error("command not started", [.field("SANDBOX_REASON", "\(error)")])
            return nil
        }
    }

    private func variables(_ machine: Boot, _ state: String) -> [String] {
        let own = [
            "SANDBOX_INSTANCE": machine.instance, "SANDBOX_ADDRESS": machine.address,
            "SANDBOX_METADATA": machine.metadata, "SANDBOX_ENDPOINT": machine.endpoint, "SANDBOX_ZONE": machine.zone,
            "SANDBOX_TYPE": machine.type, "SANDBOX_USER_DATA": machine.userData, "SANDBOX_STATE": state,
            "SANDBOX_ACCESS_KEY": Rules.accessKey, "SANDBOX_SECRET_KEY": Rules.secretKey,
        ]
        return environment.merging(own) { $1 }.map { "\($0.key)=\($0.value)" }
    }
}

/// One command and everything in its process group, until the last of it is gone.
private final class Command {
    private let group: ProcessGroup
    private let log: Log
    private var exit: (any ChildWatch)?
    private var output: (any DescriptorWatch)?
    private var line: [UInt8] = []
    private var hasExited = false

    /// Longer lines are cut in pieces: a log's entry has its bound.
    private static let lineMax = 1_024

    init(_ text: String, _ environment: [String], loop: Loop, log: Log) throws {
        self.log = log
        group = try ProcessGroup(starting: "/bin/sh", ["-c", text], environment: environment)
        exit = try loop.onExit(of: group.id) { [self] in ended($0) }
        output = try loop.watch(descriptor: group.output.number, for: .readable) { [weak self] _ in self?.read() }
    }

    /// None of it can be there any more, and its number may be somebody else's.
    var isOver: Bool { hasExited && output == nil }

    func send(signal: Int32) { if !isOver { group.send(signal: signal) } }

    /// The loop holds it until here, so that it is reaped also when nobody else knows it any more.
    private func ended(_ end: ChildExit) {
        hasExited = true
        exit = nil
        let words =
            switch end {
            case .exited(let status): "exit status \(status)"
            case .killed(let signal): "killed by signal \(signal)"
            }
        log.notice("command ended", [.field("SANDBOX_END", words)])
    }

    private func read() {
        switch group.readOutput() {
        case .bytes(let bytes): for byte in bytes { take(byte) }
        case .nothingYet: break
        case .ended:
            if !line.isEmpty { say() }
            output?.cancel()
            output = nil
        }
    }

    private func take(_ byte: UInt8) {
        if byte != UInt8(ascii: "\n") { line.append(byte) }
        if byte == UInt8(ascii: "\n") || line.count == Self.lineMax { say() }
    }

    private func say() {
        log.info("said", [.field("SANDBOX_LINE", String(decoding: line, as: UTF8.self))])
        line = []
    }
}
