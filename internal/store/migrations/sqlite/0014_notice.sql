-- +goose Up
-- What people should hear of: written once per event, whoever sees it first.
CREATE TABLE notice (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    event        TEXT    NOT NULL UNIQUE,
    kind         TEXT    NOT NULL,
    organization INTEGER REFERENCES organization (id), -- NULL: the operator's
    subscription INTEGER REFERENCES subscription (id),
    webhook      INTEGER REFERENCES webhook (id),
    person       INTEGER REFERENCES person (id),       -- whom alone it concerns; NULL: whoever the subscription names
    detail       TEXT    NOT NULL DEFAULT '',          -- no secret
    at           INTEGER NOT NULL,
    mailed_at    INTEGER NOT NULL DEFAULT 0            -- 0: its mails are still to be made
) STRICT;
CREATE INDEX notice_mail ON notice (id) WHERE mailed_at = 0;
CREATE INDEX notice_organization ON notice (organization, id);

ALTER TABLE person ADD COLUMN notices_read INTEGER NOT NULL DEFAULT 0;   -- up to which notice
ALTER TABLE subscription ADD COLUMN notify TEXT NOT NULL DEFAULT '';     -- who gets its mails, an address a line; empty: the Technical Contact
ALTER TABLE webhook ADD COLUMN mail_for INTEGER REFERENCES organization (id); -- whose mails to one address it stands for; NULL: it is a webhook of Teams
