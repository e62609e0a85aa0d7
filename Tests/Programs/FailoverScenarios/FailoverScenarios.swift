import Glibc
import Platform
import TestSupport

/// Hand-overs of real machines with something killed in them, for `AgentFailoverTests`:
/// `sweep overlap|exclusive VICTIM|all COUNT|all SEED [KILLS]`, `cut overlap|exclusive SECONDS COUNT|all SEED`, `names
/// overlap|exclusive [TIMES]`, `pace overlap|exclusive COUNT`, `balance overlap`, `unfollowed overlap|exclusive`, `hooks overlap|exclusive COUNT`, `fence exclusive`,
/// `stuck overlap promote|verify`, `stuck exclusive verify`, `drill overlap|exclusive`, `trials overlap|exclusive [TRIAL...]`,
/// `loss overlap|exclusive LOSS [TIMES]`, `stay overlap|exclusive`, to look around in; and `serve NAME FOLDER [alone]`, which is the workload. All but the last go in a network of
/// their own (`unshare --net`).
@main enum FailoverScenarios {
    static func main() { exit(run(Array(CommandLine.arguments.dropFirst()))) }

    nonisolated private static func run(_ words: [String]) -> Int32 {
        do {
            switch words.first {
            case "serve": try serve(Array(words.dropFirst()))
            case "sweep": try withTown(words) { try sweep($0, Array(words.dropFirst(2))) }
            case "cut": try withTown(words) { try cut($0, Array(words.dropFirst(2))) }
            case "pace": try withTown(words) { try pace($0, Array(words.dropFirst(2))) }
            case "balance": try withTown(words) { try balance($0) }
            case "unfollowed": try withTown(words) { try sufferUnfollowed($0) }
            case "names": try withTown(words) { try loseNames($0, Array(words.dropFirst(2))) }
            case "hooks": try withTown(words) { try sufferHooks($0, Array(words.dropFirst(2))) }
            case "fence": try withTown(words) { try sufferFence($0) }
            case "stuck": try withTown(words) { try sufferSuccessor($0, Array(words.dropFirst(2))) }
            case "drill": try withTown(words) { try rehearse($0) }
            case "loss": try withTown(words) { try lose($0, Array(words.dropFirst(2))) }
            case "stay": try withTown(words) { try stay($0) }
            case "trials": try withTown(words) { try undergo($0, Array(words.dropFirst(2))) }
            default: throw Misuse(words: words)
            }
            return 0
        } catch {
            say("failed: \(error)")
            return 1
        }
    }
}

struct Misuse: Error { let words: [String] }

/// Something was not as it must be.
struct Broken: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

func say(_ text: String) {
    let line = Array("\(text)\n".utf8)
    _ = unsafe write(1, line, line.count)
}

extension Duration {
    var whole: Int64 { Int64(self / .milliseconds(1)) }
}
