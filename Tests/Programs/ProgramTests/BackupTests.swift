import Glibc
import JSON
import Platform
import SQLite
import TestSupport
import Testing
import Wire

/// `backup` and `restore` as an operator runs them.
@Suite(.serialized)
struct BackupTests {
    private func run(_ subcommand: String, _ file: String, in folder: String) throws -> ChildOutcome {
        try ChildProcess(
            builtProgram("spot-coordinator"), [subcommand, file], environment: ["STATE_DIRECTORY": folder]
        ).waitForEnd()
    }

    /// The names of the clients that a coordinator in `folder` knows.
    private func clients(in folder: String) throws -> String {
        let coordinator = try RunningCoordinator(in: folder)
        defer { _ = try? coordinator.stop() }
        return try coordinator.ask("GET", Route.clients.path(), token: coordinator.adminToken).text
    }

    @Test func `a backup under load is one state, has all that was acknowledged before it, and serves after a restore`()
        throws
    {
        try withTemporaryFolder { folder in
            var coordinator = try RunningCoordinator(in: folder, environment: ["LOG_LEVEL": "error"])
            let load = try Load(on: coordinator, seed: 11)
            try load.begin(port: coordinator.port)
            try load.waitForProgress(600)
            try coordinator.kill()
            load.end()
            let before = load.players.flatMap(\.slots)
            coordinator = try RunningCoordinator(in: folder, environment: ["LOG_LEVEL": "error"])
            try load.begin(port: coordinator.port)
            try load.waitForProgress(50)
            let copy = "\(folder)/copy"
            let outcome = try run("backup", copy, in: folder)
            #expect(outcome.status == 0, "\(outcome.errors)")
            #expect(outcome.output.contains("\(coordinator.database).key"), "the key is not in it, and that is said")
            try load.waitForProgress(50)
            _ = try coordinator.stop()
            load.end()
            try expectAll(of: before, in: try StoredFacts(path: coordinator.database))
            #expect(try run("restore", copy, in: folder).status == 0)
            try expectAll(of: before, in: try StoredFacts(path: coordinator.database))
            let restored = try RunningCoordinator(in: folder)
            let shown = try restored.ask("GET", Route.clients.path(), token: restored.adminToken)
            #expect(shown.status == 200 && shown.text.contains("load"))
            #expect(fileExists("\(coordinator.database).before-restore"))
            #expect(load.players.flatMap(\.violations) == [])
        }
    }

    private func expectAll(of slots: [LoadPlayer.SlotMemory], in facts: StoredFacts) throws {
        #expect(facts.broken == [])
        for slot in slots {
            #expect(slot.slot.map { facts.slots[$0.text] != nil } ?? true)
            #expect(slot.reports.allSatisfy { facts.reports.contains($0.id.text) })
            #expect(slot.commands.allSatisfy { facts.commands[$0.text] != nil })
            #expect(slot.incidents.allSatisfy { facts.incidents.contains($0.text) })
        }
    }

    @Test func `a restore is refused while a coordinator runs, which goes on`() throws {
        try withTemporaryFolder { folder in
            let coordinator = try RunningCoordinator(in: folder)
            #expect(try run("backup", "\(folder)/copy", in: folder).status == 0)
            let outcome = try run("restore", "\(folder)/copy", in: folder)
            #expect(outcome.status == 69)
            #expect(outcome.errors.contains("another coordinator or a restore has it: stop that one first"))
            #expect(try coordinator.ask("GET", "/health").status == 200)
        }
    }

    enum Trouble: String, CaseIterable, Sendable { case damaged, cut, foreign, newer, text, missing }

    @Test(arguments: Trouble.allCases)
    func `what is no sound backup of ours is refused, and the database stays as it is`(trouble: Trouble) throws {
        try withTemporaryFolder { folder in
            let copy = "\(folder)/copy"
            let coordinator = try RunningCoordinator(in: folder)
            _ = try coordinator.makeClient("kept")
            #expect(try run("backup", copy, in: folder).status == 0)
            _ = try coordinator.stop()
            try spoil(copy, trouble)
            let outcome = try run("restore", copy, in: folder)
            let expected: Int32 = trouble == .missing ? 77 : 65
            #expect(outcome.status == expected, "\(outcome.errors)")
            #expect(outcome.errors.contains("the database is as it was"), "\(outcome.errors)")
            #expect(try clients(in: folder).contains("kept"))
        }
    }

    private func spoil(_ copy: String, _ trouble: Trouble) throws {
        var bytes = try readSmallFile(copy, limit: 1 << 24)
        switch trouble {
        case .damaged:
            for place in 8_192..<bytes.count where place % 5 == 0 { bytes[place] = 0xA5 }
        case .cut: bytes.removeLast(bytes.count / 2)
        // The application id and the user version (https://sqlite.org/fileformat.html).
        case .foreign: bytes.replaceSubrange(68..<72, with: [0, 0, 0, 42])
        case .newer: bytes.replaceSubrange(60..<64, with: [0, 0, 3, 231])
        case .text: bytes = Array("this is a letter, not a database\n".utf8)
        case .missing: return try removeFile(copy)
        }
        try replaceFile(copy, with: bytes)
    }

    @Test
    func `a restore that is killed at any moment leaves the old or the new database, whole, and can be run again`()
        throws
    {
        try withTemporaryFolder { folder in
            let (old, new) = ("\(folder)/old", "\(folder)/new")
            let coordinator = try RunningCoordinator(in: folder)
            _ = try coordinator.makeClient("first")
            #expect(try run("backup", old, in: folder).status == 0)
            _ = try coordinator.makeClient("second")
            #expect(try run("backup", new, in: folder).status == 0)
            _ = try coordinator.stop()
            var chance = Chance(seed: 3)
            var outcomes = Set<Bool>()
            for _ in 1...(TestTier.current == .full ? 100 : 12) {
                for suffix in ["", ".2"] { try removeFile("\(coordinator.database).before-restore\(suffix)") }
                #expect(try run("restore", old, in: folder).status == 0)
                let restore = try ChildProcess(
                    builtProgram("spot-coordinator"), ["restore", new], environment: ["STATE_DIRECTORY": folder])
                usleep(UInt32.random(in: 0...40_000, using: &chance))
                restore.send(signal: SIGKILL)
                _ = try restore.waitForEnd()
                let found = try clients(in: folder)
                #expect(found.contains("first"))
                outcomes.insert(found.contains("second"))
            }
            print("BackupTests: a killed restore left the new database, or not: \(outcomes)")
            for suffix in ["", ".2"] { try removeFile("\(coordinator.database).before-restore\(suffix)") }
            #expect(try run("restore", new, in: folder).status == 0)
            #expect(try clients(in: folder).contains("second"))
        }
    }
}
