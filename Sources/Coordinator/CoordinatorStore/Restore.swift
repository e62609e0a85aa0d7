import Platform
import SQLite

/// Puts a backup in the place of a database that no coordinator is using. What was there before is kept beside it as
/// `….before-restore`, or `….before-restore.2` and so on: what an earlier restore kept is never replaced. Returns its name.
///
/// The backup is copied, checked and brought to today's schema first, under another name; then it takes the name of the
/// database in one step. So whenever this ends, be it by a power cut, the old or the new database is in its place, whole; the
/// same call again goes on from wherever it was.
@discardableResult
package func restore(
    backup: String, to database: String, progress: (BackUpProgress) -> Void = { _ in }
) throws(StoreError) -> String? {
    guard !isSameFile(backup, database) else {
        throw StoreError(.failed, "restore \(backup): that is the database itself")
    }
    let lock = try StoreLock(database: database)
    let copy = restoring(database)
    let kept: String?
    var outcome = "the database is as it was"
    do {
        try tidyAfterRestore(of: database)
        kept = fileExists(database) ? try freePlace(beside: database) : nil
        try copyDatabase(backup, to: copy, progress)
        try examine(copy, of: backup)
        if let kept {
            outcome = "what was there is in its place or at \(kept)"
            try setAside(database, as: kept)
        }
        try renameFile(copy, to: database, doing: "restore")
        outcome = "the backup is in its place, but may not survive a power cut now"
        try syncFolder(of: database, doing: "restore")
    } catch {
        // A copy as large as the database, or a second name of it. What cannot be removed now the next start removes.
        try? tidyAfterRestore(of: database)
        let cause = StoreError(error)
        throw StoreError(cause.code, "restore \(backup) to \(database): \(cause.description); \(outcome)")
    }
    // Until here nobody may have opened the database.
    _ = consume lock
    return kept
}

private func restoring(_ database: String) -> String { "\(database).restoring" }
/// Where earlier databases are kept. Each is as large as the database, and nobody looks through more.
private func places(beside database: String) -> [String] {
    let first = "\(database).before-restore"
    return [first] + (2...9).map { "\(first).\($0)" }
}

private func freePlace(beside database: String) throws(StoreError) -> String {
    let free = places(beside: database).first { place in suffixes.allSatisfy { !fileExists(place + $0) } }
    guard let free else {
        throw StoreError(
            .failed,
            "nine earlier databases are kept beside it (\(database).before-restore, ….2 to ….9): remove those that nobody needs"
        )
    }
    return free
}

/// Of a database's files: its own, and those that SQLite puts beside it.
private let suffixes = ["", "-wal", "-shm"]

/// Takes away what a restore that was interrupted left: a copy that was not used, and a second name of the database, under
/// which nobody must find it, since it would be without its WAL. Whoever calls this has the lock.
func tidyAfterRestore(of database: String) throws(PlatformError) {
    for suffix in suffixes + [".partial"] { try removeFile(restoring(database) + suffix, doing: "tidy up") }
    for place in places(beside: database) where isSameFile(database, place) {
        try removeFile(place, doing: "tidy up")
    }
}

/// The copy is ours, sound, and of a version that this program can use; afterwards it has today's schema and is durable.
private func examine(_ copy: String, of backup: String) throws {
    var options = DatabaseOptions()
    options.access = .readWrite
    let database = try Database(path: copy, options: options)
    let findings = try database.quickCheck()
    guard findings.isEmpty else {
        throw StoreError(.damaged, "\(backup) is damaged: \(findings[0]) (\(findings.count) findings)")
    }
    guard try database.read({ try $0.applicationID() }) == Schema.applicationID else {
        throw StoreError(.foreign, "\(backup) is no backup of a coordinator")
    }
    try Schema.migrate(database, path: backup)
    try database.write { transaction in try Schema.beginLog(transaction) }
    // All of it is in the file itself then, and closing it removes its WAL.
    guard try !database.checkpoint(.truncate).isBlocked else {
        throw StoreError(.busy, "somebody else is reading \(copy)")
    }
    _ = consume database
    try giveToOwnerOfFolder(copy, doing: "restore to")
    try syncFile(copy, doing: "restore to")
}

/// Gives the database a second name under which it stays, and takes its WAL out of the way of the next one: a WAL of another
/// database would be taken for its own.
private func setAside(_ database: String, as place: String) throws {
    let isOpened = try emptyWAL(of: database)
    try linkFile(database, as: place, doing: "set aside")
    for suffix in ["-wal", "-shm"] where fileExists(database + suffix) {
        // It was emptied, and closing the database would have removed it.
        guard !isOpened else { throw StoreError(.busy, "somebody else has \(database) open") }
        try renameFile(database + suffix, to: place + suffix, doing: "set aside")
    }
    try syncFolder(of: database, doing: "set aside")
}

/// Moves everything that was committed into the file itself. False when the file is too damaged to be opened.
private func emptyWAL(of path: String) throws -> Bool {
    var options = DatabaseOptions()
    options.access = .readWrite
    do {
        let database = try Database(path: path, options: options)
        guard try !database.checkpoint(.truncate).isBlocked else {
            throw StoreError(.busy, "somebody else is reading \(path)")
        }
        return true
    } catch let error as SQLiteError where error.code == .corrupt || error.code == .notADatabase {
        return false
    }
}
