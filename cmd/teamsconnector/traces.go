package main

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/teamsconnector/teamsconnector/internal/connector"
	"github.com/teamsconnector/teamsconnector/internal/dispatch"
)

// traceparent is the header of W3C Trace Context.
const traceparent = "traceparent"

// tracesGrace is how long the last spans may take when the service ends.
const tracesGrace = 5 * time.Second

// traces sends a span for each request and for each attempt, which belong
// together. A nil traces sends none.
type traces struct {
	provider *sdktrace.TracerProvider
	tracer   trace.Tracer
	w3c      propagation.TraceContext
}

// traces makes what OTEL_* asks for, as OpenTelemetry's own SDK reads it: OTLP over HTTP.
func (p process) traces(ctx context.Context, log *slog.Logger) (*traces, error) {
	of := func(name string) string {
		v, _ := p.lookup(name)
		return v
	}
	to := cmp.Or(of("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"), of("OTEL_EXPORTER_OTLP_ENDPOINT"))
	if to == "" || of("OTEL_SDK_DISABLED") == "true" || of("OTEL_TRACES_EXPORTER") == "none" {
		return nil, nil //nolint:nilnil // none are asked for
	}
	exporter, err := otlptracehttp.New(ctx)
	if err != nil {
		return nil, fmt.Errorf("send traces: %w", err)
	}
	about, err := resource.New(ctx,
		resource.WithTelemetrySDK(), resource.WithHost(),
		resource.WithAttributes(attribute.String("service.name", "teamsconnector"), attribute.String("service.version", readBuild().Version)),
		resource.WithFromEnv())
	if err != nil {
		return nil, fmt.Errorf("send traces: %w", err)
	}
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { log.WarnContext(ctx, "traces not sent", "error", err) }))
	provider := sdktrace.NewTracerProvider(sdktrace.WithBatcher(exporter), sdktrace.WithResource(about))
	return &traces{provider: provider, tracer: provider.Tracer("github.com/teamsconnector/teamsconnector")}, nil
}

// end sends what is left.
func (t *traces) end(ctx context.Context) {
	if t == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), tracesGrace)
	defer cancel()
	_ = t.provider.Shutdown(ctx) // the handler of errors has logged it
}

// handler has a span for each request, below the caller's.
func (t *traces) handler(next http.Handler) http.Handler {
	if t == nil {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx := t.w3c.Extract(r.Context(), propagation.HeaderCarrier(r.Header))
		ctx, span := t.tracer.Start(ctx, r.Method, trace.WithSpanKind(trace.SpanKindServer))
		defer span.End()
		here := propagation.MapCarrier{}
		t.w3c.Inject(ctx, here)
		r = r.WithContext(connector.WithTrace(ctx, connector.Trace(here[traceparent])))
		next.ServeHTTP(w, r)
		if r.Pattern != "" { // without what stands in the path
			span.SetName(r.Pattern)
			span.SetAttributes(attribute.String("http.route", r.Pattern))
		}
	})
}

// carrier has a span for each attempt, below the request that brought the message. Teams does not hear of it.
func (t *traces) carrier(next dispatch.Carrier) dispatch.Carrier {
	if t == nil {
		return next
	}
	return tracedCarrier{next, t}
}

type tracedCarrier struct {
	dispatch.Carrier

	traces *traces
}

// Deliver makes one attempt.
func (c tracedCarrier) Deliver(ctx context.Context, p connector.Parcel) connector.Outcome {
	ctx = c.traces.w3c.Extract(ctx, propagation.MapCarrier{traceparent: string(p.Trace)})
	ctx, span := c.traces.tracer.Start(ctx, "deliver", trace.WithSpanKind(trace.SpanKindClient),
		trace.WithAttributes(attribute.String("message_id", string(p.Message)), attribute.Int("card_texts", len(p.Card))))
	defer span.End()
	o := c.Carrier.Deliver(ctx, p)
	span.SetAttributes(attribute.String("verdict", o.Verdict.String()), attribute.String("reason", string(o.Reason)), attribute.Int("http.response.status_code", o.HTTPStatus))
	if o.Verdict != connector.VerdictSent {
		span.SetStatus(codes.Error, string(o.Reason))
	}
	return o
}
