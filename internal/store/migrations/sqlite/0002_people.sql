-- +goose Up
CREATE TABLE person (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    public_id   TEXT    NOT NULL UNIQUE,
    email       TEXT    NOT NULL,
    email_key   TEXT    NOT NULL UNIQUE,    -- the address without its case
    name        TEXT    NOT NULL DEFAULT '',
    password    TEXT    NOT NULL DEFAULT '', -- argon2id as a PHC string; empty: none, so no local sign-in
    operator    INTEGER NOT NULL DEFAULT 0,
    created_at  INTEGER NOT NULL,
    last_seen   INTEGER NOT NULL DEFAULT 0,
    disabled_at INTEGER NOT NULL DEFAULT 0,
    version     INTEGER NOT NULL DEFAULT 1
) STRICT;

CREATE TABLE member (
    organization INTEGER NOT NULL REFERENCES organization (id),
    person       INTEGER NOT NULL REFERENCES person (id),
    role         INTEGER NOT NULL, -- 1 member, 2 admin
    created_at   INTEGER NOT NULL,
    PRIMARY KEY (organization, person)
) STRICT, WITHOUT ROWID;
CREATE INDEX member_person ON member (person, organization);

-- Links that work once: to set a password, to accept an invitation.
CREATE TABLE link (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    hash       BLOB    NOT NULL UNIQUE,
    person     INTEGER NOT NULL REFERENCES person (id),
    purpose    TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    used_at    INTEGER NOT NULL DEFAULT 0
) STRICT;

ALTER TABLE organization ADD COLUMN suspended_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE organization ADD COLUMN erased_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE organization ADD COLUMN version INTEGER NOT NULL DEFAULT 1;
ALTER TABLE plan ADD COLUMN public_id TEXT NOT NULL DEFAULT '';
UPDATE plan SET public_id = name;
CREATE UNIQUE INDEX plan_public ON plan (public_id);
ALTER TABLE plan ADD COLUMN version INTEGER NOT NULL DEFAULT 1;
ALTER TABLE subscription ADD COLUMN contact INTEGER REFERENCES person (id); -- the Technical Contact, once they have an account
ALTER TABLE subscription ADD COLUMN version INTEGER NOT NULL DEFAULT 1;
ALTER TABLE webhook ADD COLUMN combine INTEGER NOT NULL DEFAULT 1;
ALTER TABLE webhook ADD COLUMN ordering INTEGER NOT NULL DEFAULT 1;   -- 1 best effort, 2 guaranteed
ALTER TABLE webhook ADD COLUMN on_unclear INTEGER NOT NULL DEFAULT 1; -- 1 repeat, 2 ask
ALTER TABLE webhook ADD COLUMN urgent INTEGER NOT NULL DEFAULT 0;
ALTER TABLE webhook ADD COLUMN message_life INTEGER NOT NULL DEFAULT 0; -- microseconds; 0: the default
ALTER TABLE webhook ADD COLUMN version INTEGER NOT NULL DEFAULT 1;

ALTER TABLE token ADD COLUMN person INTEGER REFERENCES person (id); -- it is this person's; NULL: the organization's or an operator's
ALTER TABLE token ADD COLUMN role INTEGER NOT NULL DEFAULT 0;       -- of an organization's token; 0: an operator's or a person's
ALTER TABLE token ADD COLUMN scopes TEXT NOT NULL DEFAULT '';       -- rights, with spaces between; empty: all that its owner may
ALTER TABLE token ADD COLUMN created_by TEXT NOT NULL DEFAULT '';
ALTER TABLE token ADD COLUMN last_used INTEGER NOT NULL DEFAULT 0;
CREATE INDEX token_organization ON token (organization, id);
CREATE INDEX token_person ON token (person, id);

-- Two live pairs of one name would make "keys delete NAME" ask which: the later ones get their id behind it.
UPDATE keys SET name = name || ' ' || public_id
WHERE deleted_at = 0 AND EXISTS (SELECT 1 FROM keys k
    WHERE k.subscription = keys.subscription AND k.name = keys.name AND k.deleted_at = 0 AND k.id < keys.id);
CREATE UNIQUE INDEX keys_name ON keys (subscription, name) WHERE deleted_at = 0;

ALTER TABLE audit ADD COLUMN lane INTEGER; -- whose engine must hear of it; NULL: none
ALTER TABLE audit ADD COLUMN address TEXT NOT NULL DEFAULT ''; -- where the actor came from
