private import CLinux
import Glibc

/// What a file or folder is.
package struct FileFacts: Sendable, Equatable {
    package let isRegular: Bool
    package let isFolder: Bool
    package let owner: UInt32
    /// The lower twelve bits of its mode.
    package let permissions: UInt32

    package init(of path: String, followingLink: Bool = true, doing: String = "look at") throws(PlatformError) {
        var status = stat()
        let asked = unsafe followingLink ? stat(path, &status) : lstat(path, &status)
        guard asked == 0 else { throw PlatformError("\(doing) \(path)", errno: lastErrno) }
        isRegular = status.st_mode & clinux_file_type == clinux_file_type_regular
        isFolder = status.st_mode & clinux_file_type == clinux_file_type_folder
        owner = status.st_uid
        permissions = status.st_mode & 0o7777
    }

    /// By somebody.
    package var isExecutable: Bool { permissions & clinux_execute != 0 }
    /// By its group or by everybody.
    package var isWritableByOthers: Bool { permissions & clinux_write_by_others != 0 }
}

/// The names in a folder but `.` and `..`, in no order; more than `limit` are an error.
package func names(in folder: String, limit: Int, doing: String = "list") throws(PlatformError) -> [String] {
    guard let stream = unsafe opendir(folder) else { throw PlatformError("\(doing) \(folder)", errno: lastErrno) }
    defer { unsafe closedir(stream) }
    var names: [String] = []
    while let entry = unsafe readdir(stream) {
        let name = unsafe withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
            unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        }
        guard name != ".", name != ".." else { continue }
        guard names.count < limit else {
            throw PlatformError(.tooLarge, "\(doing) \(folder): more than \(limit) names")
        }
        names.append(name)
    }
    return names
}
