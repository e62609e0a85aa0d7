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
        commands[machine.instance] = start(boot, machine, "running", endsWhole: false)
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
        halts.removeAll { $0.hasExited }
        guard !halt.isEmpty, let command = start(halt, machine, state, endsWhole: true) else { return }
        halts.append(command)
    }

    private func start(_ text: String, _ machine: Boot, _ state: String, endsWhole: Bool) -> Command? {
        let log = log.adding([.field("SANDBOX_INSTANCE", machine.instance)])
        do { return try Command(text, variables(machine, state), loop: loop, log: log, endsWhole: endsWhole) } catch {
            log.error("command not started", [.field("SANDBOX_REASON", "\(error)")])
            return nil
        }
    }

    private func variables(_ machine: Boot, _ state: String) -> [String] {
        let own = [
            "SANDBOX_INSTANCE": machine.instance, "SANDBOX_ADDRESS": machine.address,
            "SANDBOX_METADATA": machine.metadata, "SANDBOX_ENDPOINT": machine.endpoint,
            "SANDBOX_REGION": machine.region,
            "SANDBOX_ZONE": machine.zone, "SANDBOX_TYPE": machine.type, "SANDBOX_USER_DATA": machine.userData,
            "SANDBOX_STATE": state,
            "SANDBOX_ACCESS_KEY": Rules.accessKey, "SANDBOX_SECRET_KEY": Rules.secretKey,
        ]
        return environment.merging(own) { $1 }.map { "\($0.key)=\($0.value)" }
    }
}

/// One command and everything in its process group.
private final class Command {
    /// A member of the group that ends all of it when we end in whatever way, so that nothing is left of an instance. Until then
    /// it keeps the group's number from being given to strangers.
    private static let guardian =
        "( (trap '' TERM INT HUP; tail --pid=\(getpid()) -f /dev/null; kill -KILL 0) < /dev/null > /dev/null 2>&1 & ); "

    private let group: ProcessGroup
    private let log: Log
    /// When its first process ends, so does the rest.
    private let endsWhole: Bool
    private var exit: (any ChildWatch)?
    private var output: (any DescriptorWatch)?
    private var line: [UInt8] = []
    private(set) var hasExited = false

    /// Longer lines are cut in pieces: a log's entry has its bound.
    private static let lineMax = 1_024

    init(_ text: String, _ environment: [String], loop: Loop, log: Log, endsWhole: Bool) throws {
        (self.log, self.endsWhole) = (log, endsWhole)
        group = try ProcessGroup(starting: "/bin/sh", ["-c", Self.guardian + text], environment: environment)
        exit = try loop.onExit(of: group.id) { [self] in ended($0) }
        output = try loop.watch(descriptor: group.output.number, for: .readable) { [weak self] _ in self?.read() }
    }

    func send(signal: Int32) { group.send(signal: signal) }

    /// The loop holds it until here, so that it is reaped also when nobody else knows it any more.
    private func ended(_ end: ChildExit) {
        hasExited = true
        exit = nil
        if endsWhole { group.send(signal: SIGKILL) }
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
