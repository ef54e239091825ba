package console

import (
	"fmt"
	"net/http"
	"time"

	"github.com/teamsconnector/teamsconnector/internal/connector"
)

// How often a page that is open hears of changes, how long one connection lasts,
// and how many there may be: beyond that a page is as it was when it was loaded.
const (
	livePoll = time.Second
	liveLife = 10 * time.Minute
	maxLive  = 500
)

// events tells an open page that something changed; the page then fetches itself again.
func (c *Console) events(v *visit) error {
	id := connector.SubscriptionID(v.r.URL.Query().Get("instance"))
	ctx, who := v.r.Context(), v.session.Actor
	seen, err := c.desk.Pulse(ctx, who, id)
	if err != nil {
		return err
	}
	select {
	case c.live <- struct{}{}:
		defer func() { <-c.live }()
	default:
		v.w.WriteHeader(http.StatusNoContent) // a browser does not ask again then
		return nil
	}
	stream := http.NewResponseController(v.w)
	v.w.Header().Set("Content-Type", "text/event-stream")
	tick := time.NewTicker(livePoll)
	defer tick.Stop()
	for end := time.Now().Add(liveLife); time.Now().Before(end); {
		now, err := c.desk.Pulse(ctx, who, id)
		line := ": nothing new\n\n"
		if err == nil && now != seen {
			seen, line = now, "data: changed\n\n"
		}
		// Each write has its own time, or the server's would end the stream.
		_ = stream.SetWriteDeadline(time.Now().Add(10 * time.Second)) // where it can't be set, the server's holds
		if _, err := fmt.Fprint(v.w, line); err != nil {
			return nil // the reader left
		}
		if err := stream.Flush(); err != nil {
			return nil // likewise
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
	return nil
}
