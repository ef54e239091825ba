-- +goose Up
-- Which message was sent again: it is not offered for that a second time.
CREATE INDEX message_resend ON message (resend_of) WHERE resend_of IS NOT NULL;
