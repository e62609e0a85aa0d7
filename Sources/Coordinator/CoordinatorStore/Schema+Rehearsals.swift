import SQLite

extension Schema {
    /// Version 5: what puts the steps of two hosts in order, and tells a drill from the real thing.
    static let rehearsals: StaticString = """
        -- When a command was first handed out: nothing that its host did for it came before.
        ALTER TABLE command ADD COLUMN delivered_at INTEGER;

        -- Nobody took the machine: somebody rehearsed that.
        ALTER TABLE incident ADD COLUMN is_drill INTEGER NOT NULL DEFAULT 0 CHECK (is_drill IN (0, 1));
        ALTER TABLE event ADD COLUMN is_drill INTEGER NOT NULL DEFAULT 0 CHECK (is_drill IN (0, 1));
        """
}
