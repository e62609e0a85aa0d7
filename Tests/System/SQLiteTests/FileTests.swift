import Glibc
import SQLite
import TestSupport
import Testing

/// What needs real files.
struct FileTests {
    @Test func `the database and its WAL are readable by their owner only, whatever the umask`() throws {
        try withTemporaryFolder { folder in
            let database = try makeStore(at: "\(folder)/store")
            try database.write { try $0.execute("INSERT INTO entry VALUES (1, NULL)") }
            for name in ["store", "store-wal", "store-shm"] { #expect(mode(of: "\(folder)/\(name)") == 0o600) }
        }
    }

    @Test func `a database is there after it was closed and opened again`() throws {
        try withTemporaryFolder { folder in
            try makeStore(at: "\(folder)/store").write { transaction in
                try transaction.execute("INSERT INTO entry VALUES (1, 'kept')")
                try transaction.setUserVersion(12)
                try transaction.setApplicationID(-5)
            }
            let reopened = try makeStore(at: "\(folder)/store")
            let numbers = try reopened.read { [try $0.userVersion(), try $0.applicationID()] }
            let content = try reopened.read { transaction in
                try transaction.first("SELECT content FROM entry") { try $0.value(0, as: String.self) }
            }
            #expect(numbers == [12, -5])
            #expect(content == "kept")
        }
    }

    @Test func `a backup made while a writer goes on is one state, complete and private`() throws {
        try withTemporaryFolder { folder in
            let database = try makeStore(at: "\(folder)/store")
            try database.write { transaction in
                for id in 1...300 { try transaction.execute("INSERT INTO entry VALUES (?, zeroblob(2000))", id) }
            }
            var backup = try Backup(of: "\(folder)/store", to: "\(folder)/copy")
            var steps = 0
            while try !backup.step(pages: 10).isDone {
                steps += 1
                try database.write { try $0.execute("INSERT INTO entry VALUES (?, 'later')", 1000 + steps) }
                try #require(steps < 1000)
            }
            #expect(unsafe access("\(folder)/copy", F_OK) != 0)
            try backup.finish()

            #expect(steps > 10)
            #expect(mode(of: "\(folder)/copy") == 0o600)
            for left in ["copy.partial", "copy.partial-wal", "copy.partial-shm", "copy.partial-journal"] {
                #expect(unsafe access("\(folder)/\(left)", F_OK) != 0)
            }
            let copy = try Database(path: "\(folder)/copy")
            #expect(try copy.integrityCheck() == [])
            let ids = try copy.read { try $0.all("SELECT id FROM entry ORDER BY id") { try $0.value(0, as: Int.self) } }
            #expect(ids == Array(1...300))
        }
    }
    @Test func `a backup can be read where nothing can be written`() throws {
        try withTemporaryFolder { folder in
            let database = try makeStore(at: "\(folder)/store")
            try database.write { try $0.execute("INSERT INTO entry VALUES (1, NULL)") }
            for (source, target) in [("store", "copy"), ("copy", "second")] {
                var backup = try Backup(of: "\(folder)/\(source)", to: "\(folder)/\(target)")
                while try !backup.step(pages: 100).isDone {}
                try backup.finish()
            }
            // Reading a file in the mode of a WAL begins with making these.
            for made in ["copy-wal", "copy-shm"] { #expect(unsafe access("\(folder)/\(made)", F_OK) != 0) }
        }
    }

    @Test func `a backup that is given up leaves nothing, and the next one succeeds over an old copy`() throws {
        try withTemporaryFolder { folder in
            let database = try makeStore(at: "\(folder)/store")
            try database.write { try $0.execute("INSERT INTO entry VALUES (1, zeroblob(100000))") }
            do {
                var backup = try Backup(of: "\(folder)/store", to: "\(folder)/copy")
                _ = try backup.step(pages: 1)
            }
            #expect(unsafe access("\(folder)/copy.partial", F_OK) != 0)
            for id in [2, 3] {
                try database.write { try $0.execute("INSERT INTO entry VALUES (?, NULL)", id) }
                var backup = try Backup(of: "\(folder)/store", to: "\(folder)/copy")
                while try !backup.step(pages: 100).isDone {}
                try backup.finish()
            }
            let copy = try Database(path: "\(folder)/copy")
            #expect(try copy.read { try $0.first("SELECT max(id) FROM entry") { try $0.value(0, as: Int.self) } } == 3)
        }
    }

    @Test func `a backup to a folder that is not there names it`() throws {
        try withTemporaryFolder { folder in
            _ = try makeStore(at: "\(folder)/store")
            #expect(failureCode { _ = try Backup(of: "\(folder)/store", to: "\(folder)/none/copy") } == .cannotOpen)
        }
    }

    @Test(arguments: 1...5)
    func `what was acknowledged is there after the process was killed`(_ round: Int) async throws {
        try await withTemporaryFolder { folder in
            await #expect(processExitsWith: .signal(SIGKILL)) { [folder = folder as String, round = round as Int] in
                let database = try makeStore(at: "\(folder)/store")
                let acknowledgements = unsafe open(
                    "\(folder)/acknowledged", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
                for id in 1...1000 {
                    try database.write { transaction in
                        try transaction.execute("INSERT INTO entry VALUES (?, zeroblob(3000))", id)
                        // In the middle of a transaction, each round at another one.
                        if id == round * 37 { kill(getpid(), SIGKILL) }
                    }
                    _ = unsafe write(acknowledgements, "x", 1)
                }
            }
            let database = try makeStore(at: "\(folder)/store")
            let found = try database.read {
                try $0.first("SELECT count(*) FROM entry") { try $0.value(0, as: Int.self) }
            }
            #expect(found == size(of: "\(folder)/acknowledged"))
            #expect(found == round * 37 - 1)
            #expect(try database.integrityCheck() == [])
        }
    }
}

private func status(of path: String) -> stat? {
    var status = stat()
    return unsafe stat(path, &status) == 0 ? status : nil
}

private func mode(of path: String) -> mode_t? { status(of: path).map { $0.st_mode & 0o777 } }

private func size(of path: String) -> Int? { status(of: path).map { Int($0.st_size) } }
