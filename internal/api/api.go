package api

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/danielgtaylor/huma/v2"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/teamsconnector/teamsconnector/internal/admin"
	"github.com/teamsconnector/teamsconnector/internal/auth"
	"github.com/teamsconnector/teamsconnector/internal/connector"
	"github.com/teamsconnector/teamsconnector/internal/ingest"
	"github.com/teamsconnector/teamsconnector/internal/look"
	"github.com/teamsconnector/teamsconnector/internal/mendix"
	"github.com/teamsconnector/teamsconnector/internal/snippet"
)

// Options furnishes an API; the zero value works.
type Options struct {
	// Logger gets one line per request (debug) and what went wrong on our side; nil: none.
	Logger *slog.Logger
	// Ready says whether this node can take messages; nil: it can unless it is draining.
	Ready func(ctx context.Context) error
	// AllowedHosts are the hosts that requests may name, with or without a port; empty: any.
	AllowedHosts []string
	// TrustedProxies are believed what X-Forwarded-For says of where a request came from; nil: nobody is.
	TrustedProxies []netip.Prefix
	// Registerer gets the metrics; nil: none.
	Registerer prometheus.Registerer
	// Assets are the static files that pages link; nil: pages have no styles.
	Assets *look.Assets
	// PublicURL is where the installation is reached; empty: as each request says.
	PublicURL string
}

// API answers apps.
type API struct {
	ingest  *ingest.Ingester
	auth    *auth.Auth
	desk    *admin.Admin
	log     *slog.Logger
	ready   func(ctx context.Context) error
	unready atomic.Bool // as last seen, so that only changes are logged
	hosts   map[string]bool
	proxies []netip.Prefix
	refused *prometheus.CounterVec // by error code
	// publicURL may be empty.
	publicURL string
	assets    *look.Assets           // may be nil
	doc       huma.API               // reads and writes bodies by their types, and describes them
	document  func() ([]byte, error) // made once: all its routes stand
	drawn     drawn
	mux       *adapter
	table     []route // all that it answers
}

// New makes an API that asks in for messages, who for licenses and desk for webhooks.
func New(in *ingest.Ingester, who *auth.Auth, desk *admin.Admin, o Options) *API {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	a := &API{
		ingest:  in,
		auth:    who,
		desk:    desk,
		log:     slog.New(WithRequestIDs(o.Logger.Handler())),
		ready:   o.Ready,
		proxies: o.TrustedProxies,
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "teamsconnector_requests_refused_total",
			Help: "Requests that were answered with an error, by its code.",
		}, []string{"code"}),
		hosts: make(map[string]bool),

		publicURL: o.PublicURL,
		assets:    o.Assets,
	}
	if o.Registerer != nil {
		o.Registerer.MustRegister(a.refused)
	}
	a.doc, a.mux = newDocument()
	a.table = a.routes()
	a.document = sync.OnceValues(func() ([]byte, error) { return json.Marshal(a.doc.OpenAPI()) })
	for i := range a.table {
		if rt := &a.table[i]; rt.typed != nil {
			rt.handle = rt.typed(a, rt)
		}
	}
	for _, h := range o.AllowedHosts {
		a.hosts[strings.ToLower(h)] = true
	}
	return a
}

// handler answers a request, or returns why it can't.
type handler func(w http.ResponseWriter, r *http.Request) error

// route is one thing that the API answers: what the mux, the document and the
// page of documentation are made of.
type route struct {
	method, path string
	// id, summary and details stand in the document.
	id, summary, details string
	// right is what the caller needs, in words of connector.Right; empty: none. The desk decides.
	right connector.Right
	// apps: binding keys by HTTP Basic are taken as well as a token.
	apps bool
	// keysOnly: only binding keys are taken. open: anybody may ask.
	keysOnly, open bool
	// typed makes handle and describes it by its Go types: typed(...), or
	// described[I, O](...) for one that reads and writes by itself.
	typed  func(a *API, rt *route) handler
	handle handler
	// What the types do not say of the answers: the media type if it is no JSON of
	// ours, what success means, that it may also be 202, and the refusals to expect.
	kind, answered string
	later          bool
	refusals       []refusal
	// status is that of a call that did what it should; zero: by the method.
	status int
	// anyHost: probes name a node by its address, so the list of hosts does not hold.
	anyHost bool
}

// routes is all that the API answers. A noun has its rows, types and handlers in
// a file of its own; plans.go is the pattern.
func (a *API) routes() []route {
	return slices.Concat(
		a.sendRoutes(),
		a.webhookRoutes(), a.messageRoutes(),
		a.planRoutes(), a.organizationRoutes(), a.memberRoutes(), a.directoryRoutes(), a.subscriptionRoutes(), a.orderRoutes(), a.keysRoutes(), a.tokenRoutes(), a.usageRoutes(), a.exportRoutes(), a.nodeRoutes(), a.settingsRoutes(), a.noticeRoutes(),
		a.serviceRoutes(),
	)
}

// refusal is an error that callers of a route should expect.
type refusal struct {
	status int
	why    string
}

// serviceRoutes are read without credentials: documents, files, probes.
func (a *API) serviceRoutes() []route {
	const document = "application/json"
	rows := []route{
		{path: "/api/docs", id: "readDocs", summary: "The documentation for people", kind: "text/html; charset=utf-8", handle: a.docs},
		{path: "/api/openapi.json", id: "readDocument", summary: "The description of this API (OpenAPI 3.1)", kind: document, handle: a.openAPI},
		{path: "/api/mendix/swagger.json", id: "readMendixSwagger", summary: "Sending, described for Mendix Studio Pro (Swagger 2.0)", kind: document, handle: a.mendixDocument(mendix.Operation.Swagger)},
		{path: "/api/mendix/openapi.json", id: "readMendixOpenAPI", summary: "Sending, described for Mendix Studio Pro (OpenAPI 3.0)", kind: document, handle: a.mendixDocument(mendix.Operation.OpenAPI)},
		{path: "/api/mendix/" + mendix.FileName, id: "readMendixModule", summary: "The module for Mendix Studio Pro", kind: "application/octet-stream", handle: a.mendixModule},
		{path: "/clients/" + snippet.PythonFile, id: "readPythonClient", summary: "The client for Python in one file", kind: "text/x-python; charset=utf-8", handle: a.pythonClient},
	}
	for i := range rows {
		rows[i].method, rows[i].open, rows[i].typed = http.MethodGet, true, described[nothing, file](rows[i].handle)
	}
	return append(rows, a.healthRoutes()...)
}

func (a *API) healthRoutes() []route {
	probe := func(path, id, summary string, h handler) route {
		return route{
			method: http.MethodGet, path: path, id: id, summary: summary, kind: "text/plain; charset=utf-8",
			open: true, anyHost: true, typed: described[nothing, file](h), handle: h,
		}
	}
	return []route{
		probe("/healthz", "readHealth", "Whether the process is alive", a.healthz),
		probe("/readyz", "readReadiness", "Whether this node takes messages", a.readyz),
	}
}

// Mount adds all routes to a mux, and an answer for everything else under /api/.
func (a *API) Mount(mux *http.ServeMux) {
	a.mount(mux, a.table)
	mux.Handle("/api/", a.serve(route{path: "/api/", handle: notFound}))
}

// MountHealth adds /healthz and /readyz alone, for a second listener.
func (a *API) MountHealth(mux *http.ServeMux) { a.mount(mux, a.healthRoutes()) }

func (a *API) mount(mux *http.ServeMux, routes []route) {
	allowed := make(map[string][]string)
	for _, rt := range routes {
		mux.Handle(rt.method+" "+rt.path, a.serve(rt))
		allowed[rt.path] = append(allowed[rt.path], rt.method)
		if rt.method == http.MethodGet {
			allowed[rt.path] = append(allowed[rt.path], http.MethodHead)
		}
	}
	for path, methods := range allowed {
		mux.Handle(path, a.serve(route{path: path, handle: methodNotAllowed(methods)}))
	}
}
