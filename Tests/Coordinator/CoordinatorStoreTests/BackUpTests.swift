import CoordinatorCore
import CoordinatorStore
import Glibc
import Platform
import SQLite
import TestSupport
import Testing
import Wire

/// A copy while the coordinator runs, and the way back.
struct BackUpTests {
    // MARK: Backing up

    @Test func `a copy made while others write is one state, whole`() throws {
        try withStore { (store) throws in
            try store.write { transaction in
                for number in 1...400 { try transaction.save(makeServing(number), replacing: nil) }
            }
            let copy = store.path + ".copy"
            var saved = 400
            var steps: [BackUpProgress] = []
            try backUp(database: store.path, to: copy) { progress in
                steps.append(progress)
                // Between two steps of the copy the coordinator goes on.
                for _ in 0..<5 {
                    saved += 1
                    do { try store.save(makeServing(saved)) } catch { Issue.record(error) }
                }
            }
            #expect(steps.last?.pagesLeft == 0)
            #expect(try Database(path: copy).integrityCheck() == [])
            #expect(try number(at: copy, "SELECT count(*) FROM slot") == 400)
            #expect(try number(at: store.path, "SELECT count(*) FROM slot") == saved)
            #expect(try permissions(of: copy) == 0o600)
        }
    }

    @Test func `a database is not backed up over itself`() throws {
        try withStore { (store) throws in
            try store.save(makeServing(1))
            let folder = folderName(of: store.path)
            for path in [store.path, "\(folder)/../\(folder.split(separator: "/").last ?? "")/coordinator.sqlite"] {
                #expect(storeFailure { try backUp(database: store.path, to: path) } == .failed)
            }
            #expect(try store.load(1) == makeServing(1))
        }
    }

    @Test func `a backup takes the place of a file, and of nothing else`() throws {
        try withStore { (store) throws in
            let (folder, pipe, link) = (store.path + ".folder", store.path + ".pipe", store.path + ".link")
            let earlier = store.path + ".copy"
            unsafe mkdir(folder, 0o700)
            unsafe mkfifo(pipe, 0o600)
            unsafe symlink(store.path, link)
            for path in [folder, pipe, link] {
                let error = #expect(throws: StoreError.self) { try backUp(database: store.path, to: path) }
                #expect(error?.description.contains(path) == true)
            }
            #expect([folder, pipe, link].allSatisfy(fileExists))
            #expect(!fileExists(pipe + ".partial"))
            try writeFile(earlier, [1, 2, 3])
            try backUp(database: store.path, to: earlier)
            #expect(try Database(path: earlier).integrityCheck() == [])
        }
    }

    @Test func `what cannot be backed up is named`() throws {
        try withDatabase { (path) throws in
            #expect(storeFailure { try backUp(database: path, to: path + ".copy") } == .inaccessible)
            _ = try Store(path: path)
            #expect(storeFailure { try backUp(database: path, to: "/nowhere/copy") } == .inaccessible)
        }
    }

    // MARK: Restoring

    @Test func `a restore brings the copy's state back and keeps the other one`() throws {
        try withBackUp { (database, copy) throws in
            try restore(backup: copy, to: database)
            try expect(database, has: [1])
            try expect(database + ".before-restore", has: [1, 2])
            #expect(try permissions(of: database) == 0o600)
            // And the way back again.
            try restore(backup: database + ".before-restore", to: database)
            try expect(database, has: [1, 2])
        }
    }

    @Test func `each restore keeps what it found, until there are nine`() throws {
        try withBackUp { (database, copy) throws in
            let kept = database + ".before-restore"
            #expect(try restore(backup: copy, to: database) == kept)
            for number in 2...9 { #expect(try restore(backup: copy, to: database) == "\(kept).\(number)") }
            let error = #expect(throws: StoreError.self) { try restore(backup: copy, to: database) }
            #expect(error?.description.contains("remove those that nobody needs") == true)
            #expect(!fileExists(database + ".restoring"))
            try expect(kept, has: [1, 2])
            try expect("\(kept).9", has: [1])
            try removeFile("\(kept).4")
            #expect(try restore(backup: copy, to: database) == "\(kept).4")
        }
    }

    @Test func `a restore to an empty place is a move`() throws {
        try withBackUp { (database, copy) throws in
            let other = folderName(of: database) + "/other.sqlite"
            try restore(backup: copy, to: other)
            try expect(other, has: [1])
            #expect(!fileExists(other + ".before-restore"))
        }
    }

    @Test func `commits that were only in the wal are kept with what is set aside`() throws {
        try withTwoStates { (store, copy) throws in
            // As a coordinator leaves it that was killed: the WAL holds what the file does not.
            let database = store.path + ".killed"
            try copyFile(store.path, to: database)
            try copyFile(store.path + "-wal", to: database + "-wal")
            try restore(backup: copy, to: database)
            try expect(database, has: [1])
            try expect(database + ".before-restore", has: [1, 2])
        }
    }

    @Test func `a place in the log of before a restore is none in the log after it`() throws {
        try withBackUp { (database, copy) throws in
            func read<Value>(_ body: (borrowing StoreReader) throws -> Value) throws -> Value {
                try body(StoreReader(path: database))
            }
            for _ in 0..<2 {
                let before = try read { try $0.endOfLog() }
                try restore(backup: copy, to: database)
                #expect(storeFailure { try read { try $0.events(after: before) } } == .cursorGone)
            }
        }
    }

    @Test func `an older copy is brought to today's schema`() throws {
        try withBackUp { (database, _) throws in
            let old = String(#filePath.dropLast("BackUpTests.swift".count)) + "Fixtures/schema-0001.sqlite"
            let copy = database + ".old"
            try copyFile(old, to: copy)
            try restore(backup: copy, to: database)
            #expect(try number(at: database, "SELECT count(*) FROM slot") == 0)
            #expect(try Database(path: copy).read { try $0.userVersion() } == 1)
        }
    }

    private static let refused: [(String, StoreError.Code, @Sendable (String) throws -> Void)] = [
        ("newer", .tooNew, { path in try Database(path: path).write { try $0.setUserVersion(1000) } }),
        ("foreign", .foreign, { path in try Database(path: path).write { try $0.setApplicationID(42) } }),
        ("no database", .foreign, { path in try writeFile(path, [UInt8](repeating: 65, count: 8192)) }),
        (
            "damaged", .damaged,
            { path in
                var content = try readFile(path)
                for offset in stride(from: 4096, to: content.count, by: 4096) {
                    for byte in 0..<64 { content[offset + byte] = 0xFF }
                }
                try writeFile(path, content)
            }
        ),
        ("cut off", .damaged, { path in try writeFile(path, Array(try readFile(path).prefix(20_000))) }),
        ("empty", .foreign, { path in try writeFile(path, []) }),
        ("missing", .inaccessible, { path in try removeFile(path) }),
    ]

    @Test(arguments: 0..<7)
    func `a copy that is no good is refused, and the database stays as it was`(index: Int) throws {
        let (what, code, spoil) = Self.refused[index]
        try withBackUp { (database, copy) throws in
            try spoil(copy)
            let error = #expect(throws: StoreError.self, "\(what)") { try restore(backup: copy, to: database) }
            #expect(error?.code == code, "\(what): \(error?.description ?? "")")
            #expect(error?.description.hasSuffix("the database is as it was") == true, "\(error?.description ?? "")")
            #expect(!fileExists(database + ".restoring"), "a copy of no use is not left lying about")
            try expect(database, has: [1, 2])
        }
    }

    @Test func `a database that cannot be opened is replaced, and set aside as it is`() throws {
        try withBackUp { (database, copy) throws in
            let ruin = [UInt8](repeating: 3, count: 9000)
            try writeFile(database, ruin)
            try restore(backup: copy, to: database)
            try expect(database, has: [1])
            #expect(try readFile(database + ".before-restore") == ruin)
        }
    }

    @Test func `a database that somebody is reading is not exchanged under him`() throws {
        try withBackUp { (database, copy) throws in
            let reader = try Database(path: database)
            try reader.read { transaction in
                _ = try transaction.first("SELECT count(*) FROM slot") { try $0.value(0, as: Int.self) }
                #expect(storeFailure { try restore(backup: copy, to: database) } == .busy)
            }
            #expect(
                try reader.read { try $0.first("SELECT count(*) FROM slot") { try $0.value(0, as: Int.self) } } == 2)
        }
    }

    @Test func `a database that somebody has open is not exchanged under him`() throws {
        try withBackUp { (database, copy) throws in
            let reader = try Database(path: database)
            _ = try reader.read { try $0.userVersion() }
            #expect(storeFailure { try restore(backup: copy, to: database) } == .busy)
            _ = try reader.read { try $0.userVersion() }
        }
    }

    // MARK: A restore that was interrupted, as each of its steps leaves it

    private static let leftovers: [(String, @Sendable (_ database: String, _ copy: String) throws -> Void)] = [
        ("a copy begun", { database, _ in try writeFile(database + ".restoring.partial", [1, 2, 3]) }),
        ("a copy made", { database, copy in try copyFile(copy, to: database + ".restoring") }),
        (
            "a copy under examination",
            { database, copy in
                try copyFile(copy, to: database + ".restoring")
                try writeFile(database + ".restoring-wal", [1, 2, 3])
            }
        ),
        (
            "the database set aside, not replaced",
            { database, copy in
                try copyFile(copy, to: database + ".restoring")
                try linkFile(database, as: database + ".before-restore")
            }
        ),
    ]

    @Test(arguments: 0..<4)
    func `after an interrupted restore the old database is there, and the next start tidies up`(index: Int) throws {
        let (what, interrupt) = Self.leftovers[index]
        try withBackUp { (database, copy) throws in
            try interrupt(database, copy)
            try expect(database, has: [1, 2])
            for suffix in ["", "-wal", ".partial"] { #expect(!fileExists(database + ".restoring" + suffix), "\(what)") }
            #expect(!isSameFile(database, database + ".before-restore"), "\(what)")
        }
    }

    @Test(arguments: 0..<4)
    func `an interrupted restore is finished by another`(index: Int) throws {
        let (_, interrupt) = Self.leftovers[index]
        try withBackUp { (database, copy) throws in
            try interrupt(database, copy)
            try restore(backup: copy, to: database)
            try expect(database, has: [1])
            try expect(database + ".before-restore", has: [1, 2])
        }
    }

    // MARK: Support

    /// A store with two slots, and a copy of the time when it had one.
    private func withTwoStates(_ body: (TestStore, String) throws -> Void) throws {
        try withStore { (store) throws in
            try store.save(makeServing(1))
            let copy = store.path + ".copy"
            try backUp(database: store.path, to: copy)
            try store.save(makeServing(2))
            try body(store, copy)
        }
    }

    /// As above, after a clean stop.
    private func withBackUp(_ body: (_ database: String, _ copy: String) throws -> Void) throws {
        try withDatabase { (path) throws in
            let copy = path + ".copy"
            do {
                let store = try TestStore(at: path)
                try store.write { try $0.insert(makeClient(1)) }
                try store.save(makeServing(1))
                try backUp(database: path, to: copy)
                try store.save(makeServing(2))
            }
            try body(path, copy)
        }
    }

    private func expect(_ path: String, has slots: [Int]) throws {
        let store = try TestStore(at: path)
        for number in 1...2 {
            let slot = try store.load(number)
            #expect(slot == (slots.contains(number) ? makeServing(number) : nil))
        }
        #expect(try Database(path: path).integrityCheck() == [])
    }

    private func permissions(of path: String) throws -> UInt32 {
        var status = stat()
        let code = unsafe stat(path, &status)
        try #require(code == 0)
        return status.st_mode & 0o777
    }
}
