package main

import (
	"context"
	_ "embed" // for the sample card
	"fmt"
	"time"

	"github.com/teamsconnector/teamsconnector/client"
)

// The simulated Teams of the demo answers and posts within these times: as the
// real one does, without its slow tail.
const (
	demoLatency = 150 * time.Millisecond
	demoSlowest = 600 * time.Millisecond
)

// The demo goes on sending for a while, so that the page lives. All channels
// together get three a minute, so one gets at most seven in Microsoft's window of 300 s:
// at least seventeen places stay free for whoever tries the printed lines.
const (
	chatEvery = 20 * time.Second
	chatTimes = 30
)

//go:embed demo/card.json
var demoCard []byte

// sample is one message of the demo.
type sample struct {
	channel int // in the order of demo.channels
	text    string
	card    []byte
	rich    client.Message // what stands beside the text
}

// opening is what the channels show at first.
func opening() []sample {
	return []sample{
		{channel: 0, text: "New order from Fabrikam, Inc.\n12 x Task lamp, brass\n4 x Desk, oak, 160 cm\n\nDelivery: Utrecht, with assembly on site."},
		{channel: 1, text: "Release 4.12.0 is live in production: 14 changes, no errors in the first ten minutes."},
		{channel: 2, text: "Disk almost full on db-prod-02\n\n/var/lib/data is used to 91 % and grows by 2 % a day; it is full on Friday.\nNext step: archive the logs of last month."},
		{channel: 1, text: "Nightly build\n- 1,284 tests passed\n- 0 failed\n- App_Pool_01 and App_Pool_02 restarted\n\nNothing to do; names with _underscores_ stay as they are."},
		{channel: 2, text: "Resolved: db-prod-02 is back at 64 %."},
		{
			channel: 1, text: "The health check did not answer within 30 s.\nThe last version runs again; nobody has to act tonight.",
			rich: client.Message{
				Title: "Deploy of shop 4.12.1 was rolled back",
				Level: client.LevelWarning,
				Facts: []client.Fact{{Name: "Host", Value: "web-prod-02"}, {Name: "Running", Value: "4.12.0"}, {Name: "Down for", Value: "41 s"}},
				Link:  &client.Link{Text: "Open the log", URL: "https://build.example.com/4711"},
			},
		},
		{channel: 0, card: demoCard},
	}
}

// small is what follows, one at a time.
func small(n int) sample {
	texts := []sample{
		{channel: 1, text: "Build %d passed on main."},
		{channel: 0, text: "Order %d was paid."},
		{channel: 2, text: "Heartbeat %d: all systems answer."},
	}
	s := texts[n%len(texts)]
	const first = 4712 // the number after the card's
	s.text = fmt.Sprintf(s.text, first+n)
	return s
}

// chat sends the opening, then one small message at a time, until it has said
// enough or ctx ends.
func (d *demo) chat(ctx context.Context) {
	app := d.client()
	for _, s := range opening() {
		d.send(ctx, app, s)
	}
	tick := time.NewTicker(chatEvery)
	defer tick.Stop()
	for n := range chatTimes {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			d.send(ctx, app, small(n))
		}
	}
}

func (d *demo) send(ctx context.Context, app *client.Client, s sample) {
	m := s.rich
	m.WebhookID, m.Text, m.Card, m.Wait = string(d.channels[s.channel].webhook), s.text, s.card, client.NoWait
	if _, err := app.Send(ctx, m); err != nil && ctx.Err() == nil {
		d.service.log.WarnContext(ctx, "sample message not sent", "error", err)
	}
}
