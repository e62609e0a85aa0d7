import CoordinatorOperator
import Platform
import Testing
import Wire

/// What a person may type.
struct LineTests {
    @Test(arguments: [
        (["client"], "client needs a second word: client create, client list, client delete, client token"),
        (["client", "crate"], #"unknown sub-command "client crate", perhaps client create is meant"#),
        (["clint", "list"], #"unknown sub-command "clint", perhaps client list is meant"#),
        (["agnts"], #"unknown sub-command "agnts", perhaps agents is meant"#),
    ])
    func `a mistyped sub-command is told with what was probably meant`(words: [String], why: String) {
        #expect(program.parse(words) == .misuse("spot-coordinator: \(why)\nTry \"spot-coordinator --help\".\n"))
    }

    @Test func `an argument that is missing is told with the line that explains it`() {
        #expect(
            program.parse(["client", "delete"])
                == .misuse("spot-coordinator: CLIENT is missing\nTry \"spot-coordinator client delete --help\".\n"))
    }

    @Test(arguments: OperatorCommands.subcommands.map(\.name))
    func `every sub-command explains itself, its token and its end`(name: String) throws {
        guard case .answer(let help) = program.parse(name.split(separator: " ").map(String.init) + ["--help"]) else {
            Issue.record("no help of \(name)")
            return
        }
        #expect(help.contains("Usage: spot-coordinator \(name) [OPTIONS]"))
        #expect(help.contains("--server URL"))
        #expect(help.contains("$STATE_DIRECTORY"))
        #expect(help.split(separator: "\n").joined(separator: " ").contains("64 when the command line is wrong"))
        for line in help.split(separator: "\n") { #expect(line.count <= 80, "\(line)") }
    }

    @Test func `the help shows where a client's token belongs`() {
        guard case .answer(let help) = program.parse(["client", "token", "--help"]) else {
            Issue.record("no help")
            return
        }
        #expect(help.contains("mode 0600"))
        #expect(help.contains("install -m 600 /dev/stdin token"))
    }

    @Test(arguments: [
        ("agent i/1", #""i/1": expected an agent id (1 to 64 letters, digits, - or _)"#),
        ("agents --client a/b", #"--client "a/b": expected a client id (1 to 64 letters, digits, - or _)"#),
        (
            "agents --status onlin",
            #"--status "onlin": expected one of online, unknown, offline, switching, disabled, deleted, perhaps online is meant"#
        ),
        (
            "instances --role none",
            #"--role "none": expected one of active, launching, replica, promoting, primary, zombie, terminating, terminated"#
        ),
        ("switch slot-1", "--to is missing"),
        (
            "switch slot-1 --to spot",
            #"--to "spot": expected ondemand or a pool id (instance type, dot, availability zone)"#
        ),
        (
            "promote slot-1 r/5",
            #""r/5": expected a replica id (1 to 64 letters, digits, - or _) or an instance id (i- and 8 or 17 hexadecimal digits)"#
        ),
        ("incidents inc-9 --open", "--open, --agent and --limit go with the list, not with one incident"),
        ("events --follow --limit 3", "--limit does not go with --follow"),
    ])
    func `a line that cannot be meant is refused before anything is asked`(line: String, why: String) throws {
        let (said, asked) = try enter(line, hearing: [:])
        #expect(said.errors == "spot-coordinator: \(why)\n")
        #expect(said.status == .usage)
        #expect(asked.isEmpty)
    }
}
