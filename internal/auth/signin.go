package auth

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/teamsconnector/teamsconnector/internal/connector"
	"github.com/teamsconnector/teamsconnector/internal/keyring"
	"github.com/teamsconnector/teamsconnector/internal/store"
)

const (
	// SessionLife is how long somebody stays signed in, however much they do.
	SessionLife = 14 * 24 * time.Hour
	// SessionIdle is how long somebody stays signed in who does nothing.
	SessionIdle = 24 * time.Hour

	minPasswordRunes = 10
	maxPasswordBytes = 256

	// maxHashing bounds the memory of password hashes: 19 MiB each.
	maxHashing = 4
)

// Browser is where somebody is signed in.
type Browser = store.SignIn

// Session is somebody who is signed in.
type Session struct {
	store.SignIn
	Actor connector.Actor
	Email string
}

// SignInRequest is what somebody types to sign in, and where from.
type SignInRequest struct {
	Email    string
	Password connector.Secret
	Address  string // of the network; what is none is never held up
	Browser  string // as it calls itself
}

// SignIn checks a local account and returns the secret of a new session, for a
// cookie. An unknown address, a wrong password and a disabled person get the
// same answer, in the same time; ten wrong passwords a minute from one address
// make it wait.
func (a *Auth) SignIn(ctx context.Context, r SignInRequest) (secret string, err error) {
	name := sha256.Sum256([]byte(strings.ToLower(r.Email))) // however long it is
	from, err := netip.ParseAddr(r.Address)
	if err == nil {
		ctx = WithAddress(ctx, from)
	}
	err = a.guarded(ctx, "person "+string(name[:]), false, func() error {
		secret, err = a.signIn(ctx, r)
		return err
	})
	return secret, err
}

func (a *Auth) signIn(ctx context.Context, r SignInRequest) (secret string, err error) {
	known, err := a.store.CredentialsOf(ctx, r.Email)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return "", fmt.Errorf("sign in: %w", err)
	}
	fits, err := a.passwordFits(ctx, known.Password, r.Password)
	if err != nil {
		return "", err
	}
	if !fits || known.Disabled {
		return "", connector.Errorf(connector.TokenInvalid,
			"E-mail address and password do not fit together. Try again, or ask an admin of your organization for a new link.")
	}
	if secret, err = keyring.NewToken(); err != nil {
		return "", err
	}
	_, err = a.store.CreateSignIn(ctx, store.NewSignIn{
		Of: known, Hash: keyring.Hash(secret), Life: SessionLife, Address: r.Address, Browser: r.Browser,
	})
	return secret, err
}

// noPassword is a hash that nothing fits: who is not known costs as much time as who is.
const noPassword = "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

func (a *Auth) passwordFits(ctx context.Context, hash string, password connector.Secret) (bool, error) {
	select {
	case a.hashing <- struct{}{}:
		defer func() { <-a.hashing }()
	case <-ctx.Done():
		return false, ctx.Err()
	}
	if hash == "" {
		return keyring.CheckPassword(noPassword, password.Reveal()) && false, nil
	}
	return keyring.CheckPassword(hash, password.Reveal()), nil
}

// HashPassword checks that a password is one to choose and returns its hash.
func (a *Auth) HashPassword(ctx context.Context, password connector.Secret) (string, error) {
	switch n := utf8.RuneCountInString(password.Reveal()); {
	case n < minPasswordRunes:
		return "", connector.Invalid("/password", "The password has %d characters; it needs at least %d. A few words in a row are easy to remember.", n, minPasswordRunes)
	case len(password.Reveal()) > maxPasswordBytes:
		return "", connector.Invalid("/password", "The password has %d bytes; the limit is %d.", len(password.Reveal()), maxPasswordBytes)
	}
	select {
	case a.hashing <- struct{}{}:
		defer func() { <-a.hashing }()
	case <-ctx.Done():
		return "", ctx.Err()
	}
	return keyring.HashPassword(password.Reveal())
}

// Session returns who is signed in with a cookie's secret; TokenInvalid: nobody.
func (a *Auth) Session(ctx context.Context, secret string) (Session, error) {
	gone := connector.Errorf(connector.TokenInvalid, "You are not signed in, or not any more.")
	if !wellFormed(keyring.TokenPrefix, secret) {
		return Session{}, gone
	}
	in, err := a.store.SignInByHash(ctx, keyring.Hash(secret), SessionIdle)
	if errors.Is(err, store.ErrNotFound) {
		return Session{}, gone
	}
	if err != nil {
		return Session{}, err
	}
	actor, err := a.store.PersonActor(ctx, in.Person)
	if err != nil {
		return Session{}, err
	}
	if err := a.store.SeeSignIn(ctx, in); err != nil {
		a.log.WarnContext(ctx, "use of a session not noted", "error", err)
	}
	return Session{SignIn: in, Actor: actor, Email: actor.Name}, nil
}

// Sessions lists where a person is signed in, the one used last first.
func (a *Auth) Sessions(ctx context.Context, of Session) ([]Browser, error) {
	return a.store.SignInsOf(ctx, of.Person, SessionIdle)
}

// EndSession signs a person out of one of their browsers.
func (a *Auth) EndSession(ctx context.Context, of Session, id connector.SignInID) error {
	return a.store.EndSignIn(ctx, of.Person, id, of.Email)
}

// EndOtherSessions signs a person out everywhere but here.
func (a *Auth) EndOtherSessions(ctx context.Context, of Session) error {
	all, err := a.Sessions(ctx, of)
	for _, other := range all {
		if err == nil && other.ID != of.ID {
			err = a.EndSession(ctx, of, other.ID)
		}
	}
	return err
}

// LinkHolder returns who a link which works once was made for; NotFound: it is not valid.
func (a *Auth) LinkHolder(ctx context.Context, link string) (store.LinkHolder, error) {
	holder, err := a.store.LinkHolder(ctx, keyring.Hash(link))
	if errors.Is(err, store.ErrNotFound) {
		err = a.deadLink(ctx, link)
	}
	return holder, err
}

// deadLink says what became of a link that leads nowhere.
func (a *Auth) deadLink(ctx context.Context, link string) error {
	end, err := a.store.LinkEnd(ctx, keyring.Hash(link))
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	const form = "2 January 2006, 15:04 UTC"
	said := "There is no such link here: it may be cut off, or of another installation. Open it again as it was sent to you, or ask for a new one."
	switch {
	case err != nil:
	case end.Gone:
		said = "The access that this link was made for was ended. Ask who runs this service."
	case !end.Used.IsZero():
		said = "This link was used, or replaced by a newer one, on " + end.Used.UTC().Format(form) +
			". If you chose a password with it, sign in; else ask an admin of your organization, or who runs this service, for a new link."
	default:
		said = "This link was valid until " + end.Over.UTC().Format(form) + ". Ask an admin of your organization, or who runs this service, for a new one."
	}
	return connector.Errorf(connector.NotFound, "%s", said)
}

// UseLink sets a password by a link, which ends with it, as all the person's sessions do.
func (a *Auth) UseLink(ctx context.Context, link, name string, password connector.Secret) (email string, err error) {
	if _, err := a.LinkHolder(ctx, link); err != nil {
		return "", err
	}
	hash, err := a.HashPassword(ctx, password)
	if err != nil {
		return "", err
	}
	holder, err := a.store.UseLink(ctx, store.NewPassword{Link: keyring.Hash(link), Password: hash, Name: name})
	if errors.Is(err, store.ErrNotFound) {
		return "", a.deadLink(ctx, link)
	}
	return holder.Email, err
}

// SetupLife is how long the link of a first start is valid; each start makes a new one.
const SetupLife = 24 * time.Hour

// OfferSetup returns the secret of a link with which the first person furnishes
// the installation; empty: there is a person already.
func (a *Auth) OfferSetup(ctx context.Context) (secret string, err error) {
	if secret, err = keyring.NewToken(); err != nil {
		return "", err
	}
	offered, err := a.store.OfferSetup(ctx, keyring.Hash(secret), SetupLife)
	if err != nil || !offered {
		return "", err
	}
	return secret, nil
}

// SetupOffered returns nil where a set-up link is valid, else a NotFound that says why not.
func (a *Auth) SetupOffered(ctx context.Context, link string) error {
	offered, err := a.store.SetupOffered(ctx, keyring.Hash(link))
	if err == nil && !offered {
		return deadSetup()
	}
	return err
}

func deadSetup() error {
	return connector.Errorf(connector.NotFound,
		"This set-up link is not valid any more: it was used, or the service was started again since. The newest one stands in the log of the last start; once somebody has an account, sign in.")
}

// SetupRequest is what the first person gives.
type SetupRequest struct {
	Link, Organization, Name, Email string
	Password                        connector.Secret
}

// SetUp makes the first person: operator of the installation and admin of an
// organization, with a subscription to use.
func (a *Auth) SetUp(ctx context.Context, r SetupRequest) (connector.SubscriptionID, error) {
	if err := a.SetupOffered(ctx, r.Link); err != nil {
		return "", err
	}
	if err := connector.CheckName("/organization", r.Organization); err != nil {
		return "", err
	}
	if err := connector.CheckName("/name", r.Name); err != nil {
		return "", err
	}
	if err := connector.CheckEmail("/email", r.Email); err != nil {
		return "", err
	}
	hash, err := a.HashPassword(ctx, r.Password)
	if err != nil {
		return "", err
	}
	sub, err := a.store.FirstPerson(ctx, store.NewFirstPerson{
		Link: keyring.Hash(r.Link), Organization: r.Organization, Name: r.Name, Email: r.Email, Password: hash,
	})
	if errors.Is(err, store.ErrNotFound) {
		return "", deadSetup()
	}
	return sub, err
}

// BoundIdentity is an identity provider by which a person signs in.
type BoundIdentity = store.BoundIdentity

// Identities lists by which identity providers a person signs in.
func (a *Auth) Identities(ctx context.Context, of Session) ([]BoundIdentity, error) {
	return a.store.IdentitiesOf(ctx, of.Person)
}

// Disconnect ends that a person signs in by an issuer.
func (a *Auth) Disconnect(ctx context.Context, of Session, issuer string) error {
	return a.store.DropIdentity(ctx, of.Person, issuer)
}
