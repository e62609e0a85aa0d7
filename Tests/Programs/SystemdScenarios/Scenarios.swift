import Glibc
import Systemd

/// What the tests run under a real systemd: each scenario is a short program that ends with 0 if all was as it must be.
@main enum Scenarios {
    static func main() { exit(run(CommandLine.arguments.dropFirst().first ?? "")) }

    nonisolated private static func run(_ name: String) -> Int32 {
        let scenarios: [String: () throws -> Void] = [
            "serve": serve, "listen": listen, "units": units, "refusals": refusals, "hook": hook, "runs": runs,
            "arm": arm, "rearm": rearm, "frozen": frozen, "lost": lost, "forged": forged, "machine": machine,
            "strange": strange, "metadata": metadata, "order": order,
        ]
        guard let scenario = scenarios[name] else {
            say("no scenario \(name)")
            return 2
        }
        do {
            try scenario()
            return 0
        } catch {
            say("\(name): \(error)")
            return 1
        }
    }
}

func say(_ text: String) {
    let line = Array("\(text)\n".utf8)
    unsafe write(1, line, line.count)
}

/// Something was not as it must be.
struct Broken: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

func expect(_ condition: Bool, _ claim: @autoclosure () -> String) throws {
    guard condition else { throw Broken(claim()) }
}

func exists(_ path: String) -> Bool { unsafe access(path, F_OK) == 0 }

func touch(_ path: String) { close(unsafe open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0o644)) }

/// The first word in a file.
func word(in path: String) -> String? {
    let file = unsafe open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { return nil }
    defer { close(file) }
    var bytes = [UInt8](repeating: 0, count: 64)
    let count = unsafe read(file, &bytes, bytes.count)
    return count > 0 ? String(decoding: bytes.prefix(count).prefix { $0 > 32 }, as: UTF8.self) : nil
}

/// The number that a process left in a file.
func number(in path: String) -> Int32? { word(in: path).flatMap { Int32($0) } }

/// A loop with a bus on it, and a way to wait for one answer after the other.
final class Desk {
    let loop: Loop
    let bus: Bus
    private(set) var losses: [SystemdError] = []

    init(address: String = Bus.systemAddress) throws {
        loop = try Loop()
        var lost: (SystemdError) -> Void = { _ in }
        bus = try Bus(loop: loop, address: address) { lost($0) }
        lost = { [unowned self] in losses.append($0) }
        try bus.connect()
    }

    func wait(for what: String, _ condition: () -> Bool) throws {
        let deadline = loop.now + .seconds(15)
        while !condition() {
            guard loop.now < deadline else { throw Broken("\(what) did not come in 15 s") }
            _ = try loop.turn(timeout: .milliseconds(100))
        }
    }

    /// Turns the loop until the request that `begin` makes is answered.
    func ask<Value>(_ begin: (@escaping (Result<Value, SystemdError>) -> Void) -> Void) throws -> Value {
        try outcome(of: begin).get()
    }

    func outcome<Value>(
        of begin: (@escaping (Result<Value, SystemdError>) -> Void) -> Void
    ) throws -> Result<Value, SystemdError> {
        var answers: [Result<Value, SystemdError>] = []
        begin { answers.append($0) }
        try expect(answers.isEmpty, "a completion ran inside the call that asked")
        try wait(for: "an answer") { !answers.isEmpty }
        try expect(answers.count == 1, "a completion ran \(answers.count) times")
        return answers[0]
    }

    func code<Value>(of begin: (@escaping (Result<Value, SystemdError>) -> Void) -> Void) throws -> SystemdError.Code? {
        guard case .failure(let error) = try outcome(of: begin) else { return nil }
        say("refused as it should be: \(error)")
        return error.code
    }

    func start(_ name: String) throws -> JobResult { try ask { bus.startUnit(name, within: .seconds(10), $0) } }
    func stop(_ name: String) throws -> JobResult { try ask { bus.stopUnit(name, within: .seconds(10), $0) } }
    func state(_ name: String) throws -> UnitState { try ask { bus.unitState(name, within: .seconds(10), $0) } }
}

/// CLOCK_BOOTTIME.
func bootTime() -> Duration {
    var time = timespec()
    unsafe clock_gettime(CLOCK_BOOTTIME, &time)
    return .seconds(time.tv_sec) + .nanoseconds(time.tv_nsec)
}
