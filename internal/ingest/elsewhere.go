package ingest

import (
	"context"

	"github.com/teamsconnector/teamsconnector/internal/connector"
)

// Look tells callers how far their messages have come where this node may not
// hear of the end itself; says reports of which lanes it does.
func (in *Ingester) Look(ctx context.Context, says func(connector.LaneID) bool) {
	ids, lanes := in.waiting.elsewhere(says)
	if len(ids) == 0 {
		return
	}
	ends, unclear, err := in.store.Ends(ctx, ids)
	if err != nil {
		in.log.DebugContext(ctx, "ends on other nodes not read", "messages", len(ids), "error", err)
		return
	}
	in.waiting.swept(ends)
	in.waiting.maybe(unclear)
	for _, lane := range lanes {
		in.waiting.expect(lane, in.engine.Forecast(lane))
	}
}

// elsewhere lists the messages and lanes that callers wait for and that says leaves out.
func (w *waiting) elsewhere(says func(connector.LaneID) bool) (ids []connector.MessageID, lanes []connector.LaneID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for lane, q := range w.lanes {
		if says(lane) {
			continue
		}
		lanes = append(lanes, lane)
		for c := range q.callers {
			if c.end == nil {
				ids = append(ids, c.message)
			}
		}
	}
	return ids, lanes
}

func (w *waiting) maybe(unclear []connector.MessageID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, id := range unclear {
		for _, c := range w.messages[id] {
			c.unclear = true
		}
	}
}

// expect nudges the callers of a lane who wait in vain.
func (w *waiting) expect(lane connector.LaneID, f connector.Forecast) {
	w.mu.Lock()
	defer w.mu.Unlock()
	q := w.lanes[lane]
	if q == nil {
		return
	}
	for c := range q.callers {
		if f.Held || c.place == q.joined && f.At.After(c.deadline) {
			c.nudge()
		}
	}
}
