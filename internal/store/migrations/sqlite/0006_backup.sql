-- +goose Up
ALTER TABLE installation ADD COLUMN backup_at INTEGER NOT NULL DEFAULT 0;    -- in a backup: when it was made
ALTER TABLE installation ADD COLUMN paused_at INTEGER NOT NULL DEFAULT 0;    -- since when nothing is sent; 0: all is
ALTER TABLE installation ADD COLUMN paused_why TEXT NOT NULL DEFAULT '';
ALTER TABLE installation ADD COLUMN maybe_twice INTEGER NOT NULL DEFAULT 0;  -- messages that may have been sent after the backup was made
ALTER TABLE installation ADD COLUMN moved_at INTEGER NOT NULL DEFAULT 0;     -- when all of it was moved to another database; 0: it is in use
