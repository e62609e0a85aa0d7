extension Schema {
    /// Version 2: tenants, slots and all that happens to them.
    ///
    /// Times are nanoseconds since 1970. The invariants that a table can hold, it holds: one primary per slot, one successor
    /// at a time, counters that only rise, names that are taken once. What belongs to a client goes with it, but for the log
    /// and the prices: those have no foreign key, stay for their time, and are never walked when a client is deleted.
    ///
    /// A wide table has a number as its key and its name in an index of its own: rows of some hundred bytes inside an index
    /// would make it deep.
    static let fleet: StaticString = """
        ALTER TABLE installation ADD COLUMN is_open INTEGER NOT NULL DEFAULT 0 CHECK (is_open IN (0, 1));

        CREATE TABLE client (
            id TEXT NOT NULL PRIMARY KEY,
            name TEXT NOT NULL UNIQUE,
            email TEXT UNIQUE,
            token_hash BLOB NOT NULL UNIQUE CHECK (length(token_hash) = 32),
            sealed_token BLOB NOT NULL,
            is_active INTEGER NOT NULL CHECK (is_active IN (0, 1)),
            created_at INTEGER NOT NULL
        ) STRICT;

        CREATE TABLE slot (
            id TEXT NOT NULL PRIMARY KEY,
            client_id TEXT NOT NULL REFERENCES client ON DELETE CASCADE,
            logical_agent_id TEXT NOT NULL,
            created_at INTEGER NOT NULL,
            settings TEXT NOT NULL,
            reports_prices INTEGER NOT NULL CHECK (reports_prices IN (0, 1)),
            config_version INTEGER NOT NULL CHECK (config_version >= 0),
            epoch INTEGER NOT NULL CHECK (epoch >= 0),
            deleted_at INTEGER,
            due_at INTEGER,
            -- Settings once more, that are asked of all slots at once.
            enabled INTEGER NOT NULL CHECK (enabled IN (0, 1)),
            heartbeat_seconds INTEGER NOT NULL,
            lease_seconds INTEGER NOT NULL
        ) STRICT;
        CREATE INDEX slot_of_client ON slot (client_id, logical_agent_id, id);
        CREATE UNIQUE INDEX slot_name ON slot (client_id, logical_agent_id) WHERE deleted_at IS NULL;
        CREATE INDEX slot_due ON slot (due_at) WHERE due_at IS NOT NULL;
        CREATE INDEX slot_price_reporter ON slot (client_id) WHERE reports_prices = 1;
        CREATE TRIGGER slot_counters_rise BEFORE UPDATE OF epoch, config_version ON slot
        WHEN NEW.epoch < OLD.epoch OR NEW.config_version < OLD.config_version
        BEGIN SELECT RAISE(ABORT, 'an epoch or a configuration version would fall'); END;

        CREATE TABLE host (
            number INTEGER PRIMARY KEY,
            slot_id TEXT NOT NULL REFERENCES slot ON DELETE CASCADE,
            instance_id TEXT NOT NULL,
            role TEXT NOT NULL CHECK (
                role IN ('launching', 'replica', 'promoting', 'primary', 'zombie', 'terminating', 'terminated')),
            role_since INTEGER NOT NULL,
            registered_at INTEGER NOT NULL,
            hostname TEXT,
            agent_version TEXT,
            region TEXT,
            zone TEXT,
            instance_type TEXT,
            mode TEXT CHECK (mode IN ('spot', 'ondemand')),
            image TEXT,
            private_address TEXT,
            public_address TEXT,
            lacking TEXT,
            is_offline INTEGER NOT NULL CHECK (is_offline IN (0, 1)),
            is_proven_dead INTEGER NOT NULL CHECK (is_proven_dead IN (0, 1)),
            is_blind INTEGER NOT NULL CHECK (is_blind IN (0, 1)),
            inspected_at INTEGER,
            termination_asked_at INTEGER,
            last_heard_at INTEGER,
            token_hash BLOB CHECK (length(token_hash) = 32),
            UNIQUE (slot_id, instance_id)
        ) STRICT;
        CREATE UNIQUE INDEX host_primary ON host (slot_id) WHERE role = 'primary';
        CREATE UNIQUE INDEX host_promoting ON host (slot_id) WHERE role = 'promoting';
        CREATE UNIQUE INDEX host_token ON host (token_hash) WHERE token_hash IS NOT NULL;
        CREATE INDEX host_not_ended ON host (instance_id) WHERE role <> 'terminated';
        CREATE INDEX host_ended ON host (role_since) WHERE role = 'terminated';

        CREATE TABLE replica (
            id TEXT NOT NULL PRIMARY KEY,
            slot_id TEXT NOT NULL REFERENCES slot ON DELETE CASCADE,
            type TEXT NOT NULL CHECK (type IN ('manual', 'automatic-rebalance', 'automatic-termination')),
            status TEXT NOT NULL CHECK (
                status IN ('launching', 'syncing', 'ready', 'promoted', 'failed', 'terminated')),
            instance_id TEXT,
            parent_instance_id TEXT,
            pool_id TEXT,
            created_at INTEGER NOT NULL,
            ready_at INTEGER,
            terminated_at INTEGER,
            UNIQUE (slot_id, instance_id)
        ) STRICT;
        CREATE INDEX replica_ended ON replica (created_at) WHERE status IN ('promoted', 'failed', 'terminated');

        CREATE TABLE command (
            id TEXT NOT NULL PRIMARY KEY,
            slot_id TEXT NOT NULL REFERENCES slot ON DELETE CASCADE,
            instance_id TEXT NOT NULL,
            asks TEXT NOT NULL,
            priority INTEGER NOT NULL CHECK (priority BETWEEN 0 AND 100),
            created_at INTEGER NOT NULL,
            not_before INTEGER,
            expires_at INTEGER NOT NULL,
            lease_seconds INTEGER NOT NULL CHECK (lease_seconds > 0),
            epoch INTEGER NOT NULL CHECK (epoch >= 0),
            incident_id TEXT,
            state TEXT NOT NULL CHECK (
                state IN ('pending', 'delivered', 'done', 'failed', 'refused', 'expired', 'cancelled')),
            attempt INTEGER NOT NULL CHECK (attempt >= 0),
            lease_until INTEGER,
            finished_at INTEGER,
            result TEXT,
            CHECK ((finished_at IS NULL) = (state IN ('pending', 'delivered')))
        ) STRICT;
        CREATE INDEX command_of_slot ON command (slot_id, id);
        CREATE INDEX command_open ON command (slot_id, instance_id) WHERE finished_at IS NULL;
        CREATE INDEX command_finished ON command (finished_at) WHERE finished_at IS NOT NULL;

        CREATE TABLE incident (
            id TEXT NOT NULL PRIMARY KEY,
            slot_id TEXT NOT NULL REFERENCES slot ON DELETE CASCADE,
            instance_id TEXT NOT NULL,
            kind TEXT NOT NULL CHECK (
                kind IN ('interruption', 'rebalance', 'maintenance', 'lifecycle', 'shutdown', 'silence')),
            state TEXT NOT NULL CHECK (state IN ('open', 'met', 'missed', 'averted')),
            detected_at INTEGER NOT NULL,
            interruption_time INTEGER,
            deadline INTEGER,
            epoch INTEGER NOT NULL CHECK (epoch >= 0),
            successor_id TEXT,
            verified_at INTEGER,
            closed_at INTEGER,
            ledger TEXT NOT NULL,
            ordered_replica_id TEXT,
            is_late INTEGER NOT NULL CHECK (is_late IN (0, 1)),
            is_blocked INTEGER NOT NULL CHECK (is_blocked IN (0, 1)),
            CHECK ((closed_at IS NULL) = (state = 'open'))
        ) STRICT;
        CREATE INDEX incident_of_slot ON incident (slot_id, closed_at);
        CREATE INDEX incident_open ON incident (id) WHERE closed_at IS NULL;
        CREATE INDEX incident_closed ON incident (closed_at) WHERE closed_at IS NOT NULL;

        -- Which reports were taken, so that a repeat is known for one.
        CREATE TABLE report (
            slot_id TEXT NOT NULL REFERENCES slot ON DELETE CASCADE,
            report_id TEXT NOT NULL,
            kind TEXT NOT NULL,
            at INTEGER NOT NULL,
            PRIMARY KEY (slot_id, report_id)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX report_by_age ON report (at);

        -- Never counted anew, also when the last lines are gone: readers remember how far they came.
        CREATE TABLE event (
            seq INTEGER PRIMARY KEY AUTOINCREMENT,
            at INTEGER NOT NULL,
            kind TEXT NOT NULL,
            sentence TEXT NOT NULL,
            client_id TEXT,
            slot_id TEXT,
            instance_id TEXT,
            incident_id TEXT,
            command_id TEXT
        ) STRICT;
        CREATE INDEX event_of_client ON event (client_id) WHERE client_id IS NOT NULL;
        CREATE INDEX event_of_slot ON event (slot_id) WHERE slot_id IS NOT NULL;
        CREATE INDEX event_of_incident ON event (incident_id) WHERE incident_id IS NOT NULL;

        CREATE TABLE switch (
            number INTEGER PRIMARY KEY,
            slot_id TEXT NOT NULL REFERENCES slot ON DELETE CASCADE,
            at INTEGER NOT NULL,
            trigger TEXT NOT NULL CHECK (trigger IN ('manual', 'model', 'emergency')),
            old_instance TEXT,
            new_instance TEXT NOT NULL,
            on_demand_price TEXT,
            old_spot_price TEXT,
            new_spot_price TEXT,
            timing TEXT
        ) STRICT;
        CREATE INDEX switch_of_slot ON switch (slot_id, at);

        -- As they were reported, exact; the pool is NULL for the price on demand.
        CREATE TABLE price (
            number INTEGER PRIMARY KEY,
            region TEXT NOT NULL,
            instance_type TEXT NOT NULL,
            pool_id TEXT,
            price TEXT NOT NULL,
            observed_at INTEGER NOT NULL,
            received_at INTEGER NOT NULL,
            slot_id TEXT NOT NULL,
            instance_id TEXT NOT NULL,
            report_id TEXT NOT NULL
        ) STRICT;

        -- What an operator looks at.
        CREATE VIEW agent AS
        SELECT slot.id AS id, slot.logical_agent_id AS logical_agent_id, slot.client_id AS client_id,
            client.name AS client_name, slot.created_at AS created_at, slot.settings AS settings, slot.epoch AS epoch,
            slot.config_version AS config_version, slot.reports_prices AS reports_prices, slot.enabled AS enabled,
            slot.deleted_at AS deleted_at,
            EXISTS (SELECT 1 FROM host WHERE host.slot_id = slot.id AND host.role = 'promoting') AS is_switching,
            serving.instance_id AS instance_id, serving.is_offline AS is_offline,
            serving.last_heard_at AS last_heard_at, serving.hostname AS hostname,
            serving.agent_version AS agent_version, serving.region AS region, serving.zone AS zone,
            serving.instance_type AS instance_type, serving.mode AS mode, serving.image AS image,
            serving.private_address AS private_address, serving.public_address AS public_address
        -- CROSS: in the order of the clients' names, in which lists are, instead of sorting them all.
        FROM client CROSS JOIN slot ON slot.client_id = client.id
        LEFT JOIN host AS serving ON serving.slot_id = slot.id AND serving.role = 'primary';

        CREATE VIEW instance AS
        SELECT host.instance_id AS instance_id, host.number AS number, host.slot_id AS slot_id,
            slot.logical_agent_id AS logical_agent_id, slot.client_id AS client_id, client.name AS client_name,
            host.role AS role, host.is_offline AS is_offline, host.role_since AS role_since,
            host.registered_at AS registered_at, host.last_heard_at AS last_heard_at, host.lacking AS lacking,
            host.hostname AS hostname, host.agent_version AS agent_version, host.region AS region, host.zone AS zone,
            host.instance_type AS instance_type, host.mode AS mode, host.image AS image,
            host.private_address AS private_address, host.public_address AS public_address
        FROM host JOIN slot ON slot.id = host.slot_id JOIN client ON client.id = slot.client_id;
        """
}
