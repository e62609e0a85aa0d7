import Glibc
import Platform
import TestSupport
import Testing

struct FileTests {
    @Test func `a replaced file has the new content, the asked permissions and no companion`() throws {
        try withTemporaryFolder { folder in
            let path = "\(folder)/state"
            try replaceFile(path, with: Array("old".utf8))
            try replaceFile(path, with: Array("new".utf8), permissions: 0o640)
            #expect(try readSmallFile(path, limit: 16) == Array("new".utf8))
            #expect(permissions(of: path) == 0o640)
            #expect(names(in: folder) == ["state"])
        }
    }

    @Test func `a file is private when nothing else was asked`() throws {
        try withTemporaryFolder { folder in
            try replaceFile("\(folder)/state", with: [])
            #expect(permissions(of: "\(folder)/state") == 0o600)
        }
    }

    @Test func `what a crash left behind does not disturb the next write`() throws {
        try withTemporaryFolder { folder in
            let path = "\(folder)/state"
            // A link in the temporary's place must be removed, not written through.
            #expect(unsafe symlink("\(folder)/elsewhere", "\(path).new") == 0)
            try replaceFile(path, with: Array("new".utf8))
            #expect(try readSmallFile(path, limit: 16) == Array("new".utf8))
            #expect(names(in: folder) == ["state"])
        }
    }

    @Test func `a failed replacement leaves the old content and no companion`() throws {
        try withTemporaryFolder { folder in
            // A folder that is not empty cannot be replaced by a file.
            #expect(unsafe mkdir("\(folder)/state", 0o700) == 0)
            try replaceFile("\(folder)/state/inner", with: Array("kept".utf8))
            let error = #expect(throws: PlatformError.self) { try replaceFile("\(folder)/state", with: [1]) }
            #expect(error?.description == "write \(folder)/state: rename: is a directory (errno 21)")
            #expect(try readSmallFile("\(folder)/state/inner", limit: 16) == Array("kept".utf8))
            #expect(names(in: folder) == ["state"])
        }
    }

    @Test func `a file is read up to its bound and refused beyond`() throws {
        try withTemporaryFolder { folder in
            let path = "\(folder)/file"
            try replaceFile(path, with: Array(repeating: 65, count: 100_000))
            #expect(try readSmallFile(path, limit: 100_000).count == 100_000)
            let error = #expect(throws: PlatformError.self) { try readSmallFile(path, limit: 99_999) }
            #expect(error?.code == .tooLarge)
            #expect(error?.description == "read \(path): longer than 99999 bytes")
        }
    }

    @Test func `a missing file is not found`() {
        let error = #expect(throws: PlatformError.self) {
            try readSmallFile("/nonexistent/x", limit: 1, doing: "open outbox")
        }
        #expect(error?.code == .notFound)
        #expect(error?.description == "open outbox /nonexistent/x: no such file or directory (errno 2)")
    }

    @Test func `a FIFO that nobody writes is refused instead of waited for`() throws {
        try withTemporaryFolder { folder in
            #expect(unsafe mkfifo("\(folder)/fifo", 0o600) == 0)
            let error = #expect(throws: PlatformError.self) { try readSmallFile("\(folder)/fifo", limit: 1) }
            #expect(error == PlatformError(.failed, "read \(folder)/fifo: not a regular file"))
        }
    }

    @Test func `a full disk is told apart`() throws {
        let full = try FileDescriptor(opening: "/dev/full", O_WRONLY)
        var code: PlatformError.Code?
        do { try writeAll([1], to: full, "write") } catch { code = error.code }
        #expect(code == .full)
    }

    @Test func `a denied file is told apart`() throws {
        // Nobody, not even root, may make a file there.
        let error = #expect(throws: PlatformError.self) { try replaceFile("/sys/spot-test", with: [1]) }
        #expect(error?.code == .denied)
        #expect(PlatformError("open x", errno: EACCES).code == .denied)
        #expect(PlatformError("open x", errno: EACCES).description == "open x: permission denied (errno 13)")
    }

    @Test(arguments: [("/a/b/c", "/a/b"), ("/a", "/"), ("a", "."), ("a/b", "a")])
    func `the folder of a path`(path: String, folder: String) { #expect(folderName(of: path) == folder) }

    @Test func `a path from the root names the same file as the one from here`() throws {
        #expect(absolutePath("/a/b") == "/a/b")
        let here = absolutePath(".")
        #expect(here.hasPrefix("/"))
        try #expect(#require(statistics(".")) == #require(statistics(here)))
    }

    private func statistics(_ path: String) -> [UInt]? {
        var there = stat()
        return unsafe stat(path, &there) == 0 ? [there.st_dev, there.st_ino] : nil
    }

    @Test func `descriptors are close-on-exec and closed by their owner`() throws {
        let number = try {
            let file = try FileDescriptor(opening: "/dev/null", O_RDONLY)
            #expect(fcntl(file.number, F_GETFD) == FD_CLOEXEC)
            return file.number
        }()
        // Another test may have got the number since; then it is at least not our file that is open.
        #expect(fcntl(number, F_GETFD) == -1 || target(of: number) != "/dev/null")
    }
}

struct SecretTests {
    @Test(arguments: ["s3cret", "s3cret\n", "s3cret\r\n"])
    func `one line ending after the secret is not part of it`(content: String) throws {
        try withTemporaryFolder { folder in
            try replaceFile("\(folder)/token", with: Array(content.utf8))
            let file = try SecretFile("\(folder)/token")
            #expect(file.secret.reveal() == "s3cret")
            #expect(!file.isReadableByEveryone)
        }
    }

    @Test func `a secret that everybody may read is told`() throws {
        try withTemporaryFolder { folder in
            try replaceFile("\(folder)/token", with: Array("x".utf8), permissions: 0o644)
            #expect(try SecretFile("\(folder)/token").isReadableByEveryone)
        }
    }

    @Test(arguments: [("", "the file is empty"), ("\n", "the file is empty"), ("a\nb", "expected one line of text")])
    func `a file that is no secret is refused`(content: String, why: String) throws {
        try withTemporaryFolder { folder in
            try replaceFile("\(folder)/token", with: Array(content.utf8))
            let error = #expect(throws: PlatformError.self) { try SecretFile("\(folder)/token") }
            #expect(error?.description == "read secret \(folder)/token: \(why)")
        }
    }

    @Test func `nothing that prints a secret shows it`() {
        let secret = Secret("s3cret")
        var dumped = ""
        dump(secret, to: &dumped)
        let texts = ["\(secret)", String(reflecting: secret), "\([secret])", "\(Optional(secret) as Any)", dumped]
        #expect(texts.allSatisfy { !$0.contains("s3cret") })
    }
}

private func permissions(of path: String) -> UInt32 {
    var status = stat()
    _ = unsafe lstat(path, &status)
    return status.st_mode & 0o7777
}

private func names(in folder: String) -> [String] {
    guard let stream = unsafe opendir(folder) else { return [] }
    defer { unsafe closedir(stream) }
    var names: [String] = []
    while let entry = unsafe readdir(stream) {
        let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) {
            unsafe String(cString: UnsafeRawPointer($0).assumingMemoryBound(to: CChar.self))
        }
        if name != "." && name != ".." { names.append(name) }
    }
    return names.sorted()
}

private func target(of number: Int32) -> String? {
    var buffer = [CChar](repeating: 0, count: 4096)
    guard unsafe readlink("/proc/self/fd/\(number)", &buffer, 4095) > 0 else { return nil }
    return String(decoding: buffer.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
}
