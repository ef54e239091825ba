-- +goose Up
-- All lanes of an organization are in one shard: one node sends them.
ALTER TABLE lane ADD COLUMN shard BIGINT NOT NULL DEFAULT 0;
UPDATE lane SET shard = COALESCE((SELECT s.organization % 64 FROM webhook w JOIN subscription s ON s.id = w.subscription WHERE w.id = lane.webhook), 0);

-- Who sends the lanes of a shard. Times are the server's, in microseconds.
CREATE TABLE shard (
    id BIGINT PRIMARY KEY,
    owner TEXT COLLATE "C" NOT NULL DEFAULT '', -- a node's id; empty: handed over
    epoch BIGINT NOT NULL DEFAULT 0, -- counts owners
    lease_until BIGINT NOT NULL DEFAULT 0
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_cost_delay = 0);
INSERT INTO shard (id) SELECT generate_series(0, 63);

CREATE TABLE node (
    id TEXT COLLATE "C" PRIMARY KEY,
    name TEXT COLLATE "C" NOT NULL, -- for people
    version TEXT COLLATE "C" NOT NULL,
    started_at BIGINT NOT NULL,
    seen_at BIGINT NOT NULL,
    leaving BIGINT NOT NULL DEFAULT 0 -- 1: it hands over all
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_cost_delay = 0);

-- What was committed on lanes that another node sends. Read from the oldest transaction on that was open at the last look.
CREATE TABLE wake (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
    at TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),
    lanes BIGINT[] NOT NULL,
    shards BIGINT[] NOT NULL,
    messages BIGINT[] NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_cost_delay = 0);
CREATE INDEX wake_xid ON wake (xid);
