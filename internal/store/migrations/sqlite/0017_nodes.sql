-- +goose Up
-- All lanes of an organization are in one shard: one node sends them.
ALTER TABLE lane ADD COLUMN shard INTEGER NOT NULL DEFAULT 0;
UPDATE lane SET shard = COALESCE((SELECT s.organization % 64 FROM webhook w JOIN subscription s ON s.id = w.subscription WHERE w.id = lane.webhook), 0);
