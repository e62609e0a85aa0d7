import SQLite

extension Schema {
    /// From here on the log goes another way than the one that it was copied from.
    static func beginLog(_ transaction: borrowing Transaction) throws {
        _ = try transaction.execute("UPDATE installation SET log = random() & 0xFFFFFFFFFF")
    }

    /// Version 4: what a record is told apart by.
    static let records: StaticString = """
        -- Tells the log of this database from what it was before a restore: a cursor of the one is no place in the other.
        ALTER TABLE installation ADD COLUMN log INTEGER NOT NULL DEFAULT 0;
        UPDATE installation SET log = random() & 0xFFFFFFFFFF;

        -- A report is the same only from the same machine and of the same kind. Older ones, which did not say whose they
        -- were, are anybody's until they are forgotten: that is a week.
        ALTER TABLE report RENAME TO older_report;
        CREATE TABLE report (
            slot_id TEXT NOT NULL REFERENCES slot ON DELETE CASCADE,
            report_id TEXT NOT NULL,
            kind TEXT NOT NULL,
            instance_id TEXT NOT NULL,
            at INTEGER NOT NULL,
            PRIMARY KEY (slot_id, report_id, kind, instance_id)
        ) STRICT, WITHOUT ROWID;
        INSERT INTO report SELECT slot_id, report_id, kind, '', at FROM older_report;
        DROP TABLE older_report;
        CREATE INDEX report_by_age ON report (at);

        -- EC2's name of the work that is planned: its date may change.
        ALTER TABLE incident ADD COLUMN maintenance TEXT;

        -- The host that says that it serves, under an epoch that this record had not come to.
        ALTER TABLE slot ADD COLUMN contested_by TEXT;
        CREATE INDEX slot_deleted ON slot (deleted_at) WHERE deleted_at IS NOT NULL;

        -- Who was last asked what became of it.
        ALTER TABLE host ADD COLUMN inspected_by TEXT;

        -- What a host may hold, which is not always what the settings say.
        ALTER TABLE host ADD COLUMN lease_seconds INTEGER CHECK (lease_seconds > 0);

        -- What a host was told about serving, and has answered: whether it may serve, whatever its role.
        ALTER TABLE host ADD COLUMN service TEXT NOT NULL DEFAULT 'idle' CHECK (service IN ('idle', 'told', 'proven'));
        UPDATE host SET service = 'proven' WHERE role = 'primary';
        UPDATE host SET service = 'told' WHERE role = 'promoting';

        -- As the clock here has it; interruption_time is as it was announced.
        ALTER TABLE incident ADD COLUMN ends_at INTEGER;
        """
}
