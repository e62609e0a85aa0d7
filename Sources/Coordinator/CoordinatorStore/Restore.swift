import Platform
import SQLite

/// Puts a backup in the place of a database that no coordinator is using. What was there before is kept beside it as
/// `….before-restore`.
///
/// The backup is copied, checked and brought to today's schema first, under another name; then it takes the name of the
/// database in one step. So whenever this ends, be it by a power cut, the old or the new database is in its place, whole; the
/// same call again goes on from wherever it was.
package func restore(
    backup: String, to database: String, progress: (BackUpProgress) -> Void = { _ in }
) throws(StoreError) {
    guard !isSameFile(backup, database) else {
        throw StoreError(.failed, "restore \(backup): that is the database itself")
    }
    let lock = try StoreLock(database: database)
    let copy = restoring(database)
    var outcome = "the database is as it was"
    do {
        try tidyAfterRestore(of: database)
        try copyDatabase(backup, to: copy, progress)
        try examine(copy, of: backup)
        outcome = "what was there is in its place or at \(aside(database))"
        try setAside(database)
        try renameFile(copy, to: database, doing: "restore")
        outcome = "the backup is in its place, but may not survive a power cut now"
        try syncFolder(of: database, doing: "restore")
    } catch {
        let cause = StoreError(error)
        throw StoreError(cause.code, "restore \(backup) to \(database): \(cause.description); \(outcome)")
    }
    // Until here nobody may have opened the database.
    _ = consume lock
}

private func restoring(_ database: String) -> String { "\(database).restoring" }
private func aside(_ database: String) -> String { "\(database).before-restore" }

/// Takes away what a restore that was interrupted left: a copy that was not used, and a second name of the database, under
/// which nobody must find it, since it would be without its WAL. Whoever calls this has the lock.
func tidyAfterRestore(of database: String) throws(PlatformError) {
    try removeDatabase(restoring(database))
    if isSameFile(database, aside(database)) { try removeFile(aside(database), doing: "tidy up") }
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
private func setAside(_ database: String) throws {
    guard fileExists(database) else { return }
    try removeDatabase(aside(database))
    let isOpened = try emptyWAL(of: database)
    try linkFile(database, as: aside(database), doing: "set aside")
    for suffix in ["-wal", "-shm"] where fileExists(database + suffix) {
        // It was emptied, and closing the database would have removed it.
        guard !isOpened else { throw StoreError(.busy, "somebody else has \(database) open") }
        try renameFile(database + suffix, to: aside(database) + suffix, doing: "set aside")
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

private func removeDatabase(_ path: String) throws(PlatformError) {
    for suffix in ["", "-wal", "-shm"] { try removeFile(path + suffix, doing: "remove") }
}
