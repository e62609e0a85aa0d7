import Platform
import SQLite

/// How far a backup or a restore has come.
package struct BackUpProgress: Equatable, Sendable {
    package let pagesLeft: Int
    package let pages: Int
}

/// Copies the database to the file `path` while a coordinator uses it; nothing waits for it. The copy is one state of it,
/// complete and durable, with mode 0600; when this throws there is none, and what was at `path` is still there.
///
/// `progress` is called after each few pages and may take its time, which is lent by the WAL: it grows meanwhile.
package func backUp(
    database: String, to path: String, progress: (BackUpProgress) -> Void = { _ in }
) throws(StoreError) {
    guard !isSameFile(database, path) else {
        throw StoreError(.failed, "back up \(database) to \(path): that is the database itself")
    }
    try copyDatabase(database, to: path, progress)
}

func copyDatabase(
    _ database: String, to path: String, _ progress: (BackUpProgress) -> Void
) throws(StoreError) {
    do {
        var backup = try Backup(of: database, to: path)
        while true {
            // 4 MiB: some milliseconds of the disk's time.
            let step = try backup.step(pages: 1024)
            progress(BackUpProgress(pagesLeft: step.pagesLeft, pages: step.pages))
            if step.isDone { break }
        }
        try backup.finish()
    } catch { throw StoreError(error, while: "back up \(database) to \(path)") }
}
