-- Times are microseconds since 1970 UTC, 0 = none; days count from 1970-01-01 UTC; months are
-- yyyymm UTC. Row numbers order and join, are never reused and never shown; people see public_id.
--
-- No foreign key leads from queue and attempt to message: the writer keeps them, and each would
-- cost a look-up per message on the way in and on the way out.

-- +goose Up
CREATE TABLE installation (
    id           INTEGER PRIMARY KEY CHECK (id = 1),
    mac_key      BLOB    NOT NULL,           -- sealed
    min_binary   INTEGER NOT NULL,           -- the oldest binary that may write here
    bodies_until INTEGER NOT NULL DEFAULT 0, -- bodies of messages that ended until then are removed
    probed       INTEGER NOT NULL DEFAULT 0  -- when a write was last tried after trouble
) STRICT;

CREATE TABLE plan (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    name          TEXT    NOT NULL UNIQUE,
    price         TEXT    NOT NULL DEFAULT '',
    trial         INTEGER NOT NULL DEFAULT 0,
    webhook_quota INTEGER NOT NULL DEFAULT 0, -- 0: no limit
    message_quota INTEGER NOT NULL DEFAULT 0, -- a month; 0: no limit
    term_months   INTEGER NOT NULL DEFAULT 0  -- 0: no end
) STRICT;
INSERT INTO plan (name, trial, webhook_quota, message_quota, term_months) VALUES
    ('trial', 1, 10, 1000, 1),
    ('standard', 0, 50, 0, 12),
    ('enterprise', 0, 1000, 0, 12);

CREATE TABLE organization (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    public_id  TEXT    NOT NULL UNIQUE,
    name       TEXT    NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE subscription (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    public_id     TEXT    NOT NULL UNIQUE,
    organization  INTEGER NOT NULL REFERENCES organization (id),
    plan          INTEGER NOT NULL REFERENCES plan (id),
    instance_name TEXT    NOT NULL,
    instance_key  TEXT    NOT NULL, -- the name without its case
    status        INTEGER NOT NULL, -- 1 requested, 2 active, 3 expired, 4 cancelled
    starts        INTEGER NOT NULL,
    expires       INTEGER NOT NULL DEFAULT 0,
    webhook_quota INTEGER NOT NULL DEFAULT 0,
    message_quota INTEGER NOT NULL DEFAULT 0,
    first_name    TEXT    NOT NULL DEFAULT '', -- of the Technical Contact
    last_name     TEXT    NOT NULL DEFAULT '',
    email         TEXT    NOT NULL DEFAULT '',
    created_at    INTEGER NOT NULL,
    UNIQUE (organization, instance_key)
) STRICT;

CREATE TABLE keys (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    public_id    TEXT    NOT NULL UNIQUE,
    subscription INTEGER NOT NULL REFERENCES subscription (id),
    name         TEXT    NOT NULL,
    license_key  TEXT    NOT NULL UNIQUE,
    secret_hash  BLOB    NOT NULL,
    created_by   TEXT    NOT NULL,
    created_at   INTEGER NOT NULL,
    last_used    INTEGER NOT NULL DEFAULT 0,
    deleted_at   INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX keys_subscription ON keys (subscription, id);

CREATE TABLE webhook (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    public_id    TEXT    NOT NULL UNIQUE,
    subscription INTEGER NOT NULL REFERENCES subscription (id),
    name         TEXT    NOT NULL,
    url          BLOB,    -- sealed; NULL once it is retired
    url_mac      BLOB,    -- finds the same URL twice in an organization
    host         TEXT    NOT NULL,
    payload      INTEGER NOT NULL,
    created_at   INTEGER NOT NULL,
    retired_at   INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE UNIQUE INDEX webhook_name ON webhook (subscription, name) WHERE retired_at = 0;
CREATE INDEX webhook_subscription ON webhook (subscription, id);
CREATE INDEX webhook_url ON webhook (url_mac) WHERE url_mac IS NOT NULL;

CREATE TABLE grp (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    organization INTEGER NOT NULL REFERENCES organization (id),
    owner        TEXT    NOT NULL DEFAULT '', -- the flow owner
    profile      INTEGER NOT NULL,
    not_before   INTEGER NOT NULL DEFAULT 0,
    throttles    INTEGER NOT NULL DEFAULT 0,
    recent       BLOB    NOT NULL             -- ends of sends, eight bytes each, oldest first
) STRICT;

CREATE TABLE lane (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    webhook     INTEGER NOT NULL UNIQUE REFERENCES webhook (id),
    grp         INTEGER NOT NULL REFERENCES grp (id),
    state       INTEGER NOT NULL, -- 1 open, 2 stopped, 3 paused, 4 retired
    cause       TEXT    NOT NULL DEFAULT '',
    held_since  INTEGER NOT NULL DEFAULT 0,
    held        INTEGER NOT NULL DEFAULT 0, -- length of all holds that ended, in microseconds
    not_before  INTEGER NOT NULL DEFAULT 0,
    failures    INTEGER NOT NULL DEFAULT 0,
    timed_out   INTEGER NOT NULL DEFAULT 0,
    mismatches  INTEGER NOT NULL DEFAULT 0,
    url_version INTEGER NOT NULL DEFAULT 1
) STRICT;

CREATE TABLE message (
    id           INTEGER PRIMARY KEY AUTOINCREMENT, -- the order of acceptance
    public_id    TEXT    NOT NULL UNIQUE,
    subscription INTEGER NOT NULL REFERENCES subscription (id),
    lane         INTEGER NOT NULL REFERENCES lane (id),
    keys         INTEGER REFERENCES keys (id), -- NULL: people sent it
    kind         INTEGER NOT NULL,
    size         INTEGER NOT NULL,
    parts        INTEGER NOT NULL DEFAULT 1,
    parts_done   INTEGER NOT NULL DEFAULT 0,
    message_key  TEXT,
    content_mac  BLOB    NOT NULL,
    state        INTEGER NOT NULL DEFAULT 1, -- 1 accepted, 2 sent, 3 posted, 4 failed, 5 expired, 6 uncertain
    reason       TEXT    NOT NULL DEFAULT '',
    detail       TEXT    NOT NULL DEFAULT '',
    unclear      INTEGER NOT NULL DEFAULT 0, -- 1: an attempt may have delivered it
    accepted_at  INTEGER NOT NULL,
    finished_at  INTEGER NOT NULL DEFAULT 0,
    expires_at   INTEGER NOT NULL,           -- in lane time: store time less lane.held
    resend_of    INTEGER,
    body         BLOB                        -- sealed; NULL once it is removed
) STRICT;
CREATE UNIQUE INDEX message_key ON message (subscription, message_key) WHERE message_key IS NOT NULL;
CREATE INDEX message_lane ON message (lane, id);
CREATE INDEX message_time ON message (subscription, accepted_at, id);
CREATE INDEX message_bad ON message (subscription, id) WHERE state IN (4, 5, 6);
CREATE INDEX message_finished ON message (finished_at, id) WHERE finished_at > 0;

CREATE TABLE queue (
    lane       INTEGER NOT NULL,
    id         INTEGER NOT NULL,
    expires_at INTEGER NOT NULL, -- as in message
    PRIMARY KEY (lane, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE attempt (
    message     INTEGER NOT NULL,
    n           INTEGER NOT NULL, -- 1 for the first
    at          INTEGER NOT NULL,
    took        INTEGER NOT NULL, -- microseconds
    verdict     INTEGER NOT NULL,
    reason      TEXT    NOT NULL,
    detail      TEXT    NOT NULL,
    http_status INTEGER NOT NULL,
    answer      TEXT    NOT NULL,
    run_id      TEXT    NOT NULL,
    retry_after INTEGER NOT NULL, -- microseconds
    part        INTEGER NOT NULL DEFAULT 1,
    PRIMARY KEY (message, n)
) STRICT, WITHOUT ROWID;

CREATE TABLE usage (
    subscription INTEGER NOT NULL REFERENCES subscription (id),
    day          INTEGER NOT NULL,
    webhook      INTEGER NOT NULL REFERENCES webhook (id),
    accepted     INTEGER NOT NULL,
    sent         INTEGER NOT NULL, -- sent and posted
    failed       INTEGER NOT NULL,
    expired      INTEGER NOT NULL,
    uncertain    INTEGER NOT NULL,
    PRIMARY KEY (subscription, day, webhook)
) STRICT, WITHOUT ROWID;

CREATE TABLE quota (
    subscription INTEGER NOT NULL REFERENCES subscription (id),
    month        INTEGER NOT NULL,
    messages     INTEGER NOT NULL,
    PRIMARY KEY (subscription, month)
) STRICT, WITHOUT ROWID;

CREATE TABLE token (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    public_id    TEXT    NOT NULL UNIQUE,
    organization INTEGER REFERENCES organization (id), -- NULL: an operator's
    name         TEXT    NOT NULL,
    hash         BLOB    NOT NULL UNIQUE,
    created_at   INTEGER NOT NULL,
    expires_at   INTEGER NOT NULL DEFAULT 0,
    revoked_at   INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE audit (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    mark         TEXT    NOT NULL UNIQUE, -- of the change: tells whether a commit of unknown end happened
    at           INTEGER NOT NULL,
    organization INTEGER REFERENCES organization (id), -- NULL: the installation's
    actor        TEXT    NOT NULL,
    action       TEXT    NOT NULL, -- e.g. webhook.create
    object       TEXT    NOT NULL, -- public id
    detail       TEXT    NOT NULL DEFAULT ''
) STRICT;
CREATE INDEX audit_organization ON audit (organization, id);
