import CLinux
import Glibc

/// Runs `body` with the path of a fresh private folder, and removes the folder afterwards, whatever happened.
package func withTemporaryFolder<Value>(_ body: (String) throws -> Value) throws -> Value {
    let path = try makeTemporaryFolder()
    defer { removeTree(path) }
    return try body(path)
}

/// As above, for a test that awaits a child process.
package func withTemporaryFolder<Value>(_ body: (String) async throws -> Value) async throws -> Value {
    let path = try makeTemporaryFolder()
    defer { removeTree(path) }
    return try await body(path)
}

private func makeTemporaryFolder() throws -> String {
    var template = Array("\(temporaryRoot())/spot-test.XXXXXX\0".utf8CString)
    let made = unsafe template.withUnsafeMutableBufferPointer { buffer in
        unsafe buffer.baseAddress.flatMap { unsafe mkdtemp($0) }.map { unsafe String(cString: $0) }
    }
    guard let path = made else { throw TestSupportError("make a temporary folder: errno \(errno)") }
    return path
}

/// What a test needs from the world and did not get.
package struct TestSupportError: Error, CustomStringConvertible {
    package let description: String
    package init(_ description: String) { self.description = description }
}

private func temporaryRoot() -> String { unsafe getenv("TMPDIR").map { unsafe String(cString: $0) } ?? "/tmp" }

private func removeTree(_ path: String) {
    guard let root = unsafe strdup(path) else { return }
    defer { unsafe free(root) }
    var paths: [UnsafeMutablePointer<CChar>?] = unsafe [root, nil]
    guard let tree = unsafe fts_open(&paths, FTS_PHYSICAL | FTS_NOSTAT | FTS_NOCHDIR, nil) else { return }
    defer { unsafe fts_close(tree) }
    while let entry = unsafe fts_read(tree) {
        if unsafe Int32(entry.pointee.fts_info) != FTS_D { unsafe remove(entry.pointee.fts_accpath) }
    }
}
