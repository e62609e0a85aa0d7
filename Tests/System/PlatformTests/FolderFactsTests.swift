import Glibc
import Platform
import TestSupport
import Testing

struct FolderFactsTests {
    @Test func `a folder's mode and room are told, and nothing is made in it`() throws {
        try withTemporaryFolder { folder in
            unsafe chmod(folder, 0o710)
            let facts = try FolderFacts(of: folder)
            #expect(facts.permissions == 0o710)
            #expect(facts.fault == nil)
            #expect(facts.freeBytes > 0 && facts.hasFreeFiles)
        }
    }

    @Test func `a file, and nothing at all, is no folder`() throws {
        try withTemporaryFolder { folder in
            try replaceFile("\(folder)/file", with: [])
            for name in ["file", "none"] {
                #expect(throws: PlatformError.self) { try FolderFacts(of: "\(folder)/\(name)") }
            }
        }
    }
}
