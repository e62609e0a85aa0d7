import CSQLite

/// How a database is opened.
package struct DatabaseOptions: Sendable {
    package enum Access: Sendable {
        /// Makes the file with mode 0600 if it is not there.
        case readWriteCreate
        case readWrite
        case readOnly
    }

    /// What a returned commit promises when the power goes (https://sqlite.org/pragma.html#pragma_synchronous).
    package enum Synchronous: Int, Sendable {
        /// Nothing, and the file may be damaged. For files that can be made again.
        case off = 0
        /// The file stays whole, but the last commits may be gone.
        case normal = 1
        /// The commit is there. The only choice for what is acknowledged.
        case full = 2
    }

    package var access = Access.readWriteCreate
    package var synchronous = Synchronous.full
    /// How long a statement waits for another connection's lock. Long enough for a batch of a writer on a slow disk (tens
    /// of milliseconds), short enough that a request behind it is still answered.
    package var busyTimeout: Duration = .seconds(2)
    /// Memory for pages, per connection. A page that is not in it is read from the system's cache.
    package var cacheKibibytes = 16 * 1024
    /// More than the texts that a store has; reaching it costs a preparation per call, nothing worse.
    package var statementCacheCapacity = 256
    /// The name of a registered VFS; `nil` is the system's own.
    package var vfs: String?

    package init() {}
}

/// How far a checkpoint goes (https://sqlite.org/c3ref/wal_checkpoint_v2.html).
package enum CheckpointMode: Sendable {
    /// Moves what it can without waiting for anyone; readers and the writer go on.
    case passive
    /// Waits for the writer and the readers, up to the busy timeout, and moves everything.
    case full
    /// As `full`, and makes the WAL empty.
    case truncate

    var code: Int32 {
        switch self {
        case .passive: SQLITE_CHECKPOINT_PASSIVE
        case .full: SQLITE_CHECKPOINT_FULL
        case .truncate: SQLITE_CHECKPOINT_TRUNCATE
        }
    }
}

/// What a checkpoint reached.
package struct CheckpointResult: Equatable, Sendable {
    package let framesInWAL: Int
    package let framesMoved: Int
    /// Another connection was in the way for the whole busy timeout.
    package let isBlocked: Bool
}
