import Glibc
import JSON
import Platform
import PretendMetadata
import TestSupport
import Testing
import Wire

/// The built agent among others that fail it. It keeps watching, says what is wrong once, and goes on by itself afterwards.
///
/// Each kind of trouble has a machine of its own, and all have it at the same time: most of it is a matter of seconds.
@Suite(.serialized) struct AgentHardshipTests {
    private static let onlyFull: Comment = "left to the full tier"

    private func withFleet(_ body: (Fleet) throws -> Void) throws {
        try withTemporaryFolder { folder in try body(try Fleet(in: folder)) }
    }

    /// An announcement that nobody has yet.
    private func waitForIncident(_ machine: FleetMachine, _ fleet: Fleet, within limit: Duration) throws {
        try eventually("the incident of \(machine.slot)", within: limit) {
            try fleet.incidents(machine.slot).contains { $0.instance == machine.instance }
        }
    }

    // MARK: The coordinator

    private struct Rubbish {
        let name: String
        let deed: Interposer.Deed
        var says = ["warning no contact with the coordinator"]
        /// Nobody can tell it from a parked heartbeat before that is overdue.
        var isSlow: Bool { ["drip", "silent"].contains(name) }

        static let heartbeat = Array(
            #"{"agent_id":"a","role":"primary","epoch":1,"config_version":1,"heartbeat_seconds":3}"#.utf8)
        static let all: [Rubbish] = [
            Rubbish(name: "page", deed: .say(PlainReply(200, type: "text/html", Array("<html>hi</html>".utf8)).bytes)),
            Rubbish(
                name: "types", deed: .say(PlainReply(200, Array(#"{"agent_id":7,"role":[],"epoch":{}}"#.utf8)).bytes)),
            Rubbish(name: "lacking", deed: .say(PlainReply(200, heartbeat).bytes)),
            Rubbish(name: "truncated", deed: .say(PlainReply(200, heartbeat).bytes.dropLast(9))),
            Rubbish(name: "bytes", deed: .say((0..<4096).map { UInt8(truncatingIfNeeded: $0 &* 167 &+ 13) })),
            Rubbish(name: "empty", deed: .say(PlainReply(200, []).bytes)),
            Rubbish(name: "nothing", deed: .say(PlainReply(204, []).bytes)),
            Rubbish(
                name: "elsewhere", deed: .say(PlainReply(302, fields: ["Location: http://127.0.0.1:1/"], []).bytes)),
            Rubbish(
                name: "broken", deed: .say(PlainReply(502, type: "text/html", Array("<h1>Bad Gateway".utf8)).bytes)),
            Rubbish(
                name: "endless", deed: .flood(Array("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{".utf8))),
            Rubbish(
                name: "head", deed: .flood(Array("HTTP/1.1 200 OK\r\nX: ".utf8))),
            Rubbish(name: "drip", deed: .drip(PlainReply(200, heartbeat).bytes)),
            Rubbish(name: "cut", deed: .cut),
            Rubbish(name: "silent", deed: .hang),
            Rubbish(
                name: "stranger",
                deed: .say(PlainReply(401, Array(#"{"error":"no","code":"unauthorized"}"#.utf8)).bytes),
                says: ["warning our token was refused", "error the coordinator does not enrol this machine"]),
        ]
    }

    @Test
    func `whatever rubbish the coordinator answers, it is said once, and a notice meanwhile is an incident soon after`()
        throws
    {
        try withFleet { fleet in
            let kinds = Rubbish.all.filter { !$0.isSlow || TestTier.current == .full }
            let machines = try kinds.map { rubbish in
                let machine = try fleet.machine(rubbish.name)
                _ = try machine.start()
                return (rubbish, machine)
            }
            for (_, machine) in machines { try machine.agent?.waitForText("notice in contact with the coordinator") }
            for (rubbish, machine) in machines {
                machine.road.behave { _ in rubbish.deed }
                machine.road.cutAll()
            }
            for (rubbish, machine) in machines {
                for text in rubbish.says { try machine.agent?.waitForText(text, within: .seconds(20)) }
            }
            for (_, machine) in machines { machine.announce() }
            for (_, machine) in machines { try machine.agent?.waitForText("warning announced") }
            for (_, machine) in machines {
                machine.road.pass()
                machine.road.cutAll()
            }
            for (rubbish, machine) in machines {
                try waitForIncident(machine, fleet, within: .seconds(rubbish.name == "stranger" ? 70 : 8))
                try machine.agent?.waitForText("notice the coordinator has it")
                try eventually("contact again") {
                    try readText("\(machine.state)/status.json").contains(#""state":"in_contact""#)
                }
            }
            for (rubbish, machine) in machines {
                let said = try machine.stop()
                for text in rubbish.says { #expect(said.lines(saying: text) == 1, "\(rubbish.name): \(said)") }
                #expect(said.lines(saying: "notice in contact") == 2, "\(rubbish.name): \(said)")
                #expect(try fleet.incidents(machine.slot).count == 1)
            }
        }
    }

    // MARK: The metadata service

    /// What makes it blind.
    private static let darkness: [(name: String, fault: PretendMetadata.Fault)] = [
        ("hangs", .hang(every: 1)), ("throttles", .status(429)), ("broken", .status(503)), ("forgets", .status(401)),
        ("off", .status(403)), ("garbles", .garbage([0, 159, 146, 150, 7])), ("pages", .garbage(Array("<html>".utf8))),
    ]

    @Test func `blind for five seconds it says so once everywhere, and sees again by itself`() throws {
        try withFleet { fleet in
            let machines = try Self.darkness.map { ($0.fault, try fleet.machine($0.name)) }
            let refusing = try fleet.machine("refuses")
            let all = machines.map(\.1) + [refusing]
            for machine in all { try machine.start() }
            for machine in all { try machine.agent?.waitForText("notice in contact with the coordinator") }
            for (fault, machine) in machines { machine.metadata.fail(fault) }
            refusing.metadata.stop()
            for machine in all {
                machine.announce()
                try machine.agent?.waitForText("error the metadata service does not answer", within: .seconds(12))
                _ = try fleet.waitForEvent("host_blind", machine.slot)
                try eventually("its status says so") {
                    try readText("\(machine.state)/status.json").contains(#""blind_since":"20"#)
                }
            }
            for (_, machine) in machines { machine.metadata.fail(nil) }
            try refusing.restartMetadata()
            refusing.announce()
            for machine in all {
                try machine.agent?.waitForText("notice the metadata service answers again")
                try waitForIncident(machine, fleet, within: .seconds(4))
                _ = try fleet.waitForEvent("host_sighted", machine.slot)
            }
            for machine in all {
                let said = try machine.stop()
                #expect(said.lines(saying: "error the metadata service does not answer") == 1, "\(said)")
                #expect(said.lines(saying: "notice the metadata service answers again") == 1, "\(said)")
            }
        }
    }

    @Test(.enabled(if: TestTier.current == .full, onlyFull))
    func `a metadata service that fails every other time hides no notice and blinds nobody`() throws {
        try withFleet { fleet in
            let kinds: [(String, Interposer.Deed?)] = [
                ("hanging", nil), ("throttling", .say(PlainReply(429, []).bytes)),
                ("breaking", .say(PlainReply(503, []).bytes)), ("cutting", .cut),
                ("garbling", .say(PlainReply(200, [1, 2, 3]).bytes)),
            ]
            let machines = try kinds.map { kind in
                let machine = try fleet.machine(kind.0)
                let between = try Interposer(to: machine.metadata.port)
                machine.environment["AWS_EC2_METADATA_SERVICE_ENDPOINT"] = "http://127.0.0.1:\(between.port)"
                _ = try machine.start()
                return (kind.1, machine, between)
            }
            defer { for (_, _, between) in machines { between.stop() } }
            for (_, machine, _) in machines { try machine.agent?.waitForText("notice in contact with the coordinator") }
            for (deed, machine, between) in machines {
                if let deed {
                    let chance = Locked(Chance(seed: 9))
                    between.behave { _ in chance.withLock { Bool.random(using: &$0) } ? deed : .pass }
                } else {
                    machine.metadata.fail(.hang(every: 2))
                }
            }
            // Long enough that what is wrong has shown.
            let asked = machines.map { $0.1.metadata.counts.requests }
            for ((_, machine, _), before) in zip(machines, asked) {
                try eventually("more questions") { machine.metadata.counts.requests > before + 5 }
            }
            for (_, machine, _) in machines { machine.metadata.forgetTokens() }
            for (_, machine, _) in machines {
                machine.announce()
                try waitForIncident(machine, fleet, within: .seconds(4))
            }
            for (_, machine, _) in machines {
                #expect(try machine.stop().lines(saying: "metadata service does not answer") == 0)
            }
        }
    }

    // MARK: Those who read what it says

    @Test(.enabled(if: TestTier.current == .full, onlyFull))
    func `standard error that nobody reads stops nothing`() throws {
        try withFleet { fleet in
            let path = "\(fleet.folder)/errors"
            #expect(unsafe mkfifo(path, 0o600) == 0)
            let pipe = try FileDescriptor(opening: path, O_RDWR | O_NONBLOCK)
            fill(pipe.number)
            let machine = try fleet.machine("mute")
            let agent = try ChildProcess(
                "/bin/sh", ["-c", "exec \(builtProgram("spot-agent")) run 2>\(path)"], environment: machine.environment)
            try eventually("it enrolled") { (try? fleet.slot("mute")) != nil }
            machine.announce()
            try waitForIncident(machine, fleet, within: .seconds(3))
            _ = try drain(pipe.number)
            machine.metadata.set("spot/instance-action", nil)
            var said = ""
            try eventually("it speaks again") {
                said += try drain(pipe.number)
                return said.contains("no longer announced")
            }
            #expect(said.lines(saying: "dropped") == 1, "\(said)")
            agent.send(signal: SIGTERM)
            #expect(try agent.waitForEnd().status == 0)
        }
    }

    @Test(.enabled(if: getuid() == 0, "left out: a journal of its own needs root"))
    func `a journal that nobody reads stops nothing`() throws {
        try withFleet { fleet in
            let folder = "\(fleet.folder)/journal"
            unsafe mkdir(folder, 0o755)
            let journal = try FakeManager("\(folder)/socket")
            let errors = "\(folder)/errors"
            try replaceFile(errors, with: [], doing: "make")
            var facts = stat()
            #expect(unsafe stat(errors, &facts) == 0)
            let machine = try fleet.machine("mute")
            machine.environment["JOURNAL_STREAM"] = "\(facts.st_dev):\(facts.st_ino)"
            let room = try journal.fill()
            let script = """
                mkdir -p /run/systemd && mount -t tmpfs none /run/systemd && mkdir /run/systemd/journal &&
                mount --bind \(folder) /run/systemd/journal && exec \(try builtProgram("spot-agent")) run 2>\(errors)
                """
            let agent = try ChildProcess(
                "/usr/bin/unshare", ["-m", "/bin/sh", "-c", script],
                environment: machine.environment.merging(["PATH": "/usr/bin:/bin:/usr/sbin:/sbin"]) { $1 })
            try eventually("it enrolled") { (try? fleet.slot("mute")) != nil }
            machine.announce()
            try waitForIncident(machine, fleet, within: .seconds(3))
            // No more than that: as soon as there is room the agent goes on.
            #expect(
                journal.messages(upTo: room) == Array(repeating: "x", count: room), "it was full before the agent came")
            machine.metadata.set("spot/instance-action", nil)
            let entries = try journal.waitForMessage("MESSAGE=no longer announced")
            #expect(entries.count { $0.contains("dropped") } == 1, "\(entries)")
            #expect(try readText(errors) == "")
            agent.send(signal: SIGTERM)
            #expect(try agent.waitForEnd().status == 0)
        }
    }

    private func fill(_ number: Int32) {
        let bytes = [UInt8](repeating: 120, count: 512)
        while unsafe write(number, bytes, bytes.count) > 0 {}
    }

    private func drain(_ number: Int32) throws -> String {
        var all: [UInt8] = []
        var bytes = [UInt8](repeating: 0, count: 65_536)
        while case let count = unsafe read(number, &bytes, bytes.count), count > 0 { all += bytes.prefix(count) }
        return String(decoding: all, as: UTF8.self)
    }
}

func readText(_ path: String) throws -> String {
    String(decoding: try readSmallFile(path, limit: 1 << 20), as: UTF8.self)
}
