import SQLite

/// A connection that only reads: one for each thread that does, none of which keeps the writer waiting or waits for it.
package struct StoreReader: ~Copyable {
    private let database: Database

    /// Opens the file at `path`, which a `Store` has brought to today's schema.
    package init(path: String) throws(StoreError) { try self.init(path: path, vfs: nil) }

    /// `passesOnce`: for somebody who goes through whole tables and comes to no page again, so keeps few of them.
    package init(path: String, vfs: String?, passesOnce: Bool = false) throws(StoreError) {
        var options = DatabaseOptions()
        options.access = .readOnly
        options.vfs = vfs
        // What is above the leaves of the tables and indexes of 100,000 hosts, ten times over.
        if passesOnce { options.cacheKibibytes = 2_048 }
        do { database = try Database(path: path, options: options) } catch { throw StoreError(error) }
    }

    /// Runs SQL on one unchanging state; `doing` opens the sentence of its failure.
    borrowing func attempt<Value>(
        _ doing: @autoclosure () -> String, _ body: (borrowing Transaction) throws -> Value
    ) throws(StoreError) -> Value {
        do { return try database.read(body) } catch { throw StoreError(error, while: doing()) }
    }

    /// What is wrong with the file; empty when it is sound. It reads the whole file, for seconds or minutes.
    package borrowing func quickCheck() throws(StoreError) -> [String] {
        do { return try database.quickCheck() } catch { throw StoreError(error, while: "check the database") }
    }
}
