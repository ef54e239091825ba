-- +goose Up
-- Where a message belongs in its caller's trace, as W3C Trace Context writes it; NULL: nowhere.
ALTER TABLE message ADD COLUMN trace TEXT;
