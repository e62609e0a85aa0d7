import Glibc
import JSON
import Platform
import PretendMetadata
import TestSupport
import Testing
import Wire

/// The state folder of the built agent, and what becomes of it: full, read-only, damaged, another machine's, cut off from the
/// coordinator.
@Suite(.serialized) struct AgentStateTests {
    private static let needsRoot: Comment = "left out: a file system of its own needs root"
    private static let nothing = "error the disk takes nothing"
    private static let again = "notice the disk takes what is to be remembered again"

    private func withFleet(_ body: (Fleet) throws -> Void) throws {
        try withTemporaryFolder { folder in try body(try Fleet(in: folder)) }
    }

    /// A small file system on a machine's state folder, which only its agent and `path` see.
    private final class SmallDisk {
        private let holder: ChildProcess
        private let folder: String

        init(on folder: String, kilobytes: Int) throws {
            self.folder = folder
            let script =
                "mount -t tmpfs -o mode=700,size=\(kilobytes)k none \(folder) && echo there && exec sleep infinity"
            holder = try ChildProcess(
                "/usr/bin/unshare", ["-m", "/bin/sh", "-c", script],
                environment: ["PATH": "/usr/bin:/bin:/usr/sbin:/sbin"])
            try holder.waitForText("there")
        }

        func path(_ name: String) -> String { "/proc/\(holder.id)/root\(folder)/\(name)" }

        func mount(_ option: String) throws {
            let done = try ChildProcess(
                "/usr/bin/nsenter", ["-t", "\(holder.id)", "-m", "/bin/mount", "-o", "remount,\(option)", folder]
            ).waitForEnd()
            guard done.status == 0 else { throw TestSupportError("remount \(folder): \(done.errors)") }
        }

        func start(_ machine: FleetMachine) throws -> ChildProcess {
            let agent = try machine.start(["/usr/bin/nsenter", "-t", "\(holder.id)", "-m"])
            try agent.waitForText("notice in contact with the coordinator")
            return agent
        }
    }

    /// Has the coordinator tell the agent something that it would remember, until it says `text`.
    private func change(_ fleet: Fleet, _ machine: FleetMachine, until text: String) throws {
        for seconds in 1...60 {
            var change = SlotSettingsChange()
            change[.terminateWaitSeconds] = .whole(seconds)
            try fleet.change(machine.slot, change)
            if (try? machine.agent?.waitForText(text, within: .milliseconds(500))) != nil { return }
        }
        throw TestSupportError("the agent never said \(text)")
    }

    private func waitForIncident(_ machine: FleetMachine, _ fleet: Fleet) throws {
        try eventually("the incident", within: .seconds(3)) { try fleet.incidents(machine.slot).count == 1 }
    }

    @Test(.enabled(if: getuid() == 0, needsRoot))
    func `a disk that is full is told of once, hinders nothing, and is used again when there is room`() throws {
        try withFleet { fleet in
            let machine = try fleet.machine("web")
            let disk = try SmallDisk(on: machine.state, kilobytes: 64)
            let agent = try disk.start(machine)
            let ballast = try FileDescriptor(opening: disk.path("ballast"), O_WRONLY | O_CREAT, permissions: 0o600)
            let zeros = [UInt8](repeating: 0, count: 4096)
            while unsafe write(ballast.number, zeros, zeros.count) > 0 {}
            try change(fleet, machine, until: Self.nothing)
            machine.announce()
            try waitForIncident(machine, fleet)
            #expect(unsafe unlink(disk.path("ballast")) == 0)
            #expect(ftruncate(ballast.number, 0) == 0)
            try agent.waitForText(Self.again)
            let version = try fleet.detail("web").configuration.version
            let said = try machine.kill()
            #expect(said.lines(saying: Self.nothing) == 1 && said.lines(saying: Self.again) == 1, "\(said)")
            _ = try disk.start(machine)
            let heartbeat = try machine.road.wait(for: "a heartbeat with the configuration") { asked in
                asked.text.contains(#""config_version":\#(version)"#) ? asked : nil
            }
            #expect(heartbeat.method == "POST")
            let later = try machine.stop()
            #expect(later.lines(saying: "notice registered") + later.lines(saying: "damaged") == 0, "\(later)")
        }
    }

    @Test(.enabled(if: getuid() == 0, needsRoot))
    func
        `a state folder that may only be read is told of once, hinders nothing, and is used again when it may be written`()
        throws
    {
        try withFleet { fleet in
            let machine = try fleet.machine("web")
            let disk = try SmallDisk(on: machine.state, kilobytes: 256)
            _ = try disk.start(machine)
            try machine.kill()
            try disk.mount("ro")
            let agent = try disk.start(machine)
            try change(fleet, machine, until: Self.nothing)
            machine.announce()
            try waitForIncident(machine, fleet)
            try disk.mount("rw")
            try agent.waitForText(Self.again)
            let said = try machine.kill()
            #expect(said.lines(saying: Self.nothing) == 1 && said.lines(saying: "notice registered") == 0, "\(said)")
            _ = try disk.start(machine)
            #expect(try machine.stop().lines(saying: "notice registered") == 0)
        }
    }

    @Test func `a record with a torn end or damage in the middle is lived with, and told of`() throws {
        try withFleet { fleet in
            let machine = try fleet.machine("web")
            _ = try machine.startInContact()
            let path = "\(machine.state)/state.log"
            try eventually("it is remembered") { try readText(path).contains("enrolled") }
            let before = try readText(path)
            try change(fleet, machine, until: "notice configured")
            try eventually("it is remembered") { try readText(path).count > before.count }
            try machine.kill()
            let whole = try readSmallFile(path, limit: 1 << 20)
            var chance = Chance(seed: 11)
            for round in 0..<6 {
                var bytes = whole
                let isTorn = round < 3
                if isTorn {
                    bytes.removeLast(Int.random(in: 1...40, using: &chance))
                    if round == 2 { bytes += [UInt8](repeating: 0, count: 4096) }
                } else {
                    for _ in 0..<Int.random(in: 1...8, using: &chance) {
                        bytes[Int.random(in: 0..<bytes.count / 2, using: &chance)] ^= UInt8.random(
                            in: 1...255, using: &chance)
                    }
                }
                try replaceFile(path, with: bytes, permissions: 0o600, doing: "damage")
                _ = try machine.startInContact()
                let said = try machine.kill()
                let told = said.lines(saying: "damaged and left out")
                #expect(isTorn ? said.lines(saying: "notice registered") == 0 : told == 1, "round \(round): \(said)")
                #expect(try fleet.detail("web").hosts.count == 1)
                guard !isTorn else { continue }
                #expect(fileExists("\(path).damaged"))
                _ = try machine.startInContact()
                let later = try machine.kill()
                #expect(later.lines(saying: "damaged") + later.lines(saying: "notice registered") == 0, "\(later)")
            }
        }
    }

    @Test func `the state of another machine is put aside, once, and this one enrols by itself`() throws {
        try withFleet { fleet in
            let machine = try fleet.machine("web")
            _ = try machine.startInContact()
            try machine.kill()
            let clone: InstanceID = "i-00000000000000c10"
            machine.metadata.set("instance-id", clone.text)
            let agent = try machine.startInContact()
            try agent.waitForText("notice registered")
            // It is in contact before the disk has it, and a kill before that would have it enrol once more.
            try eventually("the enrolment on the disk") {
                guard let record = try? readSmallFile("\(machine.state)/state.log", limit: 1 << 20) else {
                    return false
                }
                return String(decoding: record, as: UTF8.self).contains("\"enrolled\"")
            }
            let said = try machine.kill()
            #expect(said.lines(saying: "started from another machine's image") == 1, "\(said)")
            #expect(fileExists("\(machine.state)/state.log.\(machine.instance)"))
            #expect(Set(try fleet.detail("web").hosts.map(\.instance)) == [machine.instance, clone])
            _ = try machine.startInContact()
            let later = try machine.stop()
            #expect(later.lines(saying: "image") + later.lines(saying: "notice registered") == 0, "\(later)")
        }
    }

    @Test
    func `what happened while the coordinator was away survives kill -9 and arrives in order, once`() throws {
        try withFleet { fleet in
            let account = try CloudAccount()
            let machine = try fleet.machine("web", on: try account.run(), of: account)
            let agent = try machine.startInContact()
            var change = SlotSettingsChange()
            change[.autoTerminateEnabled] = .flag(false)
            try fleet.change("web", change)
            let asked = Locked(false)
            // The command comes through, and nothing after it.
            machine.road.behave { question in
                guard !asked.withLock({ $0 }) else { return .cut }
                return .alter { reply in
                    if (try? reply.decode(HeartbeatReply.self))?.commands.isEmpty == false {
                        asked.withLock { $0 = true }
                    }
                    return reply
                }
            }
            machine.road.cutAll()
            try agent.waitForText("notice in contact")
            let id = try fleet.askSwitch("web", to: .onDemand)
            try agent.waitForText("notice command ended", within: .seconds(20))
            // On the disk before it would be sent.
            try eventually("it is remembered") {
                let record = try readText("\(machine.state)/state.log")
                return record.contains("\(id)") && record.contains("switched-\(id)")
            }
            for _ in 0..<2 {
                try machine.kill()
                try machine.start()
                try machine.agent?.waitForText("warning no contact with the coordinator")
            }
            try machine.kill()
            let before = machine.road.seen.count
            machine.road.pass()
            _ = try machine.startInContact()
            #expect(try fleet.outcome(of: id, "web").state == .done)
            try eventually("all is told") {
                try readText("\(machine.state)/status.json").contains(#""waiting":0"#)
            }
            let sent = machine.road.seen.dropFirst(before).map(\.target).filter {
                $0.contains("/executed") || $0.contains("/switch-report")
            }
            #expect(sent.count == 2 && sent[0].contains("/executed") && sent[1].contains("/switch-report"), "\(sent)")
            let events = try fleet.events("web")
            #expect(events.count { $0.kind == "command_done" && $0.command == id } == 1, "\(events)")
            #expect(events.count { $0.kind == "switch_completed" } == 1, "\(events)")
            #expect(try account.machines(of: id).count == 1)
            try machine.stop()
        }
    }
}
