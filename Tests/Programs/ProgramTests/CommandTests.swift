import Platform
import TestSupport
import Testing

/// What a person at a keyboard, or a script, gets from the two programs.
struct CommandTests {
    static let programs = ["spot-agent", "spot-coordinator"]

    private func run(_ product: String, _ arguments: [String], environment: [String: String] = [:]) throws
        -> ChildOutcome
    {
        try ChildProcess(builtProgram(product), arguments, environment: environment).waitForEnd()
    }

    @Test(arguments: programs)
    func `the version is one line with the program's name`(product: String) throws {
        let outcome = try run(product, ["--version"])
        #expect(outcome.status == 0)
        #expect(outcome.output.wholeMatch(of: /spot-(agent|coordinator) \d+\.\d+\.\d+ \(protocol \d+\)\n/) != nil)
        #expect(outcome.errors.isEmpty)
    }

    @Test(arguments: programs)
    func `the help says what the program is, each sub-command and each setting with its default`(product: String) throws
    {
        let outcome = try run(product, ["--help"])
        #expect(outcome.status == 0)
        for word in ["Usage: \(product)", "check-config", "LOG_LEVEL=", "Default: info", "journalctl -u \(product)"] {
            #expect(outcome.output.contains(word), "\(word)")
        }
    }

    @Test(arguments: programs)
    func `each command that the journal's catalogues name is one of ours`(product: String) throws {
        let root = "/" + #filePath.split(separator: "/").dropLast(4).joined(separator: "/")
        var commands: Set<[String]> = []
        for program in Self.programs {
            let text = try readSmallFile("\(root)/Systemd/\(program).catalog", limit: 1 << 20)
            for match in String(decoding: text, as: UTF8.self).matches(of: /"(?:sudo )?(?<line>spot-[^"]*)"/) {
                let words = match.output.line.split(separator: " ").map(String.init)
                if words[0] == product { commands.insert(Array(words.dropFirst())) }
            }
        }
        #expect(!commands.isEmpty)
        for words in commands {
            // What stands for something else begins with a capital, or with the mark of a field.
            let name = words.filter { $0.first?.isLowercase == true }
            let outcome = try run(product, name + ["--help"])
            // Help for a sub-command that there is not is that of the program.
            #expect(outcome.output.contains("Usage: \(product) \(name.joined(separator: " ")) [OPTIONS]"), "\(words)")
            for option in words where option.hasPrefix("--") { #expect(outcome.output.contains(option), "\(words)") }
        }
    }

    @Test(arguments: [
        ("spot-agent", [String](), "a sub-command is required"),
        ("spot-agent", ["rum"], "unknown sub-command \"rum\", perhaps run is meant"),
        ("spot-agent", ["run", "--cleanup-intervall", "3"], "perhaps --cleanup-interval is meant"),
        ("spot-coordinator", ["serve", "--port"], "--port needs a value"),
        ("spot-coordinator", ["serve", "now"], "unexpected argument \"now\""),
    ])
    func `a command line that makes no sense is told so with status 64`(
        product: String, arguments: [String], sentence: String
    ) throws {
        let outcome = try run(product, arguments)
        #expect(outcome.status == 64)
        #expect(outcome.errors.contains(sentence), "\(outcome.errors)")
        #expect(outcome.output.isEmpty)
    }

    @Test func `every problem of a configuration is reported at once, with its line, and ends with status 78`() throws {
        try withFile("PORT=abc\nHOTS=1\nLOG_LEVEL=loud\nDB_HOST=x\nDB_PORT=3306\n") { path in
            let outcome = try run("spot-coordinator", ["check-config", "--config", path])
            #expect(outcome.status == 78)
            for sentence in [
                "\(path) line 1: PORT: expected a whole number from 0 to 65535, found \"abc\"",
                "\(path) line 2: HOTS: unknown setting, perhaps HOST is meant",
                "\(path) line 3: LOG_LEVEL: expected error or warning or notice or info or debug, found \"loud\"",
                "notice: \(path): known, but without effect: DB_HOST, DB_PORT",
            ] {
                #expect(outcome.errors.contains(sentence), "\(sentence)")
            }
        }
    }

    @Test func `the file that the original agents were installed with is accepted with one notice`() throws {
        let installed = """
            SPOT_OPTIMIZER_SERVER_URL=http://coordinator.example:5000
            SPOT_OPTIMIZER_CLIENT_TOKEN=token-abc
            LOGICAL_AGENT_ID=web-1
            AWS_REGION=ap-south-1
            HEARTBEAT_INTERVAL=30
            PENDING_COMMANDS_CHECK_INTERVAL=15
            CLEANUP_SNAPSHOTS_OLDER_THAN_DAYS=7

            """
        try withFile(installed) { path in
            let outcome = try run("spot-agent", ["check-config", "--config", path])
            #expect(outcome.status == 0)
            #expect(outcome.output == "spot-agent: the configuration is valid\n")
            #expect(outcome.errors.split(separator: "\n").count == 1)
            #expect(!outcome.errors.contains("token-abc"))
        }
    }

    @Test func `the environment overrules the file and a flag overrules both`() throws {
        try withFile("PORT=abc\n") { path in
            let environment = ["PORT": "def"]
            let overruled = try run(
                "spot-coordinator", ["check-config", "--config", path, "--port=80"], environment: environment)
            #expect(overruled.status == 0)
            let outcome = try run("spot-coordinator", ["check-config", "--config", path], environment: environment)
            #expect(outcome.errors.contains("environment: PORT: expected"))
        }
    }

    @Test func `a configuration file that is asked for must be there`() throws {
        let outcome = try run("spot-agent", ["run", "--config", "/nowhere/agent.env"])
        #expect(outcome.status == 78)
        #expect(outcome.errors.contains("/nowhere/agent.env: no such file or directory"))
    }

    private func withFile(_ text: String, _ body: (String) throws -> Void) throws {
        try withTemporaryFolder { folder in
            try replaceFile("\(folder)/settings.env", with: Array(text.utf8))
            try body("\(folder)/settings.env")
        }
    }
}
