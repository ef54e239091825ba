package auth

import (
	"context"
	"time"

	"github.com/teamsconnector/teamsconnector/internal/connector"
	"github.com/teamsconnector/teamsconnector/internal/store"
)

// maxNewAccounts is how many accounts one address of the network may make an hour.
const maxNewAccounts = 10

// NewAccount is what somebody new gives.
type NewAccount struct {
	Name, Email string
	Password    connector.Secret
	Address     string // of the network
}

// SignUp makes an account for somebody new, where signup is open. The address is
// theirs by their word only: until they show it, the account is not found by it.
func (s *SignOn) SignUp(ctx context.Context, r NewAccount) error {
	if s.o.Signup != store.SignupOpen {
		return connector.Errorf(connector.NotFound, "New accounts are not made here without an invitation. Ask an admin of your organization, or who runs this service.")
	}
	if err := connector.CheckName("/name", r.Name); err != nil {
		return err
	}
	if err := connector.CheckEmail("/email", r.Email); err != nil {
		return err
	}
	if wait := s.fresh.take(r.Address); wait > 0 {
		return &connector.Error{
			Code: connector.RateLimited, RetryAfter: wait,
			Message: "Many accounts were made from your network just now. Try again in " + wait.Round(time.Minute).String() + ", or ask for an invitation.",
		}
	}
	hash, err := s.auth.HashPassword(ctx, r.Password)
	if err != nil {
		return err
	}
	return s.auth.store.SignUp(ctx, store.NewAccount{Name: r.Name, Email: r.Email, Password: hash})
}
