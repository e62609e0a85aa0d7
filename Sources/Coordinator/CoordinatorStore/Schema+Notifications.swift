extension Schema {
    /// Version 7: which lines of the log a person should know of, and who has read them.
    static let notifications: StaticString = """
        -- Decided when the line is written. Those from before are none: nobody would want to read what was then.
        ALTER TABLE event ADD COLUMN notifies INTEGER NOT NULL DEFAULT 0 CHECK (notifies IN (0, 1));
        CREATE INDEX event_notifying ON event (seq) WHERE notifies = 1;
        CREATE INDEX event_notifying_client ON event (client_id) WHERE notifies = 1;

        -- A reader is a client, or '': the operators together.
        CREATE TABLE notification_read (
            seq INTEGER NOT NULL REFERENCES event ON DELETE CASCADE,
            reader TEXT NOT NULL,
            PRIMARY KEY (seq, reader)
        ) STRICT, WITHOUT ROWID;
        -- Up to where a reader has read all, or all of one client.
        CREATE TABLE notification_cursor (
            reader TEXT NOT NULL,
            client_id TEXT NOT NULL,
            up_to INTEGER NOT NULL,
            PRIMARY KEY (reader, client_id)
        ) STRICT, WITHOUT ROWID;
        """
}
