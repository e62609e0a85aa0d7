import Glibc
import Platform
import TestSupport
import Testing

/// Names in folders, and the lock of a file.
struct FileNameTests {
    @Test func `a lock is held by one at a time, and goes with its holder`() throws {
        try withTemporaryFolder { folder in
            let path = "\(folder)/lock"
            do {
                let first = try FileLock(taking: path)
                let second = try FileLock(taking: path)
                let isHeld = second == nil && first != nil
                #expect(isHeld)
            }
            let third = try FileLock(taking: path)
            let isFree = third != nil
            #expect(isFree)
        }
    }

    @Test func `a lock where there is no folder is a failure, not somebody else's`() {
        let error = #expect(throws: PlatformError.self) { _ = try FileLock(taking: "/nowhere/lock") }
        #expect(error?.code == .notFound)
    }

    @Test func `a file has its names until the last is removed`() throws {
        try withTemporaryFolder { folder in
            let (first, second, third) = ("\(folder)/first", "\(folder)/second", "\(folder)/third")
            try replaceFile(first, with: [1])
            try linkFile(first, as: second)
            #expect(isSameFile(first, second))
            #expect(throws: PlatformError.self) { try linkFile(first, as: second) }
            try renameFile(second, to: third)
            #expect(!fileExists(second))
            try removeFile(first)
            try removeFile(first)
            #expect(!isSameFile(first, third))
            #expect(try readSmallFile(third, limit: 1) == [1])
        }
    }

    @Test(.enabled(if: geteuid() == 0, "only root gives files away"))
    func `what root makes in somebody's folder belongs to him`() throws {
        try withTemporaryFolder { folder in
            let path = "\(folder)/file"
            try replaceFile(path, with: [])
            let isGiven = unsafe chown(folder, 4711, 4712) == 0
            try #require(isGiven)
            try giveToOwnerOfFolder(path)
            var status = stat()
            let isThere = unsafe stat(path, &status) == 0
            try #require(isThere)
            #expect(status.st_uid == 4711 && status.st_gid == 4712)
        }
    }
}
