import SQLite

/// The connection that looks after the file, on a thread of its own: no commit waits for it.
package struct Upkeep: ~Copyable {
    private let database: Database
    private var isRenewalDue = false

    package init(path: String) throws(StoreError) { try self.init(path: path, vfs: nil) }

    package init(path: String, vfs: String?) throws(StoreError) {
        var options = DatabaseOptions()
        options.access = .readWrite
        options.vfs = vfs
        do { database = try Database(path: path, options: options) } catch { throw StoreError(error) }
    }

    /// Moves what it can from the WAL into the file, so that the WAL can begin anew. Returns the pages that are left in it.
    ///
    /// After one that failed the next moves everything and waits for readers and the writer to let it: what a sync refused to
    /// write is only in memory then (see `SQLite.Connection.renewWAL`).
    package mutating func checkpoint() throws(StoreError) -> Int {
        do {
            let result = try database.checkpoint(isRenewalDue ? .truncate : .passive)
            if !result.isBlocked { isRenewalDue = false }
            return result.framesInWAL - result.framesMoved
        } catch {
            isRenewalDue = true
            throw StoreError(error)
        }
    }

    /// Lets SQLite look again at how its indexes are used. Bounded: it looks at some hundred rows of each.
    package borrowing func optimize() throws(StoreError) {
        do {
            try database.write { transaction in
                _ = try transaction.first("PRAGMA analysis_limit = 400") { try $0.value(0, as: Int.self) }
                try transaction.execute("PRAGMA optimize")
            }
        } catch { throw StoreError(error, while: "optimize the database") }
    }
}
