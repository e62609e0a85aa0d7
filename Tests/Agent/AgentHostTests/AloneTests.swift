import Glibc
import Platform
import TestSupport
import Testing

/// What the agent does with its machine where no systemd runs it: programs in a process group of their own, and nothing else.
struct AloneTests {
    private func withHooks(
        _ hooks: [String: String], _ words: [String], _ check: (_ folder: String, ChildOutcome) throws -> Void
    ) throws {
        try withTemporaryFolder { folder in
            for (name, script) in hooks {
                let path = "\(folder)/\(name)"
                unsafe mkdir(folderName(of: path), 0o755)
                try replaceFile(path, with: Array("#!/bin/bash\ncd \(folder)\n\(script)\n".utf8), permissions: 0o755)
            }
            let environment = ["HOOKS_DIR": folder, "WITHOUT_MANAGER": "1"]
            let outcome = try ChildProcess(builtProgram("ActingScenarios"), words, environment: environment)
                .waitForEnd()
            try check(folder, outcome)
        }
    }

    private func milliseconds(_ outcome: ChildOutcome) -> Int {
        outcome.output.firstMatch(of: /in (\d+) ms/).flatMap { Int($0.output.1) } ?? .max
    }

    @Test(arguments: [
        ("hangs", "sleep 600"),
        ("ignores SIGTERM", "trap '' TERM; while :; do sleep 600; done"),
        ("forks", "for i in {1..20}; do (trap '' TERM; sleep 600; sleep 600) & echo $! >>children; done; wait"),
        ("floods", "yes 'says a lot'"),
    ])
    func `a hook that never ends costs its stage's time, with all of its group`(what: String, body: String) throws {
        let hooks = ["drain.d/10-bad": "touch children; echo $$ >>children; \(body)", "notice.d/10-good": "echo fine"]
        try withHooks(hooks, ["hooks", "drain", "1", "then", "hooks", "notice", "3"]) { folder, outcome in
            #expect(outcome.status == 0)
            #expect(outcome.output.contains("10-bad overran") && outcome.output.contains("10-good done"))
            #expect(outcome.output.contains("spot-hook-notice: fine"))
            let took = milliseconds(outcome)
            print("AloneTests: a hook that \(what): its stage of 1000 ms took \(took) ms")
            #expect(took <= 1_000)
            #expect(outcome.output.split(separator: "\n").count <= 1_010)
            let children = String(decoding: try readSmallFile("\(folder)/children", limit: 4_096), as: UTF8.self)
            for child in children.split(separator: "\n").compactMap({ Int32($0) }) {
                try eventually("the end of \(child)") { kill(child, 0) != 0 || isZombie(child) }
            }
        }
    }

    private func isZombie(_ process: Int32) -> Bool {
        let status = try? readSmallFile("/proc/\(process)/stat", limit: 4_096)
        return status.map { String(decoding: $0, as: UTF8.self).contains(") Z ") } ?? true
    }

    @Test func `what a hook leaves in its group ends with it`() throws {
        try withHooks(
            ["drain.d/10-leaves": "sleep 600 & echo $! >child; exit 0"], ["hooks", "drain", "5"]
        ) { folder, outcome in
            #expect(outcome.output.contains("10-leaves done"))
            let text = String(decoding: try readSmallFile("\(folder)/child", limit: 64), as: UTF8.self)
            let child = try #require(Int32(text.split(separator: "\n").first ?? ""))
            try eventually("the end of \(child)") { kill(child, 0) != 0 || isZombie(child) }
        }
    }

    @Test func `hooks and probe programs tell how they ended`() throws {
        let hooks = [
            "promote.d/10-bad": "exit 3", "promote.d/20-next": "touch next", "drain.d/10-killed": "kill -9 $$",
        ]
        let words = ["hooks", "promote", "5", "then", "hooks", "drain", "5", "then", "program", "5", "/bin/sh", "-c"]
        try withHooks(hooks, words + ["exit 2", "then", "program", "5", "/bin/true"]) { folder, outcome in
            #expect(outcome.output.contains("10-bad failed (it exited with 3)"))
            #expect(!fileExists("\(folder)/promote.d/next") && !fileExists("\(folder)/next"))
            #expect(outcome.output.contains("10-killed failed (it was ended by signal 9)"))
            #expect(outcome.output.contains("/bin/sh: it exited with 2"))
            #expect(outcome.output.contains("serves in"))
        }
    }

    @Test(arguments: ["start", "stop", "kill", "inspect", "arm", "poweroff"])
    func `units and fences say that there is nobody who would do it`(verb: String) throws {
        try withHooks([:], [verb, "2", "web"]) { _, outcome in
            #expect(outcome.status == 1)
            #expect(outcome.output.contains("failed in"), "\(outcome.output)")
            #expect(outcome.output.contains("there is no service manager"), "\(outcome.output)")
        }
    }

    @Test func `a fence that nobody could arm is disarmed`() throws {
        try withHooks([:], ["disarm", "2"]) { _, outcome in #expect(outcome.output.hasPrefix("done in")) }
    }
}
