import AgentCore
import AgentHost
import Glibc
import Platform
import Systemd
import Wire

/// Has the agent's hands do what its arguments say, and says what came of it and how long it took:
/// `hooks STAGE SECONDS`, `start SECONDS UNIT…`, `stop`, `kill`, `inspect` and `order` likewise, `arm SECONDS UNIT…`,
/// `disarm SECONDS`, `program SECONDS WORD…`, `poweroff SECONDS`, `die`; several of them are separated by `then`.
@main enum ActingScenarios {
    static func main() { exit(run(Array(CommandLine.arguments.dropFirst()))) }

    nonisolated private static func run(_ words: [String]) -> Int32 {
        do {
            Loop.block(signals: [SIGCHLD])
            let scene = try Scene()
            var hasFailed = false
            for act in words.split(separator: "then") { if try !scene.play(Array(act)) { hasFailed = true } }
            return hasFailed ? 1 : 0
        } catch {
            say("\(error)")
            return 2
        }
    }
}

private func say(_ text: String) {
    let line = Array("\(text)\n".utf8)
    _ = unsafe write(1, line, line.count)
}

private struct Misuse: Error { let words: [String] }

private final class Scene {
    private let loop: Loop
    private let acting: Acting
    private let surroundings = SystemSurroundings()

    init() throws {
        let loop = try Loop()
        self.loop = loop
        let place = unsafe getenv("HOOKS_DIR").map { unsafe String(cString: $0) } ?? "/etc/spot-optimizer/hooks"
        let isAlone = unsafe getenv("WITHOUT_MANAGER") != nil
        let address = unsafe getenv("BUS_ADDRESS").map { unsafe String(cString: $0) }
        let line = try address.map { address throws(EventLoopError) in try BusLine(loop: loop, address: address) }
        acting = Acting(
            loop: loop, line: isAlone ? nil : try line ?? BusLine.ofThisMachine(loop), hooks: HookFolder.all(in: place),
            surroundings: surroundings
        ) { identifier, line in say("\(identifier): \(line)") }
        acting.instance = "i-0123456789abcdef0"
    }

    /// False when it came to a fault.
    func play(_ words: [String]) throws -> Bool {
        if words == ["die"] { kill(getpid(), SIGKILL) }
        guard words.count >= 2 else { throw Misuse(words: words) }
        let isHooks = words[0] == "hooks"
        guard let time = SettingsTime.seconds(words[isHooks ? 2 : 1]) else { throw Misuse(words: words) }
        let started = surroundings.monotonic()
        var outcome: Result<Acted, ActFault>?
        try begin(words[0], Array(words.dropFirst(isHooks ? 1 : 2)), time) { result in
            precondition(outcome == nil, "an act is answered once")
            outcome = result
        }
        while outcome == nil {
            guard surroundings.monotonic() - started < time + .seconds(10) else { throw Misuse(words: ["no answer"]) }
            _ = try loop.turn(timeout: .milliseconds(100))
        }
        let took = Int64((surroundings.monotonic() - started) / .milliseconds(1))
        return tell(outcome, "in \(took) ms")
    }

    private func begin(
        _ verb: String, _ rest: [String], _ time: Duration, _ answer: @escaping (Result<Acted, ActFault>) -> Void
    ) throws {
        if verb == "order" {
            return acting.stopBefore(rest.compactMap { UnitName($0) }) {
                answer($0.map { .failure($0) } ?? .success(.done))
            }
        }
        // What arms a fence has time enough; the words say when it fires.
        acting.act(ActID(0), try act(verb, rest, time), within: verb == "arm" ? .seconds(5) : time, answer)
    }

    private func act(_ verb: String, _ rest: [String], _ time: Duration) throws -> Act {
        let units = rest.compactMap { UnitName($0) }
        switch verb {
        case "hooks":
            guard let stage = HookStage(rawValue: rest[0]) else { throw Misuse(words: rest) }
            return .runHooks(
                stage, HookFacts(incident: "incident-1", role: .promoting, epoch: 7, left: time + .seconds(5)))
        case "start": return .start(units)
        case "stop": return .stop(units, atOnce: false)
        case "kill": return .stop(units, atOnce: true)
        case "inspect": return .inspect(units)
        case "arm": return .armFence(units, at: surroundings.boot() + time)
        case "disarm": return .disarmFence
        case "program": return .probe(.program(rest))
        case "poweroff": return .powerOff
        default: throw Misuse(words: [verb])
        }
    }

    private func tell(_ outcome: Result<Acted, ActFault>?, _ took: String) -> Bool {
        switch outcome {
        case .success(.ran(let runs))?:
            for run in runs { say("\(run.name) \(run.outcome.words) after \(Int64(run.took / .milliseconds(1))) ms") }
            say("ran \(runs.count) \(took)")
        case .success(.units(let findings))?:
            for unit in findings {
                let facts = [(unit.isLoaded, "loaded"), (unit.isActive, "active"), (unit.isStopped, "stopped")]
                say(([unit.name.text] + facts.filter(\.0).map(\.1) + [": \(unit.state)"]).joined(separator: " "))
            }
            say("units \(took)")
        case .success(.done)?: say("done \(took)")
        case .success(.serves)?: say("serves \(took)")
        case .success(.servesNot(let why))?: say("serves not \(took): \(why)")
        case .failure(let fault)?: say("\(fault.kind) \(took): \(fault)")
        case nil: break
        }
        if case .failure? = outcome { return false }
        return true
    }
}

extension HookRun.Outcome {
    fileprivate var words: String {
        switch self {
        case .done: "done"
        case .failed(let why): "failed (\(why))"
        case .overran: "overran"
        }
    }
}

private enum SettingsTime {
    static func seconds(_ text: String) -> Duration? { Double(text).map { .milliseconds(Int64($0 * 1000)) } }
}
