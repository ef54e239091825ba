package auth

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/teamsconnector/teamsconnector/internal/connector"
)

// maxWrong is how many wrong secrets a minute one address may send for one key,
// or as tokens. Others who use the same key from elsewhere are not held up, and
// nor are right tokens from the same address: many people may share it.
const maxWrong = 10

// maxLimited bounds the memory of a limit; beyond it those who rest are forgotten, then all.
const maxLimited = 10_000

// limit holds each of many to a rate of its own.
type limit struct {
	rate  rate.Limit
	burst int

	mu    sync.Mutex
	known map[string]*rate.Limiter
}

func (l *limit) of(whom string) *rate.Limiter {
	l.mu.Lock()
	defer l.mu.Unlock()
	if one, ok := l.known[whom]; ok {
		return one
	}
	if len(l.known) >= maxLimited {
		for name, one := range l.known {
			if one.Tokens() >= float64(l.burst) {
				delete(l.known, name)
			}
		}
	}
	if l.known == nil || len(l.known) >= maxLimited {
		l.known = make(map[string]*rate.Limiter)
	}
	one := rate.NewLimiter(l.rate, l.burst)
	l.known[whom] = one
	return one
}

// set changes the rate, also of those who are known.
func (l *limit) set(to rate.Limit, burst int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.rate == to {
		return
	}
	l.rate, l.burst = to, burst
	for _, one := range l.known {
		one.SetLimit(to)
		one.SetBurst(burst)
	}
}

// spent says how long until one more is let in; zero: now.
func (l *limit) spent(whom string) time.Duration {
	l.mu.Lock()
	one, ok := l.known[whom]
	perSecond := float64(l.rate)
	l.mu.Unlock()
	if !ok {
		return 0
	}
	missing := 1 - one.Tokens()
	if missing <= 0 {
		return 0
	}
	return time.Duration(missing / perSecond * float64(time.Second))
}

// take lets one in, or says how long until there is room.
func (l *limit) take(whom string) time.Duration {
	if l.of(whom).Allow() {
		return 0
	}
	return max(l.spent(whom), time.Millisecond)
}

// guarded asks whether credentials are right, unless too many wrong ones came
// from the same address under the same name. Who shares no more than an address
// with the culprit is let in all the same: then only wrong ones are refused.
func (a *Auth) guarded(ctx context.Context, name string, shared bool, check func() error) error {
	from := Address(ctx)
	if !from.IsValid() {
		return check()
	}
	whom := name + " " + from.String()
	wait := a.wrong.spent(whom)
	if wait > 0 && !shared {
		return tooManyWrong(wait)
	}
	err := check()
	var e *connector.Error
	if !errors.As(err, &e) || e.Code != connector.LicenseInvalid && e.Code != connector.TokenInvalid {
		return err
	}
	if wait > 0 {
		return tooManyWrong(wait)
	}
	a.wrong.take(whom)
	return err
}

func tooManyWrong(wait time.Duration) *connector.Error {
	return &connector.Error{
		Code: connector.RateLimited, RetryAfter: wait,
		Message: "Too many wrong secrets came from this address for these credentials. Check them, wait as Retry-After says, and try again.",
	}
}

// paced refuses a license that calls faster than the installation allows.
func (a *Auth) paced(license connector.License) error {
	if a.rate <= 0 {
		return nil
	}
	if wait := a.calls.take(string(license.Keys)); wait > 0 {
		return &connector.Error{
			Code: connector.RateLimited, RetryAfter: wait,
			Message: "These binding keys call faster than this service allows. Wait as Retry-After says, then repeat the call with the same messageKey.",
		}
	}
	return nil
}

type addressKey struct{}

// WithAddress remembers where a request came from.
func WithAddress(ctx context.Context, from netip.Addr) context.Context {
	return context.WithValue(ctx, addressKey{}, from)
}

// Address returns where the request of a context came from; the zero Addr: nobody said.
func Address(ctx context.Context) netip.Addr {
	from, ok := ctx.Value(addressKey{}).(netip.Addr)
	if !ok {
		return netip.Addr{}
	}
	return from
}

// AddressOf finds where a request came from: the nearest address that is no
// proxy of ours. Only proxies are believed what X-Forwarded-For says. Of an
// IPv6 address only the network counts, because whoever has one has all of it.
func AddressOf(r *http.Request, proxies []netip.Prefix) netip.Addr {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	at := parseAddress(host)
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(hops) - 1; i >= 0 && isProxy(at, proxies); i-- {
		next := parseAddress(strings.TrimSpace(hops[i]))
		if !next.IsValid() {
			break
		}
		at = next
	}
	const network = 64
	if at.Is6() && !isProxy(at, proxies) {
		if whole, err := at.Prefix(network); err == nil {
			return whole.Addr()
		}
	}
	return at
}

// parseAddress reads an address, with or without a port; the zero Addr: it is none.
func parseAddress(s string) netip.Addr {
	if both, err := netip.ParseAddrPort(s); err == nil {
		return both.Addr().Unmap().WithZone("")
	}
	at, err := netip.ParseAddr(strings.Trim(s, "[]"))
	if err != nil {
		return netip.Addr{}
	}
	return at.Unmap().WithZone("")
}

func isProxy(at netip.Addr, proxies []netip.Prefix) bool {
	for _, p := range proxies {
		if at.IsValid() && p.Contains(at) {
			return true
		}
	}
	return false
}
