// Package post is the door to Teams: it turns a parcel into one HTTP call and
// what came of it into an outcome.
package post

import (
	"context"
	"net/http"
	"time"

	"github.com/teamsconnector/teamsconnector/internal/connector"
	"github.com/teamsconnector/teamsconnector/internal/outbound"
	"github.com/teamsconnector/teamsconnector/internal/teams"
)

// Options of a Client. The zero value works.
type Options struct {
	// UserAgent names this service to Microsoft. Default "TeamsConnector".
	UserAgent string
}

// Client posts to Teams. It may be used by many goroutines at once.
type Client struct {
	http *outbound.Client
	o    Options
}

// New makes a client on a guarded HTTP client.
func New(client *outbound.Client, o Options) *Client {
	if o.UserAgent == "" {
		o.UserAgent = "TeamsConnector"
	}
	return &Client{http: client, o: o}
}

// Deliver makes one attempt. Whatever happens comes back as an outcome.
func (c *Client) Deliver(ctx context.Context, p connector.Parcel) connector.Outcome {
	begun := time.Now()
	o := c.deliver(ctx, p)
	o.Took = time.Since(begun)
	return o
}

func (c *Client) deliver(ctx context.Context, p connector.Parcel) connector.Outcome {
	body, err := teams.Envelope(p.Content, p.Target.Payload)
	if err != nil {
		return unfit("The message can't be written in the form that Teams takes.")
	}
	req, err := outbound.NewRequest(http.MethodPost, p.Target.URL.Reveal(), body)
	if err != nil {
		return unfit("The webhook's URL can't be read. Replace it.")
	}
	req.Header.Set("Content-Type", teams.ContentType)
	req.Header.Set("User-Agent", c.o.UserAgent)
	req.Header.Set(teams.TrackingHeader, string(p.Message))
	res, failure := c.http.Do(ctx, req)
	if failure != nil {
		return teams.ClassifyError(teams.NetError{Kind: kinds[failure.Kind], Wrote: failure.Wrote})
	}
	return teams.Classify(teams.KindOf(p.Target.URL.Reveal()), teams.Answer{
		Status: res.Status, Header: res.Header, Body: res.Body, Now: time.Now(),
	})
}

// unfit is a parcel that can't be sent as it is.
func unfit(why string) connector.Outcome {
	return connector.Outcome{Verdict: connector.VerdictRefused, Reason: connector.ReasonInternal, Detail: why}
}

// kinds says the transport's failures in Teams' words.
var kinds = map[outbound.Kind]teams.NetErrorKind{
	outbound.KindDNS: teams.NetDNS, outbound.KindConnect: teams.NetConnect, outbound.KindTLS: teams.NetTLS,
	outbound.KindBlocked: teams.NetBlocked, outbound.KindTimeout: teams.NetTimeout, outbound.KindBroken: teams.NetBroken,
	outbound.KindShutdown: teams.NetShutdown,
}
