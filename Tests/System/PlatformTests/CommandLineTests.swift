import Glibc
import Platform
import TestSupport
import Testing

private let program = ProgramDescription(
    name: "spot-test", version: "1.2.3", summary: "Tests the command line.",
    subcommands: [
        Subcommand(
            "run", "Runs the daemon.", options: [Option("config", value: "FILE", "The configuration file.")],
            takesSettings: true, isDefault: true),
        Subcommand(
            "drill", "Rehearses a failover.",
            options: [
                Option("dry", "Changes nothing."), Option("deadline", value: "SECONDS", "The deadline to meet."),
            ],
            arguments: [Argument("SLOT", "The slot."), Argument("HOST", "The hosts.", count: .any)]),
        Subcommand("show", "Shows one thing.", arguments: [Argument("WHAT", "The thing.", count: .atMostOne)]),
        Subcommand("slot add", "Adds a slot.", arguments: [Argument("NAME", "Its name.")]),
        Subcommand(
            "slot drop", "Drops a slot.", examples: [Example("slot drop web", "Drops the slot called web.")],
            notes: ["What was dropped is gone, and nothing brings it back: neither a restart nor a prayer to us."]),
    ],
    settings: SettingsSchema([
        Setting.integer("LISTEN_PORT", 1...65_535, default: 80, "The port to listen on.").listed,
        Setting<Secret>.secret("CLIENT_TOKEN", aliases: ["OLD_TOKEN"], "The token of the tenant.").listed,
    ]),
    notes: ["Read spot-test(8) for more."])

struct CommandLineTests {
    @Test(
        arguments: [
            ([], "run", [:], [], [:]),
            (["--config", "/x", "--listen-port=81"], "run", ["config": "/x"], [], ["--listen-port": "81"]),
            (["run", "--config="], "run", ["config": ""], [], [:]),
            (
                ["drill", "--dry", "web", "--deadline", "15", "a", "b"], "drill", ["dry": "", "deadline": "15"],
                ["web", "a", "b"], [:]
            ),
            (["drill", "web", "--", "--dry", "--help"], "drill", [:], ["web", "--dry", "--help"], [:]),
            (["show", "-"], "show", [:], ["-"], [:]),
            (["slot", "add", "web"], "slot add", [:], ["web"], [:]),
            (["show"], "show", [:], [], [:]),
        ] as [([String], String, [String: String], [String], [String: String])])
    func `a command line becomes an invocation`(
        words: [String], subcommand: String, options: [String: String], arguments: [String], flags: [String: String]
    ) throws {
        guard case .run(let invocation) = program.parse(words) else {
            Issue.record("\(program.parse(words))")
            return
        }
        #expect(invocation.subcommand == subcommand)
        #expect(invocation.options == options)
        #expect(invocation.arguments == arguments)
        #expect(invocation.settingFlags == flags)
    }

    @Test(arguments: [
        (["dril"], "unknown sub-command \"dril\", perhaps drill is meant", ""),
        (["slot"], "slot needs a second word: slot add, slot drop", ""),
        (["slot", "--now"], "slot needs a second word: slot add, slot drop", ""),
        (["slot", "ad", "web"], "unknown sub-command \"slot ad\", perhaps slot add is meant", ""),
        (["slto", "add"], "unknown sub-command \"slto\", perhaps slot add is meant", ""),
        (["slot", "add"], "NAME is missing", " slot add"),
        (["--listen-prt", "1"], "unknown option \"--listen-prt\", perhaps --listen-port is meant", ""),
        (["--client-token", "x"], "unknown option \"--client-token\"", ""),
        (["--config"], "--config needs a value", ""),
        (["--config", "a", "--config", "b"], "--config is given twice", ""),
        (["--listen-port", "1", "--listen-port=1"], "--listen-port is given twice", ""),
        (["drill"], "SLOT is missing", " drill"),
        (["drill", "--dry=yes", "web"], "--dry takes no value", " drill"),
        (["drill", "--listen-port", "1", "web"], "unknown option \"--listen-port\"", " drill"),
        (["show", "a", "b\u{1B}[2J"], "unexpected argument \"b\\u{1b}[2J\"", " show"),
    ])
    func `a mistake is told with what was probably meant`(words: [String], why: String, command: String) {
        #expect(program.parse(words) == .misuse("spot-test: \(why)\nTry \"spot-test\(command) --help\".\n"))
    }

    @Test func `without a default a sub-command is required`() {
        let strict = ProgramDescription(
            name: "x", version: "1", summary: "s", subcommands: [Subcommand("go", "Goes.")])
        #expect(strict.parse([]) == .misuse("x: a sub-command is required\nTry \"x --help\".\n"))
    }

    @Test(arguments: [["--version"], ["drill", "--version"], ["--nonsense", "--version"]])
    func `the version is told wherever it is asked for`(words: [String]) {
        #expect(program.parse(words) == .answer("spot-test 1.2.3\n"))
    }

    @Test func `the help names everything that a user can say`() {
        guard case .answer(let help) = program.parse(["--nonsense", "--help"]) else {
            Issue.record("no help")
            return
        }
        let expected = """
            Tests the command line.

            Usage: spot-test [SUB-COMMAND] [OPTIONS] [ARGUMENTS]

            Sub-commands:
              run        Runs the daemon. (when nothing is named)
              drill      Rehearses a failover.
              show       Shows one thing.
              slot add   Adds a slot.
              slot drop  Drops a slot.

            Options:
              --config FILE  The configuration file.
              --help         Print this text, or that of the sub-command before it.
              --version      Print the version.

            Settings:
              Given in the configuration file, overruled by the environment, overruled by
              flags.

              LISTEN_PORT=NUMBER
                  The port to listen on. Expects a whole number from 1 to 65535. Default:
                  80. Flag: --listen-port.

              CLIENT_TOKEN=SECRET
                  The token of the tenant. Also CLIENT_TOKEN_FILE=PATH, or a systemd
                  credential named client-token or old-token. Required. Also accepted as
                  OLD_TOKEN.

            Read spot-test(8) for more.

            """
        #expect(help == expected)
    }

    @Test func `a sub-command explains itself`() {
        let expected = """
            Rehearses a failover.

            Usage: spot-test drill [OPTIONS] SLOT [HOST…]

            Arguments:
              SLOT  The slot.
              HOST  The hosts.

            Options:
              --dry               Changes nothing.
              --deadline SECONDS  The deadline to meet.
              --help              Print this text, or that of the sub-command before it.
              --version           Print the version.

            """
        #expect(program.parse(["drill", "--help"]) == .answer(expected))
    }

    @Test func `examples and notes end the help of a sub-command`() {
        let expected = """
            Drops a slot.

            Usage: spot-test slot drop

            Options:
              --help     Print this text, or that of the sub-command before it.
              --version  Print the version.

            Examples:
              spot-test slot drop web
                  Drops the slot called web.

            What was dropped is gone, and nothing brings it back: neither a restart nor a
            prayer to us.

            """
        #expect(program.parse(["slot", "drop", "--help"]) == .answer(expected))
    }

    @Test func `the exit codes are those that service managers know`() {
        let codes = [
            ExitStatus.success, .failure, .usage, .unavailable, .temporaryFailure, .noPermission, .configuration,
        ]
        #expect(codes.map(\.code) == [0, 1, 64, 69, 75, 77, 78])
    }
}

struct StandardStreamTests {
    @Test func `a text larger than the pipe arrives whole`() throws {
        let pipe = try Pipe()
        let text = String(repeating: "0123456789", count: 30_000)
        let number = pipe.writer.number
        // Non-blocking, as if somebody who shares the stream had made it so.
        _ = fcntl(number, F_SETFL, O_NONBLOCK)
        let written = Awaited<Bool>("the end of writing")
        let writer = try DedicatedThread(name: "writer") { written.set(StandardStream(descriptor: number).write(text)) }
        var received: [UInt8] = []
        while received.count < text.utf8.count { received += try receiveSome(from: pipe.reader.number) }
        writer.join()
        #expect(try written.get())
        #expect(String(decoding: received, as: UTF8.self) == text)
    }

    @Test func `a reader that is gone is told and does not kill`() throws {
        let number = try {
            let pipe = try Pipe()
            return dup(pipe.writer.number)
        }()
        let writer = FileDescriptor(owning: number)
        #expect(!StandardStream(descriptor: writer.number).write("x"))
    }

    @Test func `a standard descriptor that was closed is opened again before anything else gets its number`() async {
        await #expect(processExitsWith: .success) {
            close(0)
            close(2)
            StandardStream.ensureAllOpen()
            precondition((0...2).allSatisfy { fcntl($0, F_GETFD) >= 0 })
            precondition(dup(0) > 2)
        }
    }
}
