-- +goose Up
-- What people order: a trial, a subscription, another plan for one that exists, a further term.
CREATE TABLE orders (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    public_id     TEXT    NOT NULL UNIQUE,
    form          TEXT    NOT NULL, -- what the form was made for: sent twice, it is one order
    organization  INTEGER NOT NULL REFERENCES organization (id),
    subscription  INTEGER NOT NULL REFERENCES subscription (id),
    plan          INTEGER NOT NULL REFERENCES plan (id),
    kind          INTEGER NOT NULL, -- 1 trial, 2 new, 3 another plan, 4 renewal
    state         INTEGER NOT NULL, -- 1 requested, 2 approved, 3 refused
    first_name    TEXT    NOT NULL, -- of the Technical Contact that it names
    last_name     TEXT    NOT NULL,
    email         TEXT    NOT NULL,
    company       TEXT    NOT NULL, -- of the billing account
    billing_email TEXT    NOT NULL,
    reference     TEXT    NOT NULL,
    ordered_by    TEXT    NOT NULL,
    created_at    INTEGER NOT NULL,
    decided_by    TEXT    NOT NULL DEFAULT '',
    decided_at    INTEGER NOT NULL DEFAULT 0,
    reason        TEXT    NOT NULL DEFAULT '' -- of a refusal
) STRICT;
CREATE UNIQUE INDEX orders_form ON orders (organization, form);
CREATE UNIQUE INDEX orders_trial ON orders (organization) WHERE kind = 1;
CREATE UNIQUE INDEX orders_open ON orders (subscription) WHERE state = 1;

ALTER TABLE subscription ADD COLUMN ended_at INTEGER NOT NULL DEFAULT 0; -- when it was cancelled; 0: it was not
