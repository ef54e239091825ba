package auth

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"

	"github.com/teamsconnector/teamsconnector/internal/connector"
	"github.com/teamsconnector/teamsconnector/internal/outbound"
)

const (
	// maxProviderBody is far above discovery, keys and tokens of any provider.
	maxProviderBody = 1 << 20
	// describedFor is how long a provider's description is taken as it was read.
	describedFor = time.Hour
)

// described is a provider as it describes itself.
type described struct {
	at   *oidc.Provider
	read time.Time
}

// providerClient calls providers by the guarded client, which follows no redirect.
func providerClient(o SignOnOptions) *http.Client {
	trusted := o.Trusted
	if u, err := url.Parse(o.Issuer); err == nil && u.Host != "" { // whoever names the issuer trusts it, within a private network too
		trusted = append([]string{u.Scheme + "://" + u.Host}, trusted...)
	}
	return &http.Client{
		Transport:     wire{outbound.New(outbound.Options{Trusted: trusted, Total: 10 * time.Second, MaxBody: maxProviderBody})},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// wire lets go-oidc and oauth2 call by the guarded client.
type wire struct{ *outbound.Client }

// RoundTrip makes one call.
func (w wire) RoundTrip(r *http.Request) (*http.Response, error) {
	got, failure := w.Do(r.Context(), r)
	if failure != nil {
		return nil, failure.Err
	}
	if r.Method == http.MethodGet && got.Status != http.StatusOK {
		got.Body = nil // a page of errors, which go-oidc would quote
	}
	return &http.Response{
		Status: http.StatusText(got.Status), StatusCode: got.Status, Header: got.Header, Request: r, ProtoMajor: 1, ProtoMinor: 1,
		Body: io.NopCloser(bytes.NewReader(got.Body)), ContentLength: int64(len(got.Body)),
	}, nil
}

// Discover reads the description of an installation's provider, as every sign-in
// needs it, and says when it answered by this machine's clock and by its own; zero: it did not say.
func Discover(ctx context.Context, o SignOnOptions) (here, there time.Time, err error) {
	client := providerClient(o)
	client.Transport = dated{client.Transport, &here, &there}
	_, err = discover(ctx, client, o.Issuer)
	return here, there, err
}

// dated notes when an answer came, and what it says about that.
type dated struct {
	http.RoundTripper

	here, there *time.Time
}

// RoundTrip makes one call.
func (d dated) RoundTrip(r *http.Request) (*http.Response, error) {
	got, err := d.RoundTripper.RoundTrip(r)
	if err == nil {
		*d.here = time.Now()
		*d.there, _ = http.ParseTime(got.Header.Get("Date")) // zero where it is none
	}
	return got, err
}

func discover(ctx context.Context, client *http.Client, issuer string) (*oidc.Provider, error) {
	ctx = oidc.ClientContext(ctx, client)
	if t := templated(issuer); t != "" {
		ctx = oidc.InsecureIssuerURLContext(ctx, t) // each token's issuer is checked with its tenant
	}
	found, err := oidc.NewProvider(ctx, issuer)
	if err == nil && (found.Endpoint().AuthURL == "" || found.Endpoint().TokenURL == "") {
		err = errors.New("its description names no endpoint to sign in at")
	}
	return found, err
}

// Way is an identity provider that somebody may choose.
type Way struct {
	Directory connector.DirectoryID // empty: the installation's
	Name      string
}

// Ways are the installation's provider and those of the organizations of a person; without one, the installation's only.
func (s *SignOn) Ways(ctx context.Context, of connector.PersonID) (all []Way, err error) {
	if name := s.Name(); name != "" {
		all = append(all, Way{Name: name})
	}
	if of == "" {
		return all, nil
	}
	own, err := s.auth.store.DirectoriesFor(ctx, of)
	for _, d := range own {
		all = append(all, Way{d.ID, d.Name})
	}
	return all, err
}

// LeaveURL is where somebody signs out at a provider; empty: it is not known.
func (s *SignOn) LeaveURL(ctx context.Context, id connector.DirectoryID) string {
	p, err := s.provider(ctx, id)
	if err != nil {
		return ""
	}
	s.mu.Lock()
	known, ok := s.known[p.issuer]
	s.mu.Unlock()
	var says struct {
		End string `json:"end_session_endpoint"`
	}
	if !ok || known.at.Claims(&says) != nil {
		return ""
	}
	u, err := url.Parse(says.End)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" {
		return ""
	}
	query := u.Query()
	query.Set("client_id", p.client)
	u.RawQuery = query.Encode()
	return u.String()
}

// reach returns how a provider describes itself.
func (s *SignOn) reach(ctx context.Context, p provider) (*oidc.Provider, error) {
	now := s.auth.store.Now()
	s.mu.Lock()
	was, ok := s.known[p.issuer]
	s.mu.Unlock()
	if ok && now.Sub(was.read) < describedFor {
		return was.at, nil
	}
	found, err := discover(ctx, s.client, p.issuer)
	if err != nil {
		s.auth.log.WarnContext(ctx, "identity provider not reached", "issuer", p.issuer, "error", err)
		if ok {
			return was.at, nil
		}
		return nil, away(p)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.known[p.issuer] = described{found, now}
	return found, nil
}
