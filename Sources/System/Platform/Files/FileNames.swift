private import CLinux
import Glibc

// Names in folders. Each change is durable after `syncFolder`.

/// Whether something of that name is there.
package func fileExists(_ path: String) -> Bool {
    var status = stat()
    return unsafe lstat(path, &status) == 0
}

/// Whether this process may read it.
package func isReadable(_ path: String) -> Bool { unsafe access(path, R_OK) == 0 }

/// Whether both names lead to one file.
package func isSameFile(_ path: String, _ other: String) -> Bool {
    var (one, two) = (stat(), stat())
    guard unsafe stat(path, &one) == 0, unsafe stat(other, &two) == 0 else { return false }
    return one.st_dev == two.st_dev && one.st_ino == two.st_ino
}

/// Gives a file another name, in place of whatever has that.
package func renameFile(_ path: String, to name: String, doing: String = "rename") throws(PlatformError) {
    guard unsafe rename(path, name) == 0 else { throw PlatformError("\(doing) \(path) to \(name)", errno: lastErrno) }
}

/// Gives a file a further name, which must be free.
package func linkFile(_ path: String, as name: String, doing: String = "link") throws(PlatformError) {
    guard unsafe link(path, name) == 0 else { throw PlatformError("\(doing) \(path) as \(name)", errno: lastErrno) }
}

/// Removes a name; that it is not there is no failure.
package func removeFile(_ path: String, doing: String = "remove") throws(PlatformError) {
    guard unsafe unlink(path) != 0 else { return }
    let number = lastErrno
    guard number != ENOENT else { return }
    throw PlatformError("\(doing) \(path)", errno: number)
}

/// Makes what is on the disk of a file the same as what is in memory.
package func syncFile(_ path: String, doing: String = "sync") throws(PlatformError) {
    let file = try FileDescriptor(opening: path, O_RDONLY, doing: doing)
    guard fsync(file.number) == 0 else { throw PlatformError("\(doing) \(path): sync", errno: lastErrno) }
}

/// What root makes in the folder of a service belongs to the service, or that could not use it.
package func giveToOwnerOfFolder(_ path: String, doing: String = "make") throws(PlatformError) {
    guard geteuid() == 0 else { return }
    var folder = stat()
    guard unsafe stat(folderName(of: path), &folder) == 0,
        unsafe lchown(path, folder.st_uid, folder.st_gid) == 0
    else { throw PlatformError("\(doing) \(path): give it to the owner of its folder", errno: lastErrno) }
}

/// The path without a link in it.
package func resolvedPath(_ path: String, doing: String = "resolve") throws(PlatformError) -> String {
    guard let resolved = unsafe realpath(path, nil) else { throw PlatformError("\(doing) \(path)", errno: lastErrno) }
    defer { unsafe free(resolved) }
    return unsafe String(cString: resolved)
}
