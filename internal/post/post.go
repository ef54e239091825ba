package post

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/teamsconnector/teamsconnector/internal/connector"
	"github.com/teamsconnector/teamsconnector/internal/outbound"
	"github.com/teamsconnector/teamsconnector/internal/teams"
)

// Options sets a Client up. The zero Options works.
type Options struct {
	// UserAgent names this service to Microsoft; "": "TeamsConnector".
	UserAgent string
	// Logger gets the few events that an operator acts on; nil: none.
	Logger *slog.Logger
}

// Client posts to Teams. It may be used by many goroutines at once.
type Client struct {
	out       *outbound.Client
	userAgent string
	log       *slog.Logger
}

// New makes a client that posts through out.
func New(out *outbound.Client, o Options) *Client {
	c := &Client{out: out, userAgent: o.UserAgent, log: o.Logger}
	if c.userAgent == "" {
		c.userAgent = "TeamsConnector"
	}
	if c.log == nil {
		c.log = slog.New(slog.DiscardHandler)
	}
	return c
}

// Deliver makes one attempt to post a parcel. Whatever Teams or the network
// does is an Outcome. When ctx is cancelled, an attempt that was not written
// comes out as retry, one that was as uncertain.
func (c *Client) Deliver(ctx context.Context, p connector.Parcel) connector.Outcome {
	start := time.Now()
	o := c.deliver(ctx, p)
	o.Took = time.Since(start)
	return o
}

func (c *Client) deliver(ctx context.Context, p connector.Parcel) connector.Outcome {
	envelope, err := teams.EnvelopeOf(p)
	if err != nil {
		c.log.ErrorContext(ctx, "message has no envelope", "message_id", p.Message, "cause", err)
		return connector.Outcome{
			Verdict: connector.VerdictRefused, Reason: connector.ReasonInternal,
			Detail: "This service could not write the message in the form that Teams reads. The operator's log says more under the message's id.",
		}
	}
	target := p.Target.URL.Reveal()
	req, err := outbound.NewRequest(http.MethodPost, target, envelope)
	if err != nil {
		return c.failed(ctx, p.Message, &outbound.Failure{Kind: outbound.KindBlocked, Err: err})
	}
	req.Header.Set("Content-Type", teams.ContentType)
	req.Header.Set("User-Agent", c.userAgent)
	req.Header.Set(teams.TrackingHeader, string(p.Message))
	resp, failure := c.out.Do(ctx, req)
	if failure != nil {
		return c.failed(ctx, p.Message, failure)
	}
	return teams.Classify(teams.KindOf(target), teams.Answer{Status: resp.Status, Header: resp.Header, Body: resp.Body, Now: time.Now()})
}

// failed turns a call without an answer into an outcome. Which address was
// refused is the operator's business: to a sender it would tell about the network here.
func (c *Client) failed(ctx context.Context, id connector.MessageID, f *outbound.Failure) connector.Outcome {
	o := teams.ClassifyError(teams.NetError{Kind: kindOf(f.Kind), Wrote: f.Wrote})
	switch f.Kind {
	case outbound.KindBlocked, outbound.KindUntrusted:
		c.log.WarnContext(ctx, "webhook's target blocked", "message_id", id, "cause", f.Err)
	case outbound.KindShutdown:
	default:
		o.Detail += " Cause: " + f.Err.Error() + "."
	}
	return o
}

func kindOf(k outbound.Kind) teams.NetErrorKind {
	switch k {
	case outbound.KindDNS:
		return teams.NetDNS
	case outbound.KindConnect:
		return teams.NetConnect
	case outbound.KindTLS:
		return teams.NetTLS
	case outbound.KindBlocked:
		return teams.NetBlocked
	case outbound.KindUntrusted:
		return teams.NetUntrusted
	case outbound.KindTimeout:
		return teams.NetTimeout
	case outbound.KindShutdown:
		return teams.NetShutdown
	case outbound.KindBroken:
	}
	return teams.NetBroken
}
