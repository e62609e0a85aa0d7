import SQLite

/// What the coordinator remembers, in one SQLite file. All SQL of the coordinator is in this module, and nothing above it
/// sees an error of the database.
///
/// It belongs to the thread that opened it. What `write` acknowledged is on the disk: the database syncs at each commit.
package struct Store: ~Copyable {
    private let database: Database

    /// Opens the file at `path`, makes it when it is not there, and brings an older one to today's schema.
    package init(path: String) throws(StoreError) {
        let database: Database
        do { database = try Database(path: path) } catch { throw StoreError(error) }
        try Schema.migrate(database, path: path)
        self.database = database
    }

    /// Reads from the file, so that an operator is told when it has become unreadable.
    package borrowing func probe() throws(StoreError) {
        do { _ = try database.read { transaction in try transaction.userVersion() } } catch {
            throw StoreError(error, while: "read the database")
        }
    }
}
