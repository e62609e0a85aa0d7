import CoordinatorStore
import SQLite
import TestSupport
import Testing

struct StoreTests {
    @Test func `a new file is made, and opened again as it is`() throws {
        try withTemporaryFolder { folder in
            let path = "\(folder)/coordinator.sqlite"
            try Store(path: path).probe()
            let first = try installation(at: path)
            try Store(path: path).probe()
            #expect(try installation(at: path) == first)
            #expect(first.count == 16)
        }
    }

    @Test func `a file from a newer version is refused, and told what to do`() throws {
        try withTemporaryFolder { folder in
            let path = "\(folder)/coordinator.sqlite"
            _ = try Store(path: path)
            try Database(path: path).write { try $0.setUserVersion(1000) }
            let error = #expect(throws: StoreError.self) { _ = try Store(path: path) }
            #expect(error?.code == .tooNew)
            #expect(error?.description.contains("version 1000") == true)
            #expect(error?.description.contains("restore an older backup") == true)
        }
    }

    @Test func `another program's database is left alone`() throws {
        try withTemporaryFolder { folder in
            let path = "\(folder)/other.sqlite"
            try Database(path: path).write { try $0.setApplicationID(42) }
            #expect(throws: StoreError.self) { _ = try Store(path: path) }
            #expect(try Database(path: path).read { try $0.userVersion() } == 0)
        }
    }

    @Test func `a folder that is not there is named`() throws {
        let error = #expect(throws: StoreError.self) { _ = try Store(path: "/nowhere/at/all/coordinator.sqlite") }
        #expect(error?.code == .inaccessible)
        #expect(error?.description.contains("/nowhere/at/all/coordinator.sqlite") == true)
    }

    private func installation(at path: String) throws -> [UInt8] {
        let found = try Database(path: path).read { transaction in
            try transaction.first("SELECT id FROM installation") { row throws(SQLiteError) in
                try row.value(0, as: [UInt8].self)
            }
        }
        return try #require(found)
    }
}
