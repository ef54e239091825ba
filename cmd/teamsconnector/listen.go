package main

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"net/netip"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/teamsconnector/teamsconnector/internal/api"
)

// door is one listener and the server behind it.
type door struct {
	listener        net.Listener
	server          *http.Server
	tlsCert, tlsKey string // files; empty: plain HTTP
}

func listen(ctx context.Context, addr string) (*door, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	return &door{listener: listener}, nil
}

// address is where the door is: the port in it is the real one.
func (d *door) address() string { return d.listener.Addr().String() }

// url is the door's origin, as a program on this machine reaches it.
func (d *door) url() string {
	addr := d.address()
	if host, port, err := net.SplitHostPort(addr); err == nil {
		if ip, err := netip.ParseAddr(host); err == nil && ip.IsUnspecified() {
			addr = net.JoinHostPort("127.0.0.1", port)
		}
	}
	if d.tlsCert != "" {
		return "https://" + addr
	}
	return "http://" + addr
}

func (d *door) serve(handler http.Handler, log *slog.Logger) {
	d.server = api.Server(d.address(), handler, log)
}

func (d *door) run(context.Context) error {
	if d.tlsCert != "" {
		return d.server.ServeTLS(d.listener, d.tlsCert, d.tlsKey)
	}
	return d.server.Serve(d.listener)
}

// stop takes no more requests and lets those under way end, within httpGrace.
func (d *door) stop(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, httpGrace)
	defer cancel()
	if err := d.server.Shutdown(ctx); err != nil {
		_ = d.server.Close() // what did not end in its time is cut off
	}
}

func (d *door) close() { _ = d.listener.Close() } // nobody was served yet

func frontMux(rooms *house) *http.ServeMux {
	mux := http.NewServeMux()
	rooms.api.Mount(mux)
	rooms.console.Mount(mux)
	return mux
}

func backMux(face *api.API, registry *prometheus.Registry) *http.ServeMux {
	mux := http.NewServeMux()
	face.MountHealth(mux)
	mux.Handle("/metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{Registry: registry}))
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	return mux
}

func newRegistry() *prometheus.Registry {
	registry := prometheus.NewRegistry()
	b := readBuild()
	info := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "teamsconnector_build_info", Help: "Which version runs; always 1.",
		ConstLabels: prometheus.Labels{"version": b.Version, "revision": b.Revision, "go": b.Go},
	})
	info.Set(1)
	registry.MustRegister(info, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return registry
}
