-- +goose Up
-- Where the people of an organization come from: an issuer of OpenID Connect, such as an Entra tenant's.
CREATE TABLE directory (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    public_id     TEXT    NOT NULL UNIQUE,
    organization  INTEGER NOT NULL REFERENCES organization (id),
    issuer        TEXT    NOT NULL UNIQUE,
    name          TEXT    NOT NULL,            -- as people read it when they sign in
    client        TEXT    NOT NULL DEFAULT '', -- empty: the installation's own client is used
    secret        BLOB,                        -- of the client, sealed
    admin_groups  TEXT    NOT NULL DEFAULT '', -- groups or roles that make an admin, one a line
    member_groups TEXT    NOT NULL DEFAULT '',
    created_at    INTEGER NOT NULL,
    version       INTEGER NOT NULL DEFAULT 1
) STRICT;
CREATE INDEX directory_organization ON directory (organization, id);

-- Nobody has shown yet that the address is theirs: it finds this account for nobody else.
ALTER TABLE person ADD COLUMN unconfirmed INTEGER NOT NULL DEFAULT 0;
