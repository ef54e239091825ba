package auth

import (
	"context"
	"errors"
	"time"

	"github.com/teamsconnector/teamsconnector/internal/connector"
	"github.com/teamsconnector/teamsconnector/internal/keyring"
	"github.com/teamsconnector/teamsconnector/internal/store"
)

// Bearer returns who comes with a token. An unknown token, a revoked one and one
// past its end get the same TokenInvalid; when the database does not answer it
// is NotAccepted, because then nobody knows.
func (a *Auth) Bearer(ctx context.Context, token connector.Secret) (who connector.Actor, err error) {
	err = a.guarded(ctx, "token", true, func() error {
		who, err = a.bearer(ctx, token)
		return err
	})
	return who, err
}

func (a *Auth) bearer(ctx context.Context, token connector.Secret) (connector.Actor, error) {
	if !wellFormed(keyring.TokenPrefix, token.Reveal()) {
		return connector.Actor{}, tokenInvalid()
	}
	who, err := a.tokens.get(ctx, keyring.Hash(token.Reveal()), a.store.ActorByToken)
	if errors.Is(err, store.ErrNotFound) {
		return connector.Actor{}, tokenInvalid()
	}
	return who, a.away(ctx, err)
}

func tokenInvalid() *connector.Error {
	return connector.Errorf(connector.TokenInvalid,
		"The token is not valid: it is mistyped or cut off, past its end, or was revoked. Send it as Authorization: Bearer tct_..., "+
			"or make a new one: teamsconnector token create.")
}

// away makes an error that says nothing of the credentials into one that says so.
func (a *Auth) away(ctx context.Context, err error) error {
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return ctx.Err() // the caller is gone; it says nothing of the database
	}
	a.log.ErrorContext(ctx, "credentials not checked", "error", err)
	return &connector.Error{
		Code:       connector.NotAccepted,
		Message:    "Your credentials can't be checked right now, so nothing was accepted. Try again in a moment.",
		RetryAfter: time.Second,
	}
}
