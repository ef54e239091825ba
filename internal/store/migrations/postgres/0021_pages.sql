-- +goose Up
-- What one webhook was used for, without a look at all the others of its subscription.
CREATE INDEX usage_webhook ON usage (webhook, day);
