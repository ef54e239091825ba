-- +goose Up
-- Signed in: what a browser's cookie stands for.
CREATE TABLE signin (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    public_id  TEXT    NOT NULL UNIQUE,
    hash       BLOB    NOT NULL UNIQUE, -- of the cookie
    person     INTEGER NOT NULL REFERENCES person (id),
    created_at INTEGER NOT NULL,
    last_seen  INTEGER NOT NULL,        -- exact to a minute
    expires_at INTEGER NOT NULL,        -- however much it is used
    ended_at   INTEGER NOT NULL DEFAULT 0,
    address    TEXT    NOT NULL DEFAULT '',
    agent      TEXT    NOT NULL DEFAULT ''
) STRICT;
CREATE INDEX signin_person ON signin (person, id);

-- The link with which the first person furnishes an empty installation.
ALTER TABLE installation ADD COLUMN setup_hash BLOB;
ALTER TABLE installation ADD COLUMN setup_until INTEGER NOT NULL DEFAULT 0;
