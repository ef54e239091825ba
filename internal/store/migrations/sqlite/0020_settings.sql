-- +goose Up
-- What the operator calls this installation, and whom its people ask; empty: as it is shipped.
CREATE TABLE settings (
    id           INTEGER PRIMARY KEY CHECK (id = 1),
    product_name TEXT    NOT NULL DEFAULT '',
    support      TEXT    NOT NULL DEFAULT '', -- an e-mail address, or one that begins with https://
    terms        TEXT    NOT NULL DEFAULT '',
    logo         BLOB,                        -- NULL: the shipped one
    logo_type    TEXT    NOT NULL DEFAULT '',
    version      INTEGER NOT NULL DEFAULT 1
) STRICT;
INSERT INTO settings (id) VALUES (1);
