-- +goose Up
-- The log of messages is read by the order of acceptance, which is that of the row numbers.
DROP INDEX message_time;
CREATE INDEX message_subscription ON message (subscription, id);
