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

// events tells an open page that something of an instance changed; the page then fetches itself again.
func (c *Console) events(v *visit) error {
	id := connector.SubscriptionID(v.r.URL.Query().Get("instance"))
	return v.stream(func() (string, error) { return c.desk.Pulse(v.r.Context(), v.session.Actor, id) })
}

// stream tells an open page each time that a pulse differs from the one before.
func (v *visit) stream(pulse func() (string, error)) error {
	seen, err := pulse()
	if err != nil {
		return err
	}
	select {
	case v.live <- struct{}{}:
		defer func() { <-v.live }()
	default:
		v.w.WriteHeader(http.StatusNoContent) // a browser does not ask again then
		return nil
	}
	stream := http.NewResponseController(v.w)
	v.w.Header().Set("Content-Type", "text/event-stream")
	tick := time.NewTicker(livePoll)
	defer tick.Stop()
	for end := time.Now().Add(liveLife); time.Now().Before(end); {
		now, err := pulse()
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
		case <-v.r.Context().Done():
			return nil
		case <-tick.C:
		}
	}
	return nil
}
