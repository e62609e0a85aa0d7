import SQLite

extension Schema {
    /// Version 5: what puts the steps of two hosts in order, tells a drill from the real thing, and ends what is tried in vain.
    static let rehearsals: StaticString = """
        -- When a command was first handed out: nothing that its host did for it came before.
        ALTER TABLE command ADD COLUMN delivered_at INTEGER;

        -- Nobody took the machine: somebody rehearsed that.
        ALTER TABLE incident ADD COLUMN is_drill INTEGER NOT NULL DEFAULT 0 CHECK (is_drill IN (0, 1));
        ALTER TABLE event ADD COLUMN is_drill INTEGER NOT NULL DEFAULT 0 CHECK (is_drill IN (0, 1));

        -- How often something was tried in vain, one time after the other.
        ALTER TABLE slot ADD COLUMN launch_attempts INTEGER NOT NULL DEFAULT 0 CHECK (launch_attempts >= 0);
        ALTER TABLE slot ADD COLUMN launch_failed_at INTEGER;
        ALTER TABLE host ADD COLUMN stop_attempts INTEGER NOT NULL DEFAULT 0 CHECK (stop_attempts >= 0);
        ALTER TABLE host ADD COLUMN termination_attempts INTEGER NOT NULL DEFAULT 0 CHECK (termination_attempts >= 0);
        ALTER TABLE host ADD COLUMN inspection_attempts INTEGER NOT NULL DEFAULT 0 CHECK (inspection_attempts >= 0);
        """
}
