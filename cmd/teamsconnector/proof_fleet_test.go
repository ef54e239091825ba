package main_test

import (
	"context"
	"database/sql"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/teamsconnector/teamsconnector/internal/simulator"
)

// attempt is one request as the simulated Teams, a third process, saw it.
type attempt struct {
	lane       string // path of its URL
	pid        int    // of the node that made it; zero: it was gone before it was asked
	start, end time.Time
}

// watcher stands before the simulated Teams and writes down who sent what when.
type watcher struct {
	teams http.Handler

	mu    sync.Mutex
	all   []attempt
	count map[string]int64 // by lane
	nodes func() []int     // that live
}

func (w *watcher) ServeHTTP(out http.ResponseWriter, r *http.Request) {
	by, _ := r.Context().Value(farEnd{}).(*atomic.Int64)
	if by.Load() == 0 {
		by.Store(int64(ownerOf(r.RemoteAddr, w.nodes())))
	}
	pid := int(by.Load())
	w.mu.Lock()
	start := time.Now()
	n := len(w.all)
	w.all = append(w.all, attempt{lane: r.URL.Path, pid: pid, start: start})
	w.count[r.URL.Path]++
	w.mu.Unlock()
	w.teams.ServeHTTP(out, r)
	w.mu.Lock()
	w.all[n].end = time.Now()
	w.mu.Unlock()
}

// farEnd is the key under which a connection's context has its far end's process.
type farEnd struct{}

// serve serves the simulated Teams behind the watcher.
func (w *watcher) serve() *httptest.Server {
	s := httptest.NewUnstartedServer(w)
	s.Config.ConnContext = func(ctx context.Context, _ net.Conn) context.Context {
		return context.WithValue(ctx, farEnd{}, new(atomic.Int64))
	}
	s.Start()
	return s
}

// since are the attempts that began after a moment, in their order.
func (w *watcher) since(at time.Time) []attempt {
	w.mu.Lock()
	defer w.mu.Unlock()
	i, _ := slices.BinarySearchFunc(w.all, at, func(a attempt, at time.Time) int { return a.start.Compare(at) })
	return slices.Clone(w.all[i:])
}

// lastBefore is the process that sent to a lane last before a moment.
func (w *watcher) lastBefore(lane string, at time.Time) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, a := range slices.Backward(w.all) {
		if a.lane == lane && a.start.Before(at) {
			return a.pid
		}
	}
	return 0
}

// ownerOf finds which process holds the far end of a connection on this machine.
func ownerOf(address string, pids []int) int {
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return 0
	}
	var number int
	_, _ = fmt.Sscan(port, &number)
	table, err := os.ReadFile("/proc/net/tcp")
	if err != nil {
		return 0
	}
	here := fmt.Sprintf(":%04X", number)
	for line := range strings.Lines(string(table)) {
		f := strings.Fields(line)
		if len(f) < 10 || !strings.HasSuffix(f[1], here) {
			continue
		}
		for _, pid := range pids {
			files, _ := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
			for _, file := range files {
				if to, _ := os.Readlink(file); to == "socket:["+f[9]+"]" {
					return pid
				}
			}
		}
	}
	return 0
}

// cable is the way from a node to the database, which can be cut.
type cable struct {
	to, address string

	mu    sync.Mutex
	whole chan struct{} // closed while it is
	ends  []net.Conn
}

func layCable(t *testing.T, to string) *cable {
	t.Helper()
	var lc net.ListenConfig
	l, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &cable{to: to, address: l.Addr().String(), whole: make(chan struct{})}
	close(c.whole)
	t.Cleanup(func() { _ = l.Close(); c.cut(); c.mend() })
	go func() {
		for {
			near, err := l.Accept()
			if err != nil {
				return
			}
			go c.carry(t.Context(), near)
		}
	}()
	return c
}

func (c *cable) carry(ctx context.Context, near net.Conn) {
	var d net.Dialer
	c.passes()
	far, err := d.DialContext(ctx, "unix", c.to)
	if err != nil {
		_ = near.Close()
		return
	}
	c.mu.Lock()
	c.ends = append(c.ends, near, far)
	c.mu.Unlock()
	for _, way := range [][2]net.Conn{{near, far}, {far, near}} {
		go func() {
			_, _ = io.Copy(tapped{way[1], c}, way[0])
			c.passes()
			_ = near.Close()
			_ = far.Close()
		}()
	}
}

func (c *cable) passes() {
	c.mu.Lock()
	whole := c.whole
	c.mu.Unlock()
	<-whole
}

// tapped writes when the cable is whole.
type tapped struct {
	io.Writer
	c *cable
}

func (w tapped) Write(p []byte) (int, error) {
	w.c.passes()
	return w.Writer.Write(p)
}

// cut lets nothing through, and neither side hears of it.
func (c *cable) cut() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.whole = make(chan struct{})
}

// mend breaks what was connected before, and lets new connections through.
func (c *cable) mend() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, end := range c.ends {
		_ = end.Close()
	}
	c.ends = nil
	close(c.whole)
}

// balance is a load balancer: it asks nodes whether they are ready, and sends calls to those that are.
func balance(t *testing.T, nodes ...*installation) string {
	t.Helper()
	up := make([]atomic.Bool, len(nodes))
	probe := &http.Client{Timeout: 300 * time.Millisecond}
	for i, n := range nodes {
		address := n.admin + "/readyz"
		go func() {
			for t.Context().Err() == nil {
				req, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
				res, err := probe.Do(req)
				up[i].Store(err == nil && res.StatusCode == http.StatusOK)
				if err == nil {
					_ = res.Body.Close()
				}
				<-time.After(50 * time.Millisecond)
			}
		}()
	}
	var turn atomic.Int64
	transport := &http.Transport{ResponseHeaderTimeout: 2 * time.Second, MaxIdleConnsPerHost: 64}
	proxy := &httputil.ReverseProxy{Transport: transport, Rewrite: func(r *httputil.ProxyRequest) {
		i := int(turn.Add(1)) % len(nodes)
		if !up[i].Load() {
			i = (i + 1) % len(nodes)
		}
		to, _ := url.Parse(nodes[i].url) // it was made by a test
		r.SetURL(to)
	}, ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) }}
	s := httptest.NewServer(proxy)
	t.Cleanup(func() { s.Close(); transport.CloseIdleConnections() })
	return s.URL
}

// tenure is what the database knew of a shard from a moment on.
type tenure struct {
	at, until time.Time
	pid       int
}

// The database writes down who held which shard from when on.
const keepLeases = `
CREATE TABLE lease_log (n BIGSERIAL, at BIGINT NOT NULL, shard BIGINT NOT NULL, owner TEXT NOT NULL, until BIGINT NOT NULL);
CREATE TABLE node_log (id TEXT PRIMARY KEY, name TEXT NOT NULL);
CREATE FUNCTION keep_lease() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO lease_log (at, shard, owner, until) VALUES (EXTRACT(EPOCH FROM clock_timestamp()) * 1000000, NEW.id, NEW.owner, NEW.lease_until);
    RETURN NULL;
END $$;
CREATE FUNCTION keep_node() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO node_log VALUES (NEW.id, NEW.name) ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
CREATE TRIGGER keep AFTER UPDATE ON shard FOR EACH ROW WHEN (NEW.id < 32) EXECUTE FUNCTION keep_lease();
CREATE TRIGGER keep AFTER INSERT ON node FOR EACH ROW EXECUTE FUNCTION keep_node();`

// tenures reads what it wrote down, by shard.
func (in *installation) tenures() map[int][]tenure {
	in.t.Helper()
	all := make(map[int][]tenure)
	in.query(`SELECT l.at, l.until, l.shard, COALESCE(CAST(SPLIT_PART(n.name, ' ', 2) AS INTEGER), 0)
		FROM lease_log l LEFT JOIN node_log n ON n.id = l.owner ORDER BY l.shard, l.n`, func(rows *sql.Rows) error {
		var at, until int64
		var shard, pid int
		err := rows.Scan(&at, &until, &shard, &pid)
		all[shard] = append(all[shard], tenure{time.UnixMicro(at), time.UnixMicro(until), pid})
		return err
	})
	return all
}

// query reads rows beside the service.
func (in *installation) query(text string, row func(*sql.Rows) error) {
	in.t.Helper()
	db, err := sql.Open(in.rowsOf[0], in.rowsOf[1])
	if err != nil {
		in.t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	rows, err := db.QueryContext(in.t.Context(), text)
	if err != nil {
		in.t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		if err := row(rows); err != nil {
			in.t.Fatal(err)
		}
	}
	if err := rows.Err(); err != nil {
		in.t.Fatal(err)
	}
}

// fast is a Teams without limits, in which order can be seen.
func fast() simulator.Options {
	return simulator.Options{KeepAll: true, Limits: simulator.Limits{DoorPerSecond: -1, RunPosts: -1}, Sequence: simulator.ByNumber}
}
