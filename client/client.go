// Package client sends messages to Microsoft Teams channels through a Teams
// Connector service, from Go and with the standard library alone.
package client

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
	"unicode/utf8"
)

// The environment variables that NewFromEnv reads.
const (
	EnvURL           = "TEAMSCONNECTOR_URL"
	EnvLicenseKey    = "TEAMSCONNECTOR_LICENSE_KEY"
	EnvLicenseSecret = "TEAMSCONNECTOR_LICENSE_SECRET" // #nosec G101 -- the name of a variable, not a secret
)

// NoWait as a Message's Wait asks for an answer as soon as the message is stored.
const NoWait time.Duration = -1

const (
	defaultWait  = 10 * time.Second // the service's own, when Wait is zero
	maxWait      = 55 * time.Second // the longest that the service waits
	slack        = 15 * time.Second // for everything but the wait
	maxAnswer    = 1 << 20
	messagesPath = "/api/v1/messages"
)

// Client sends messages. It is safe for concurrent use.
type Client struct {
	url string
	// authorize hides the license in a closure, because %+v walks fields.
	authorize func(*http.Request)
	http      *http.Client
	attempts  int
	maxPause  time.Duration
}

// Option changes a Client that New makes.
type Option func(*Client)

// WithHTTPClient sends through c, which may bring a proxy or certificates of its
// own. Redirects are never followed: they would carry the license elsewhere.
func WithHTTPClient(c *http.Client) Option {
	return func(to *Client) {
		own := *c
		to.http = &own
	}
}

// WithAttempts sets how often a call is made at most; 1 means that nothing is
// tried again. The default is 4.
func WithAttempts(n int) Option { return func(c *Client) { c.attempts = max(1, n) } }

// WithMaxPause sets the longest pause between two attempts; where the service
// asks for a longer one, Send returns the error at once. The default is 30 s.
func WithMaxPause(d time.Duration) Option { return func(c *Client) { c.maxPause = d } }

// New makes a Client for the service at url with a pair of binding keys.
func New(url, licenseKey, licenseSecret string, opts ...Option) *Client {
	licenseKey, licenseSecret = strings.TrimSpace(licenseKey), strings.TrimSpace(licenseSecret)
	c := &Client{
		url:       strings.TrimRight(strings.TrimSpace(url), "/"),
		authorize: func(r *http.Request) { r.SetBasicAuth(licenseKey, licenseSecret) },
		http:      &http.Client{},
		attempts:  4,
		maxPause:  30 * time.Second,
	}
	for _, o := range opts {
		o(c)
	}
	c.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return c
}

// NewFromEnv makes a Client from TEAMSCONNECTOR_URL, TEAMSCONNECTOR_LICENSE_KEY
// and TEAMSCONNECTOR_LICENSE_SECRET, and says which of them is missing.
func NewFromEnv(opts ...Option) (*Client, error) {
	values := make(map[string]string)
	var missing []string
	for _, name := range []string{EnvURL, EnvLicenseKey, EnvLicenseSecret} {
		values[name] = os.Getenv(name)
		if values[name] == "" {
			missing = append(missing, name)
		}
	}
	if len(missing) > 0 {
		return nil, fmt.Errorf("not set: %s", strings.Join(missing, ", "))
	}
	return New(values[EnvURL], values[EnvLicenseKey], values[EnvLicenseSecret], opts...), nil
}

// String names the service and shows no license.
func (c *Client) String() string { return "teamsconnector client for " + c.url }

// GoString shows what String does, so that %#v leaks nothing.
func (c *Client) GoString() string { return c.String() }

// Message is what Send posts: either Text, with a Title, Level, Facts and Link
// where there are some, or Card.
type Message struct {
	WebhookID string
	Text      string
	Title     string          // above the text; empty: none
	Level     string          // LevelInfo and its like, shown as a color; empty: none
	Facts     []Fact          // below the text, in this order
	Link      *Link           // a button below it all; nil: none
	Card      json.RawMessage // an Adaptive Card
	// Key makes a repeat safe: the same key and content is the same message. Empty: Send makes
	// one for its own attempts. Set it to keep a message from going twice across calls of Send.
	Key string
	// ExpiresIn is how long the message may wait for Teams, in whole seconds; zero: the service's default.
	ExpiresIn time.Duration
	// Wait is how long Send waits for Teams to take the message, up to 55 s; zero: the
	// service's default of 10 s; NoWait: until it is stored.
	Wait time.Duration
}

// The levels of a Message.
const (
	LevelInfo    = "info"
	LevelGood    = "good"
	LevelWarning = "warning"
	LevelError   = "error"
)

// Fact is a named value beside the text of a Message.
type Fact struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Link is a button that opens a page.
type Link struct {
	Text string `json:"text,omitempty"` // what the button says; empty: the URL's host
	URL  string `json:"url"`            // with https:// or http://
}

// The statuses of a Response.
const (
	StatusSent      = "sent"      // Microsoft accepted it
	StatusPosted    = "posted"    // it is in the channel
	StatusAccepted  = "accepted"  // stored by the service and on its way
	StatusHeld      = "held"      // stored; the webhook is stopped or paused
	StatusFailed    = "failed"    // it will never be delivered
	StatusExpired   = "expired"   // its life ended before it could be delivered
	StatusUncertain = "uncertain" // it may be in the channel
)

// Response says how far a message has come. Whatever its Status: the service
// has stored the message, so don't send it again.
type Response struct {
	Sent      bool      `json:"sentMessage"`
	Message   string    `json:"message"` // the same for people
	MessageID string    `json:"messageId"`
	Status    string    `json:"status"`
	Expected  time.Time `json:"expectedAt"` // zero unless it is accepted
	// MaybePosted: an attempt's end is unknown; it may be in the channel.
	MaybePosted bool     `json:"maybePosted"`
	Warnings    []string `json:"warnings"`
	URL         string   `json:"messageUrl"` // the message's page, for people who may sign in
}

// Send posts a message and returns how far it has come. It tries again where
// that may help (no connection, 429, 502, 503, 504), always with the same message
// key, so that nothing goes twice. The error is an *Error where something answered,
// and matches ErrNotReached where the service did not. One that matches ErrUnknown
// leaves open whether the message is stored; every other means that it is not.
func (c *Client) Send(ctx context.Context, m Message) (Response, error) {
	if m.Key == "" {
		m.Key = "go-" + rand.Text()
	}
	body, err := encode(m)
	if err != nil {
		return Response{}, err
	}
	unknown := false
	for attempt := 1; ; attempt++ {
		response, err := c.once(ctx, body, m.Wait)
		if err == nil {
			return response, nil
		}
		unknown = unknown || errors.Is(err, ErrUnknown)
		if unknown && !refused(err) && !errors.Is(err, ErrUnknown) { // an earlier try may have been stored
			err = fmt.Errorf("%w: %w", ErrUnknown, err)
		}
		pause, again := c.pause(err, attempt)
		if !again || ctx.Err() != nil {
			return Response{}, err
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return Response{}, err
		}
	}
}

// refused reports whether the service refused the message for what it is. That
// comes after a look for its key, so no earlier try of it was stored either.
func refused(err error) bool {
	var e *Error
	if !errors.As(err, &e) || e.Code == "" {
		return false
	}
	switch e.Status {
	case http.StatusUnauthorized, http.StatusTooManyRequests:
		return false
	}
	return e.Status < http.StatusInternalServerError
}

func encode(m Message) ([]byte, error) {
	if m.ExpiresIn < 0 {
		return nil, fmt.Errorf("%w: ExpiresIn is negative", ErrInvalid)
	}
	if name := notUTF8(m); name != "" { // encoding/json would change it silently
		return nil, fmt.Errorf("%w: %s is not valid UTF-8", ErrInvalid, name)
	}
	body := struct {
		WebhookID   string          `json:"webhookId"`
		TextMessage string          `json:"textMessage,omitempty"`
		Title       string          `json:"title,omitempty"`
		Level       string          `json:"level,omitempty"`
		Facts       []Fact          `json:"facts,omitempty"`
		Link        *Link           `json:"link,omitempty"`
		Card        json.RawMessage `json:"card,omitempty"`
		MessageKey  string          `json:"messageKey"`
		ExpiresIn   int64           `json:"expiresIn,omitempty"`
	}{m.WebhookID, m.Text, m.Title, m.Level, m.Facts, m.Link, m.Card, m.Key, int64(math.Ceil(m.ExpiresIn.Seconds()))}
	b, err := json.Marshal(body)
	if err != nil {
		return nil, fmt.Errorf("%w: Card is not JSON: %w", ErrInvalid, err)
	}
	return b, nil
}

// notUTF8 names a field that is not valid UTF-8; empty: all are.
func notUTF8(m Message) string {
	fields := [][2]string{{"WebhookID", m.WebhookID}, {"Text", m.Text}, {"Title", m.Title}, {"Level", m.Level}, {"Key", m.Key}}
	for _, f := range m.Facts {
		fields = append(fields, [2]string{"Facts", f.Name}, [2]string{"Facts", f.Value})
	}
	if m.Link != nil {
		fields = append(fields, [2]string{"Link", m.Link.Text}, [2]string{"Link", m.Link.URL})
	}
	for _, f := range fields {
		if !utf8.ValidString(f[1]) {
			return f[0]
		}
	}
	return ""
}

// pause says how long to wait before the next attempt, and whether there is one.
func (c *Client) pause(err error, attempt int) (time.Duration, bool) {
	if attempt >= c.attempts {
		return 0, false
	}
	pause := 500 * time.Millisecond << (attempt - 1)
	var e *Error
	switch {
	case errors.As(err, &e):
		switch e.Status {
		case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		case http.StatusBadGateway, http.StatusGatewayTimeout: // of what stands between
		default:
			return 0, false
		}
		pause = max(pause, e.RetryAfter)
	case !errors.Is(err, ErrNotReached):
		return 0, false
	}
	return pause, pause <= c.maxPause
}

func (c *Client) once(ctx context.Context, body []byte, wait time.Duration) (Response, error) {
	patience := defaultWait
	if wait > 0 {
		patience = min(wait, maxWait)
	}
	ctx, cancel := context.WithTimeout(ctx, patience+slack)
	defer cancel()
	var asked, got atomic.Bool // for a connection
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GetConn: func(string) { asked.Store(true) },
		GotConn: func(httptrace.GotConnInfo) { got.Store(true) },
	})
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url+messagesPath, bytes.NewReader(body))
	if err != nil {
		return Response{}, errors.New("the service's URL can't be used: it must look like https://teams.example.com")
	}
	c.authorize(req)
	req.Header.Set("Content-Type", "application/json")
	switch {
	case wait < 0:
		req.Header.Set("Prefer", "respond-async")
	case wait > 0:
		req.Header.Set("Prefer", "wait="+strconv.Itoa(int(math.Ceil(patience.Seconds()))))
	}
	res, err := c.http.Do(req)
	if err != nil {
		return Response{}, notReached(err, got.Load() || !asked.Load())
	}
	defer func() { _ = res.Body.Close() }() // it was read to its end or is of no use
	answer, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil {
		return Response{}, notReached(err, true)
	}
	return read(res, answer)
}

// notReached keeps the cause and drops the URL that net/http quotes: it may hold a
// password. Without a connection nothing was stored; a custom transport that
// does not tell counts as one that had it.
func notReached(err error, begun bool) error {
	var quoting *url.Error
	if errors.As(err, &quoting) {
		err = quoting.Err
	}
	if begun {
		return fmt.Errorf("%w, and %w: %w", ErrNotReached, ErrUnknown, err)
	}
	return fmt.Errorf("%w: %w", ErrNotReached, err)
}

func read(res *http.Response, answer []byte) (Response, error) {
	if res.StatusCode != http.StatusOK && res.StatusCode != http.StatusAccepted {
		return Response{}, newError(res, answer)
	}
	var response Response
	if err := json.Unmarshal(answer, &response); err != nil || response.MessageID == "" {
		return Response{}, &Error{Status: res.StatusCode, Message: "The answer is not one of a Teams Connector. Check the service's URL."}
	}
	return response, nil
}
