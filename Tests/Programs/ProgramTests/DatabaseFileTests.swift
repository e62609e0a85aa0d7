import Glibc
import Platform
import SQLite
import TestSupport
import Testing
import Wire

/// What the built coordinator says when it cannot work with its files.
struct DatabaseFileTests {
    enum Trouble: String, CaseIterable, Sendable {
        case damaged, newer, foreign, noDatabase, isFolder, keyDamaged, keyIsFolder, tokenIsEmpty, tokenIsShort,
            otherProgram, cutOff
        case tokenAndKeyDamaged
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
        case .tokenIsShort: try replaceFile("\(folder)/admin-token", with: Array("short\n".utf8))
        case .otherProgram:
            try removeFile(database)
            try pragma("CREATE TABLE letter (text)", database, access: .readWriteCreate)
        case .cutOff: try replaceFile(database, with: [])
        case .tokenAndKeyDamaged:
            try spoil(.tokenIsShort, in: folder)
            try replaceFile("\(database).key", with: Array("not a key\n".utf8))
        case .tokenIsEmpty: try replaceFile("\(folder)/admin-token", with: [])
        }
    }

    @Test(
        arguments: [
            (.damaged, 65, "coordinator.sqlite: prepare"), (.newer, 65, "newer"), (.foreign, 65, "coordinator.sqlite"),
            (.noDatabase, 65, "restore a backup: spot-coordinator restore FILE"), (.isFolder, 77, "coordinator.sqlite"),
            (.keyDamaged, 78, "coordinator.sqlite.key: expected 64 hexadecimal digits"),
            (.keyIsFolder, 78, "coordinator.sqlite.key"),
            (
                .tokenIsShort, 78,
                "admin-token: expected 16 to 255 printable ASCII characters without a blank; remove it"
            ),
            (.otherProgram, 65, "it belongs to another program; name another file in DATABASE_URL"),
            (.cutOff, 65, "it was cut off; restore a backup: spot-coordinator restore FILE"),
            (.tokenAndKeyDamaged, 78, "another token is made; "),
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

    @Test func `an empty file without a key is what a crash at the beginning leaves: a new one, with a warning`() throws
    {
        try withTemporaryFolder { folder in
            try replaceFile("\(folder)/coordinator.sqlite", with: [])
            let said = try RunningCoordinator(in: folder).stop().errors
            #expect(said.contains("warning the database's file was empty"), "\(said)")
            #expect(try !RunningCoordinator(in: folder).stop().errors.contains("was empty"))
        }
    }

    @Test func `damage that a check found is told at the door, and looked for at each start until it is gone`() throws {
        try withTemporaryFolder { folder in
            _ = try RunningCoordinator(in: folder).stop()
            let database = "\(folder)/coordinator.sqlite"
            try pragma("UPDATE installation SET is_open = 1", database)
            let sound = try readSmallFile(database, limit: 1 << 24)
            try replaceFile(database, with: withSpoiledPage(database))
            for _ in 1...2 {
                let coordinator = try RunningCoordinator(in: folder)
                try coordinator.waitUntil("/health") { reply in
                    reply.status == 503 && reply.text.contains("the database is damaged")
                }
                let metrics = try coordinator.ask("GET", "/metrics").text
                #expect(metrics.contains("spot_trouble{kind=\"damaged\"} 1\n"))
                #expect(try coordinator.stop().errors.contains("it is being checked"))
            }
            try replaceFile(database, with: sound)
            let repaired = try RunningCoordinator(in: folder)
            try repaired.process.waitForText("notice the database is sound")
            #expect(try repaired.ask("GET", "/health").status == 200)
            _ = try repaired.stop()
            #expect(try !RunningCoordinator(in: folder).stop().errors.contains("it is being checked"))
        }
    }

    /// The file with a page spoiled that no start needs: the first of the prices, of which there are none.
    private func withSpoiledPage(_ database: String) throws -> [UInt8] {
        let page: Int? = try Database(path: database).read { transaction in
            try transaction.first("SELECT rootpage FROM sqlite_schema WHERE name = 'price'") { try $0.value(0) }
        }
        var content = try readSmallFile(database, limit: 1 << 24)
        // A page begins with its kind, of which there is none of that number (https://sqlite.org/fileformat.html).
        content[(try #require(page) - 1) * 4_096] = 0xFF
        return content
    }

    @Test func `while nothing can be stored it is not well, and it is again by itself when something can`() throws {
        try withTemporaryFolder { folder in
            let coordinator = try RunningCoordinator(in: folder)
            let token = try coordinator.adminToken
            // Another writer, who does not come to an end.
            try Database(path: coordinator.database).write { _ in
                let refused = try coordinator.ask(
                    "POST", Route.createClient.path(), token: token, body: ClientCreation(name: "acme"))
                #expect(refused.status == 503)
                let health = try coordinator.ask("GET", "/health")
                #expect(health.status == 503 && health.text.contains("nothing can be stored"), "\(health.text)")
                try coordinator.manager.waitForMessage("STATUS=unwell: nothing can be stored")
            }
            try coordinator.waitUntil("/health", within: .seconds(20)) { $0.status == 200 }
            try coordinator.process.waitForText("notice storing works again")
        }
    }

    private func serve(in folder: String) throws -> ChildOutcome {
        try ChildProcess(
            builtProgram("spot-coordinator"), ["serve"], environment: ["STATE_DIRECTORY": folder, "PORT": "0"]
        ).waitForEnd()
    }

    private func pragma(
        _ sql: StaticString, _ path: String, access: DatabaseOptions.Access = .readWrite
    ) throws {
        var options = DatabaseOptions()
        options.access = access
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
