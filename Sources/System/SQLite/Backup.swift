import CSQLite
import Glibc
import Platform

/// A copy of a database made while others write to it.
///
/// It reads one state of the source, that of its start, through a connection of its own; writers do not disturb it, and wait
/// for nothing. Until it ends the WAL cannot start anew, so it grows by what is written meanwhile. The copy appears at its
/// path complete and durable, with mode 0600, or not at all.
package struct Backup: ~Copyable {
    package struct Progress: Equatable, Sendable {
        package let pagesLeft: Int
        package let pages: Int
        package let isDone: Bool
    }

    private let path: String
    private let partialPath: String
    private var copy: PageCopy?
    private var isCopied = false

    /// Begins a backup of the database `source`, opened with `options`, to the file `path`, whose folder must exist. What
    /// an earlier attempt left beside it is replaced. Anything but a regular file at `path` is refused: a name in /dev, or
    /// a link, stands for something that a copy must not take the place of.
    package init(
        of source: String, options: DatabaseOptions = DatabaseOptions(), to path: String
    ) throws(SQLiteError) {
        if let there = try? FileFacts(of: path, followingLink: false), !there.isRegular {
            throw SQLiteError(.failed, "write backup \(path): there is something that is not a regular file")
        }
        let partialPath = path + ".partial"
        let copy = try PageCopy(of: source, options: options, to: partialPath)
        self.path = path
        self.partialPath = partialPath
        self.copy = consume copy
    }

    deinit {
        if copy != nil { unsafe unlink(partialPath) }
    }

    /// Copies up to `pages` pages. The caller repeats it until `isDone`, pausing between as it likes.
    package mutating func step(pages: Int) throws(SQLiteError) -> Progress {
        precondition(pages > 0 && !isCopied, "a backup step of no pages, or after the last")
        guard let progress = try copy?.step(pages: pages) else { preconditionFailure("a step of a finished backup") }
        isCopied = progress.isDone
        return progress
    }

    /// Makes the copy durable and moves it to its path, replacing a file that is there. Only after a step that `isDone`.
    package mutating func finish() throws(SQLiteError) {
        precondition(isCopied && copy != nil, "a backup finished before its last step, or twice")
        // The file is synced and renamed after SQLite has closed it.
        copy = nil
        do throws(SQLiteError) {
            try leaveWAL(partialPath)
            try synchronize(partialPath)
            guard unsafe rename(partialPath, path) == 0 else { throw ioFailure("rename", partialPath) }
        } catch {
            unsafe unlink(partialPath)
            throw error
        }
        try synchronize(folder(of: path))
    }
}

/// SQLite's backup and the two connections it works between, which outlive it.
@safe private struct PageCopy: ~Copyable {
    private let handle: OpaquePointer
    private let source: Connection
    private let target: Connection

    init(of sourcePath: String, options: DatabaseOptions, to path: String) throws(SQLiteError) {
        let source = try Connection(path: sourcePath, flags: SQLITE_OPEN_READONLY, options: options)
        // The open transaction holds the state: without it the copy would begin anew after each commit.
        try source.run("BEGIN")
        _ = try source.answer("SELECT count(*) FROM sqlite_schema", as: Int.self)
        unsafe unlink(path)
        try makePrivateFile(path)
        let target = try Connection(path: path, flags: SQLITE_OPEN_READWRITE, options: DatabaseOptions())
        // No journal and no sync: a file that is not finished is worth nothing, and a finished one is synced whole.
        try target.runOnce("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF", doing: "open backup \(path)")
        unsafe handle = try target.startBackup(from: source)
        self.source = source
        self.target = target
    }

    deinit { unsafe sqlite3_backup_finish(handle) }

    borrowing func step(pages: Int) throws(SQLiteError) -> Backup.Progress {
        let code = unsafe sqlite3_backup_step(handle, Int32(clamping: pages))
        guard code == SQLITE_OK || code == SQLITE_DONE else {
            throw unsafe SQLiteError(extendedCode: code, doing: "copy \(source.path) to \(target.path)")
        }
        return unsafe Backup.Progress(
            pagesLeft: Int(sqlite3_backup_remaining(handle)), pages: Int(sqlite3_backup_pagecount(handle)),
            isDone: code == SQLITE_DONE)
    }
}

/// The source's mode was copied with its first page. In that of a WAL nobody could read the copy where no file can be made
/// beside it: on a medium that is mounted for reading, or in somebody else's folder.
private func leaveWAL(_ path: String) throws(SQLiteError) {
    let copy = try Connection(path: path, flags: SQLITE_OPEN_READWRITE, options: DatabaseOptions())
    try copy.runOnce("PRAGMA journal_mode = DELETE", doing: "complete backup \(path)")
}

/// Makes a file, or the names in a folder, durable.
private func synchronize(_ path: String) throws(SQLiteError) {
    do {
        let file = try FileDescriptor(opening: path, O_RDONLY, doing: "open backup")
        if fsync(file.number) == 0 { return }
    } catch { throw SQLiteError(.ioFailed, error.description) }
    throw ioFailure("sync", path)
}

private func ioFailure(_ verb: String, _ path: String) -> SQLiteError {
    let code = lastErrno
    return SQLiteError(code == ENOSPC ? .full : .ioFailed, "\(verb) backup \(path): \(describe(errno: code))")
}

private func folder(of path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
}
