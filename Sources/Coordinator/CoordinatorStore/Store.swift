import Platform
import SQLite

/// What the coordinator remembers, in one SQLite file: the connection of its one writer. All SQL of the coordinator is in
/// this module, and nothing above it sees an error of the database.
///
/// It belongs to the thread that opened it. What `write` acknowledged is on the disk: the database syncs at each commit. As
/// long as it lives no other coordinator and no restore can have the file.
package struct Store: ~Copyable {
    // In this order: the lock goes after the connection is closed.
    private let database: Database
    private let lock: StoreLock?

    /// Opens the file at `path`, makes it when it is not there, and brings an older one to today's schema.
    package init(path: String) throws(StoreError) { try self.init(path: path, vfs: nil) }

    /// As above, on a disk of SQLite's that is no folder of the system and needs no lock: tests and simulations.
    package init(path: String, vfs: String?) throws(StoreError) {
        let lock = vfs == nil ? try StoreLock(database: path) : nil
        if vfs == nil {
            try Self.tidy(path)
            try Self.examineOwner(of: path)
        }
        let database = try Self.open(path, vfs: vfs)
        try Schema.migrate(database, path: path)
        self.database = database
        self.lock = lock
    }

    private static func tidy(_ path: String) throws(StoreError) {
        do { try tidyAfterRestore(of: path) } catch { throw StoreError(error) }
    }

    /// Before it is opened for writing, which would turn another program's file into one in WAL mode.
    private static func examineOwner(of path: String) throws(StoreError) {
        guard fileExists(path) else { return }
        var options = DatabaseOptions()
        options.access = .readOnly
        do {
            let database = try Database(path: path, options: options)
            _ = try database.read { try Schema.examineOwner($0, path: path) }
        } catch let error as StoreError { throw error } catch {
            // Whatever else is wrong with it, the opening will tell.
        }
    }

    private static func open(_ path: String, vfs: String?) throws(StoreError) -> Database {
        var options = DatabaseOptions()
        options.vfs = vfs
        do {
            let database = try Database(path: path, options: options)
            // A sync may have failed just before the last coordinator died, and nothing tells: then a hole may be in the WAL,
            // and a commit behind it would be lost with the power. Whoever reads just now keeps it from being renewed, but
            // not from being used.
            _ = try database.checkpoint(.truncate)
            return database
        } catch { throw StoreError(error) }
    }

    /// Runs `body` in one transaction and returns when it is durable. Nothing of it stays when `body` throws; an error that is
    /// no `StoreError` arrives as `.failed`, so an expected refusal is caught inside, where its savepoint undoes it.
    package borrowing func write<Value>(
        _ body: (borrowing StoreTransaction) throws -> Value
    ) throws(StoreError) -> Value {
        do {
            return try database.write { transaction in
                try body(StoreTransaction(transaction: transaction.again()))
            }
        } catch { throw StoreError(error, while: "write to the database") }
    }

    /// Pages that wait to be moved from the WAL into the file: what tells `Upkeep` that it is time.
    package var framesInWAL: Int { database.framesInWAL }

    /// Moves what `Upkeep` has not moved yet, after which the next commit begins the WAL anew. For commits that come without a
    /// pause: beside them the upkeep never gets to the end, and the WAL would grow for as long as they last.
    package borrowing func checkpoint() throws(StoreError) {
        do { _ = try database.checkpoint(.passive) } catch { throw StoreError(error) }
    }

    /// Reads from the file, so that an operator is told when it has become unreadable.
    package borrowing func probe() throws(StoreError) {
        do { _ = try database.read { transaction in try transaction.userVersion() } } catch {
            throw StoreError(error, while: "read the database")
        }
    }
}
