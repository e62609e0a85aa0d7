import SQLite

/// The numbered steps from an empty file to today's schema. A step is never changed once it was released.
enum Schema {
    /// Marks the file as ours (`file` and `PRAGMA application_id` show it): "spot" in ASCII.
    static let applicationID: Int32 = 0x7370_6F74

    /// Step n brings a file of version n - 1 to version n.
    private static let steps: [StaticString] = [
        """
        CREATE TABLE installation (
            only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
            -- Tells this database from another one behind the same address.
            id BLOB NOT NULL CHECK (length(id) = 16)
        ) STRICT;
        INSERT INTO installation VALUES (1, randomblob(16));
        """,
        fleet,
        """
        -- Billionths of a dollar. Kept beside the switches that it is counted from, because those go with time.
        ALTER TABLE client ADD COLUMN saved INTEGER NOT NULL DEFAULT 0 CHECK (saved >= 0);
        """,
        records,
        rehearsals,
        """
        -- Since when the primary has said that its workload does not run.
        ALTER TABLE host ADD COLUMN failing_since INTEGER;
        """,
        notifications,
        """
        -- What a host without a token of its own has shown that it can do, as bits; NULL for one that can do everything.
        ALTER TABLE host ADD COLUMN abilities INTEGER CHECK (abilities >= 0);
        """,
        """
        -- From where a host without a token of its own registered: some name themselves nowhere else.
        ALTER TABLE host ADD COLUMN registered_from TEXT;
        """,
    ]

    /// Looks, and changes nothing: the file is ours, or it is empty and can become ours. Returns its version.
    @discardableResult
    static func examineOwner(_ transaction: borrowing Transaction, path: String) throws -> Int {
        let owner = try transaction.applicationID()
        let version = Int(try transaction.userVersion())
        // Most programs number nothing: then their tables tell.
        let isEmpty =
            try owner == 0 && version == 0
            && transaction.first("SELECT count(*) FROM sqlite_schema") { try $0.value(0, as: Int.self) } == 0
        guard owner == applicationID || isEmpty else {
            throw StoreError(.foreign, "open database \(path): it belongs to another program")
        }
        return version
    }

    static func migrate(_ database: borrowing Database, path: String) throws(StoreError) {
        do {
            try database.write { transaction in
                let version = try examineOwner(transaction, path: path)
                guard version <= steps.count else {
                    throw StoreError(
                        .tooNew,
                        "open database \(path): its schema is version \(version), and this program knows up to "
                            + "\(steps.count): install the newer version that wrote it, or restore an older backup")
                }
                for step in steps[version...] { try transaction.execute(script: step) }
                guard version < steps.count else { return }
                try transaction.setApplicationID(applicationID)
                try transaction.setUserVersion(Int32(steps.count))
            }
        } catch { throw StoreError(error, while: "bring database \(path) to the current schema") }
    }
}
