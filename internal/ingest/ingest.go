package ingest

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/teamsconnector/teamsconnector/internal/connector"
	"github.com/teamsconnector/teamsconnector/internal/keyring"
	"github.com/teamsconnector/teamsconnector/internal/store"
	"github.com/teamsconnector/teamsconnector/internal/teams"
)

// Engine carries messages out: dispatch in a server, a stub in tests.
type Engine interface {
	// Wake says that n messages were committed on a lane.
	Wake(lane connector.LaneID, n int)
	// Forecast says what is expected of the message that joined a lane last.
	Forecast(lane connector.LaneID) connector.Forecast
}

// DefaultMaxWaiting is how many callers wait at most when Options does not say.
const DefaultMaxWaiting = 10_000

// Options furnishes an Ingester; the zero value works.
type Options struct {
	// Logger gets the few events that an operator acts on; nil: none.
	Logger *slog.Logger
	// Registerer gets the metrics; nil: none.
	Registerer prometheus.Registerer
	// MaxWaiting is how many callers may wait at once; all others are answered as soon as
	// their message is on disk. Zero: DefaultMaxWaiting.
	MaxWaiting int
	// MaxBacklog is how many messages may wait for one webhook. Zero: DefaultMaxBacklog.
	MaxBacklog int
}

// Ingester takes messages in.
type Ingester struct {
	store   *store.Store
	ring    *keyring.Ring
	engine  Engine
	log     *slog.Logger
	waiting *waiting
	backlog *backlog
	metrics *metrics
}

// New makes an Ingester that stores into st, seals with ring and wakes engine.
func New(st *store.Store, ring *keyring.Ring, engine Engine, o Options) *Ingester {
	if o.MaxWaiting <= 0 {
		o.MaxWaiting = DefaultMaxWaiting
	}
	if o.MaxBacklog <= 0 {
		o.MaxBacklog = DefaultMaxBacklog
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	w := newWaiting(o.MaxWaiting)
	return &Ingester{
		store:   st,
		ring:    ring,
		engine:  engine,
		log:     o.Logger,
		waiting: w,
		backlog: newBacklog(engine, o.MaxBacklog),
		metrics: newMetrics(o.Registerer, w),
	}
}

// Wait says how long a caller wants to wait for the end of its message.
type Wait struct {
	// Async: answer as soon as the message is on disk.
	Async bool
	// For is the longest wait, counted from the call; zero: none.
	For time.Duration
}

// Accept makes a message durable and answers with how far it has come within
// the wait. The error is a *connector.Error where the caller can mend it;
// otherwise the message is on disk.
func (in *Ingester) Accept(ctx context.Context, lic connector.License, m connector.Message, w Wait) (Answer, error) {
	answer, err := in.accept(ctx, lic, m, w)
	in.metrics.count(answer, err)
	return answer, err
}

// Send takes a message of people, and waits for its end so long at most.
func (in *Ingester) Send(ctx context.Context, of connector.License, m connector.Message, wait time.Duration) (connector.MessageID, error) {
	answer, err := in.Accept(ctx, of, m, Wait{Async: wait == 0, For: wait})
	return answer.Message, err
}

func (in *Ingester) accept(ctx context.Context, lic connector.License, m connector.Message, w Wait) (Answer, error) {
	warnings, problem := checkAll(m)
	if problem != nil {
		return Answer{}, problem
	}
	began := in.store.Now()
	m.Trace = connector.TraceOf(ctx)
	req, err := in.request(lic, m, began)
	if err != nil {
		return Answer{}, err
	}
	req.Backlog = in.backlog.look(req, began)
	var c *caller
	if !w.Async && w.For > 0 {
		c = in.waiting.enter(req.Message.ID, began.Add(w.For))
		defer in.waiting.leave(c)
	}

	got, err := in.store.Accept(ctx, req)
	in.metrics.took(in.store.Now().Sub(began))
	if err != nil {
		if got.Lane != 0 {
			in.engine.Wake(got.Lane, 0) // after a commit of unknown end it may be in the queue all the same
		}
		return Answer{}, fmt.Errorf("accept message: %w", err)
	}
	row := got.Message
	in.backlog.learn(req, row)
	if got.Repeat {
		row = in.first(ctx, lic, c, got)
	} else if !got.Told {
		in.engine.Wake(got.Lane, 1)
		if m.Test || m.ExpiresIn > 0 && m.ExpiresIn < time.Minute {
			in.engine.Wake(got.Lane, 0) // it goes even where the lane is stopped, or does not wait for others
		}
	}
	answer := in.await(ctx, c, row)
	answer.Warnings = warnings
	return answer, nil
}

// request gives the message its public id, content MAC and seal.
func (in *Ingester) request(lic connector.License, m connector.Message, now time.Time) (store.AcceptRequest, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return store.AcceptRequest{}, fmt.Errorf("make a message id: %w", err)
	}
	m.ID = connector.MessageID(connector.PublicID(connector.MessagePrefix, id))
	body := m.Content.Body
	m.Content.Body = nil
	weight, parts := 0, 1
	if m.Content.Kind == connector.KindText {
		weight, parts = teams.Measure(body)
	}
	return store.AcceptRequest{
		License: lic,
		Message: m,
		Sealed:  in.ring.Seal(store.BodyPlace(lic.Subscription, m.ID), now, body),
		Size:    len(body),
		Weight:  weight,
		Parts:   parts,
		MAC:     keyring.ContentMAC(in.store.MACKey(), []byte(m.Webhook), []byte{byte(m.Content.Kind)}, body),
	}, nil
}

// first turns the caller of a repeat to the first message of its key. It is
// read once more after that: its end may have been settled just before.
func (in *Ingester) first(ctx context.Context, lic connector.License, c *caller, got store.Accepted) store.MessageRow {
	if c == nil || got.Message.State.Final() {
		return got.Message
	}
	in.waiting.follow(c, got.Message.ID)
	row, err := in.store.Message(ctx, lic.SubscriptionRow, got.Message.ID)
	if err != nil {
		// The message is on disk, whatever this look says: what Accept saw is still true enough to answer with.
		in.log.DebugContext(ctx, "repeat not read again", "message_id", got.Message.ID, "error", err)
		return got.Message
	}
	return row
}

// secondLook is when the engine is asked again: at the first time it may not
// have loaded the lane yet, and then expects the message to go at once.
const secondLook = 100 * time.Millisecond

// await waits for the message's end while it can be expected within the
// caller's wait. Without a caller it answers at once.
func (in *Ingester) await(ctx context.Context, c *caller, row store.MessageRow) Answer {
	if row.State.Final() {
		return ended(row.ID, row.State, row.Detail)
	}
	if c == nil {
		return in.underway(row, in.forecast(row))
	}
	in.waiting.watch(c, row.Lane)
	f := in.forecast(row)
	left := c.deadline.Sub(in.store.Now())
	timer := time.NewTimer(min(left, secondLook))
	defer timer.Stop()
	left -= secondLook
	for waits := true; waits && !f.Held && !f.At.After(c.deadline); {
		select {
		case <-c.signal:
			if end := in.waiting.endOf(c); end != nil {
				return ended(row.ID, end.State, end.Detail)
			}
			f = in.forecast(row)
		case <-timer.C:
			waits = left > 0
			timer.Reset(max(left, 0))
			left = 0
			if later := in.forecast(row); later.Held || in.waiting.isLast(c) {
				f = later
			}
		case <-in.waiting.drained:
			waits = false
		case <-ctx.Done():
			waits = false
		}
	}
	if end := in.waiting.endOf(c); end != nil {
		return ended(row.ID, end.State, end.Detail)
	}
	if !f.Held && f.At.Before(in.store.Now()) {
		f = in.forecast(row) // the first expectation was missed; this one speaks of all that joined since
	}
	row.Unclear = row.Unclear || in.waiting.unclear(c)
	return in.underway(row, f)
}

// forecast asks the engine; a lane that the engine has not loaded yet is known
// from the row.
func (in *Ingester) forecast(row store.MessageRow) connector.Forecast {
	f := in.engine.Forecast(row.Lane)
	if !f.Held && row.LaneState.Held() {
		f.Held, f.Cause = true, row.LaneCause
	}
	return f
}

func (in *Ingester) underway(row store.MessageRow, f connector.Forecast) Answer {
	return underway(row.ID, row.Unclear, f, in.store.Now())
}

// Message answers how far a message of the license's subscription has come. Where it is known better than
// by its queue's end, expected is when it goes; zero: it is not.
func (in *Ingester) Message(ctx context.Context, lic connector.License, id connector.MessageID, expected time.Time) (Answer, error) {
	if !connector.ValidID(connector.MessagePrefix, string(id)) {
		return Answer{}, connector.Errorf(connector.MessageNotFound,
			"There is no such message in this subscription. A message id begins with %s and comes in the answer to the call that sent it.", connector.MessagePrefix)
	}
	row, err := in.store.Message(ctx, lic.SubscriptionRow, id)
	if err != nil {
		return Answer{}, fmt.Errorf("read message: %w", err)
	}
	if row.State.Final() {
		return ended(row.ID, row.State, row.Detail), nil
	}
	f := in.forecast(row)
	if !expected.IsZero() {
		f.At = expected
	}
	return in.underway(row, f), nil
}

// Settled tells the waiting callers what was committed, and the operator what
// went wrong. It does not block and does not call the engine.
func (in *Ingester) Settled(all []connector.Settlement) {
	in.waiting.settled(all)
	for i := range all {
		if s := &all[i]; s.Stop && s.Attempt != nil {
			in.log.Warn("webhook stopped", "webhook_id", s.Lane.Webhook, "reason", s.Attempt.Outcome.Reason, "http_status", s.Attempt.Outcome.HTTPStatus)
		}
		in.tell(all[i].Ends)
	}
}

// Swept tells the same of messages that ended without an attempt.
func (in *Ingester) Swept(ends []connector.End) {
	in.waiting.swept(ends)
	in.tell(ends)
}

// tell counts ends, and logs those that an operator may have to answer for.
func (in *Ingester) tell(ends []connector.End) {
	for _, end := range ends {
		in.metrics.ends.WithLabelValues(end.State.String()).Inc()
		if end.State != connector.StateSent && end.State != connector.StatePosted {
			in.log.Warn("message not delivered", "message_id", end.Message, "state", end.State.String(), "reason", end.Reason)
		}
	}
}

// Drain answers all waiting callers at once, and from now on nobody waits.
// Messages are still accepted.
func (in *Ingester) Drain() { in.waiting.drain() }

// Draining reports whether Drain was called.
func (in *Ingester) Draining() bool {
	select {
	case <-in.waiting.drained:
		return true
	default:
		return false
	}
}
