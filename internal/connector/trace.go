package connector

import "context"

// Trace is where something belongs in a trace, as the header traceparent of W3C
// Trace Context says it; empty: nowhere.
type Trace string

type traceKey struct{}

// WithTrace returns a context in which things belong there.
func WithTrace(ctx context.Context, t Trace) context.Context {
	return context.WithValue(ctx, traceKey{}, t)
}

// TraceOf returns where things belong that are done in a context.
func TraceOf(ctx context.Context) Trace {
	t, _ := ctx.Value(traceKey{}).(Trace)
	return t
}
