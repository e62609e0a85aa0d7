import Glibc

/// Puts `content` in place of whatever `path` names, so that after a crash at any moment the old or the new content is
/// there, whole. When this returns, the new content is on the disk; unless it is not `kept`, which costs the disk less: then a
/// crash of the whole machine, but not of the process, may leave an empty file.
///
/// A symbolic link is replaced, not followed. Two writers of one path at a time disturb each other: a path has one owner.
/// It waits for the disk: not for a loop's thread. When it throws, the old content is there, except after a failure to
/// sync the folder, when it may be either.
package func replaceFile(
    _ path: String, with content: [UInt8], permissions: UInt32 = 0o600, kept: Bool = true, doing: String = "write"
) throws(PlatformError) {
    // A fixed name: what a crash leaves behind is removed by the next write instead of adding up.
    let temporary = "\(path).new"
    _ = unsafe unlink(temporary)
    do throws(PlatformError) {
        try writeNewFile(temporary, content, permissions, kept: kept, doing)
        guard unsafe rename(temporary, path) == 0 else {
            throw PlatformError("\(doing) \(path): rename", errno: lastErrno)
        }
    } catch {
        _ = unsafe unlink(temporary)
        throw error
    }
    if kept { try syncFolder(of: path, doing: doing) }
}

private func writeNewFile(
    _ path: String, _ content: [UInt8], _ permissions: UInt32, kept: Bool, _ doing: String
) throws(PlatformError) {
    // Exclusive: nobody can have put a link there. Closed to others until the content is complete, whatever the umask.
    let flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW
    let file = try FileDescriptor(opening: path, flags, permissions: 0o600, doing: doing)
    try writeAll(content, to: file, "\(doing) \(path)")
    guard fchmod(file.number, mode_t(permissions)) == 0 else {
        throw PlatformError("\(doing) \(path): set permissions", errno: lastErrno)
    }
    guard !kept || fsync(file.number) == 0 else { throw PlatformError("\(doing) \(path): sync", errno: lastErrno) }
}

/// Writes all of `content`, however many calls it takes; `doing` opens the error's sentence.
package func writeAll(
    _ content: [UInt8], to file: borrowing FileDescriptor, _ doing: @autoclosure () -> String
) throws(PlatformError) {
    let number = file.number
    var rest = content[...]
    while !rest.isEmpty {
        let done = unsafe rest.withUnsafeBytes { bytes in
            retryingInterrupts { unsafe write(number, bytes.baseAddress, bytes.count) }
        }
        guard done.result >= 0 else { throw PlatformError(doing(), errno: done.errno) }
        rest = rest.dropFirst(done.result)
    }
}

/// Makes a new, renamed or removed name in the folder of `path` survive a crash.
package func syncFolder(of path: String, doing: String = "sync") throws(PlatformError) {
    let folder = try FileDescriptor(opening: folderName(of: path), O_RDONLY | O_DIRECTORY, doing: doing)
    guard fsync(folder.number) == 0 else {
        throw PlatformError("\(doing) \(path): sync its folder", errno: lastErrno)
    }
}

/// The path as it is from every folder: that of the working folder goes before one that does not begin at the root.
package func absolutePath(_ path: String) -> String {
    guard !path.hasPrefix("/"), let folder = unsafe getcwd(nil, 0) else { return path }
    defer { unsafe free(folder) }
    return unsafe "\(String(cString: folder))/\(path)"
}

/// `/a/b` for `/a/b/c`, `/` for `/a`, `.` for `a`.
package func folderName(of path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
}
