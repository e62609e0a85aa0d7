import Glibc
import Platform
import SQLite
import TestSupport
import Testing

/// What the built coordinator says when it cannot work with its files.
struct DatabaseFileTests {
    enum Trouble: String, CaseIterable, Sendable {
        case damaged, newer, foreign, noDatabase, isFolder, keyDamaged, keyIsFolder, tokenIsEmpty
    }

    /// A folder with a coordinator's files, in which one thing is wrong.
    private func spoil(_ trouble: Trouble, in folder: String) throws {
        _ = try RunningCoordinator(in: folder).stop()
        let database = "\(folder)/coordinator.sqlite"
        switch trouble {
        case .damaged:
            var bytes = try readSmallFile(database, limit: 1 << 24)
            for place in 4_096..<bytes.count where place % 3 == 0 { bytes[place] = 0xA5 }
            try replaceFile(database, with: bytes)
        case .newer: try pragma("PRAGMA user_version = 999", database)
        case .foreign: try pragma("PRAGMA application_id = 42", database)
        case .noDatabase: try replaceFile(database, with: Array("this is a letter, not a database\n".utf8))
        case .isFolder: try replaceByFolder(database)
        case .keyDamaged: try replaceFile("\(database).key", with: Array("not a key\n".utf8))
        case .keyIsFolder: try replaceByFolder("\(database).key")
        case .tokenIsEmpty: try replaceFile("\(folder)/admin-token", with: [])
        }
    }

    @Test(
        arguments: [
            (.damaged, 65, "coordinator.sqlite: prepare"), (.newer, 65, "newer"), (.foreign, 65, "coordinator.sqlite"),
            (.noDatabase, 65, "restore a backup: spot-coordinator restore FILE"), (.isFolder, 77, "coordinator.sqlite"),
            (.keyDamaged, 78, "coordinator.sqlite.key: expected 64 hexadecimal digits"),
            (.keyIsFolder, 78, "coordinator.sqlite.key"),
            (.tokenIsEmpty, 78, "admin-token: the file is empty; remove it"),
        ] as [(Trouble, Int32, String)])
    func `a file that it cannot work with ends a start with one sentence and a status that tells the kind`(
        trouble: Trouble, status: Int32, words: String
    ) throws {
        try withTemporaryFolder { folder in
            try spoil(trouble, in: folder)
            let outcome = try serve(in: folder)
            #expect(outcome.status == status, "\(outcome.errors)")
            let said = outcome.errors.split(separator: "\n")
            #expect(said.count == 1 && said[0].contains("error cannot serve"), "\(outcome.errors)")
            #expect(outcome.errors.contains(words) && outcome.errors.contains(folder), "\(outcome.errors)")
        }
    }

    @Test func `a second coordinator on the same file is refused with status 69, and the first goes on`() throws {
        try withTemporaryFolder { folder in
            let first = try RunningCoordinator(in: folder)
            let outcome = try serve(in: folder)
            #expect(outcome.status == 69)
            #expect(outcome.errors.contains("another coordinator or a restore has it"))
            #expect(try first.ask("GET", "/health").status == 200)
        }
    }

    @Test(.enabled(if: geteuid() == 0, "needs root, to become another user"))
    func `files that another user owns end a start with status 77`() throws {
        try withTemporaryFolder { folder in
            _ = try RunningCoordinator(in: folder).stop()
            unsafe chmod(folder, 0o755)
            let outcome = try ChildProcess(
                "/usr/bin/setpriv",
                ["--reuid=65534", "--regid=65534", "--clear-groups", builtProgram("spot-coordinator"), "serve"],
                environment: ["STATE_DIRECTORY": folder, "PORT": "0"]
            ).waitForEnd()
            #expect(outcome.status == 77, "\(outcome.errors)")
            #expect(outcome.errors.contains(folder))
        }
    }

    private func serve(in folder: String) throws -> ChildOutcome {
        try ChildProcess(
            builtProgram("spot-coordinator"), ["serve"], environment: ["STATE_DIRECTORY": folder, "PORT": "0"]
        ).waitForEnd()
    }

    private func pragma(_ sql: StaticString, _ path: String) throws {
        var options = DatabaseOptions()
        options.access = .readWrite
        let database = try Database(path: path, options: options)
        try database.write { try $0.execute(sql) }
        _ = try database.checkpoint(.truncate)
    }

    private func replaceByFolder(_ path: String) throws {
        unsafe unlink(path)
        guard unsafe mkdir(path, 0o700) == 0 else {
            throw TestSupportError("make folder \(path): \(describe(errno: errno))")
        }
    }
}
