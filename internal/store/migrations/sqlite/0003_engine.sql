-- +goose Up
ALTER TABLE lane ADD COLUMN card_last INTEGER NOT NULL DEFAULT 0; -- last member of a card of unclear end
ALTER TABLE lane ADD COLUMN inflight INTEGER NOT NULL DEFAULT 0;  -- where unclear attempts are asked about: up to which message may be under way
ALTER TABLE grp ADD COLUMN version INTEGER NOT NULL DEFAULT 1;    -- counts moves of lanes into it and out of it
ALTER TABLE message ADD COLUMN weight INTEGER NOT NULL DEFAULT 0; -- of a text in a card of several, as Teams counts; 0: not known
ALTER TABLE message ADD COLUMN test INTEGER NOT NULL DEFAULT 0;
CREATE INDEX message_test ON message (lane, id) WHERE test = 1 AND state = 1;
ALTER TABLE attempt ADD COLUMN card INTEGER NOT NULL DEFAULT 0;   -- how many messages went in the same card; 0: it went alone

-- Until now each webhook had a group of its own. Those of one flow owner, and those of one URL, share
-- one from here on: with the longest of their waits, and a span of Microsoft's window without a send.
UPDATE grp SET not_before = (SELECT MAX(o.not_before) FROM grp o
    WHERE o.organization = grp.organization AND o.owner = grp.owner AND o.profile = grp.profile) WHERE owner <> '';
UPDATE lane SET grp = (SELECT MIN(o.id) FROM grp g JOIN grp o ON o.organization = g.organization AND o.owner = g.owner AND o.profile = g.profile
    WHERE g.id = lane.grp) WHERE grp IN (SELECT g.id FROM grp g WHERE g.owner <> '');
UPDATE grp SET not_before = COALESCE((SELECT MAX(o.not_before) FROM lane k JOIN webhook w ON w.id = k.webhook
    JOIN webhook v ON v.url_mac = w.url_mac JOIN lane l ON l.webhook = v.id JOIN grp o ON o.id = l.grp WHERE k.grp = grp.id), not_before);
UPDATE lane SET grp = COALESCE((SELECT COALESCE(MIN(CASE WHEN g.owner <> '' THEN g.id END), MIN(g.id)) FROM webhook w
    JOIN webhook v ON v.url_mac = w.url_mac JOIN lane l ON l.webhook = v.id JOIN grp g ON g.id = l.grp WHERE w.id = lane.webhook), grp);
UPDATE grp SET not_before = (CAST(strftime('%s', 'now') AS INTEGER) + CASE WHEN profile = 4 THEN 3605 ELSE 310 END) * 1000000
WHERE (SELECT COUNT(*) FROM lane l WHERE l.grp = grp.id) > 1
    AND not_before < (CAST(strftime('%s', 'now') AS INTEGER) + CASE WHEN profile = 4 THEN 3605 ELSE 310 END) * 1000000;
DELETE FROM grp WHERE NOT EXISTS (SELECT 1 FROM lane l WHERE l.grp = grp.id);
CREATE INDEX lane_grp ON lane (grp);
CREATE UNIQUE INDEX grp_owner ON grp (organization, owner, profile) WHERE owner <> '';
