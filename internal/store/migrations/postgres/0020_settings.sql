-- +goose Up
-- What the operator calls this installation, and whom its people ask; empty: as it is shipped.
CREATE TABLE settings (
    id BIGINT PRIMARY KEY CHECK (id = 1),
    product_name TEXT COLLATE "C" NOT NULL DEFAULT '',
    support TEXT COLLATE "C" NOT NULL DEFAULT '', -- an e-mail address, or one that begins with https://
    terms TEXT COLLATE "C" NOT NULL DEFAULT '',
    logo BYTEA, -- NULL: the shipped one
    logo_type TEXT COLLATE "C" NOT NULL DEFAULT '',
    version BIGINT NOT NULL DEFAULT 1
);
INSERT INTO settings (id) VALUES (1);
