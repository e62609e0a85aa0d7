import Glibc

/// A folder as whoever wants to keep files in it finds it.
package struct FolderFacts: Sendable, Equatable {
    package let permissions: UInt32
    /// Why this process can make no file in it; nil when it can.
    package let fault: PlatformError?
    /// What is left to users without privileges.
    package let freeBytes: Int64
    package let hasFreeFiles: Bool

    /// Looks, and makes nothing. Throws for what is not there, or is no folder.
    package init(of path: String) throws(PlatformError) {
        var status = stat()
        // The slash: of a file this is an error.
        guard unsafe stat("\(path)/", &status) == 0 else { throw PlatformError("look at \(path)", errno: lastErrno) }
        permissions = status.st_mode & 0o7777
        let isWritable = unsafe access(path, W_OK | X_OK) == 0
        fault = isWritable ? nil : PlatformError("make a file in \(path)", errno: lastErrno)
        var space = statvfs()
        guard unsafe statvfs(path, &space) == 0 else {
            throw PlatformError("ask how much room \(path) has", errno: lastErrno)
        }
        let bytes = UInt64(space.f_bavail).multipliedReportingOverflow(by: UInt64(space.f_frsize))
        freeBytes = bytes.overflow ? .max : Int64(clamping: bytes.partialValue)
        // Some file systems do not count them, and say 0 of 0.
        hasFreeFiles = space.f_favail > 0 || space.f_files == 0
    }
}
