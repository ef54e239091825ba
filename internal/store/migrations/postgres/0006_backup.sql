-- +goose Up
ALTER TABLE installation ADD COLUMN backup_at BIGINT NOT NULL DEFAULT 0;    -- in a backup: when it was made
ALTER TABLE installation ADD COLUMN paused_at BIGINT NOT NULL DEFAULT 0;    -- since when nothing is sent; 0: all is
ALTER TABLE installation ADD COLUMN paused_why TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE installation ADD COLUMN maybe_twice BIGINT NOT NULL DEFAULT 0;  -- messages that may have been sent after the backup was made
ALTER TABLE installation ADD COLUMN moved_at BIGINT NOT NULL DEFAULT 0;     -- when all of it was moved to another database; 0: it is in use
