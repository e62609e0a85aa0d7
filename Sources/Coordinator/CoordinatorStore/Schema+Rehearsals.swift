import SQLite

extension Schema {
    /// Version 5: what puts the steps of two hosts in order.
    static let rehearsals: StaticString = """
        -- When a command was first handed out: nothing that its host did for it came before.
        ALTER TABLE command ADD COLUMN delivered_at INTEGER;
        """
}
