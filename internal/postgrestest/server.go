// Package postgrestest runs a PostgreSQL server of their own for tests: shipped code never imports it.
package postgrestest

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// startTime is how long a server may take to start, on a busy machine.
const startTime = time.Minute

// maxSocket is the longest path of a socket.
const maxSocket = 107

// Server is a server that the first test that needs it starts. Stop ends it,
// and so does the end of the test's process, however that comes about.
type Server struct {
	settings []string
	first    sync.Once
	err      error // why it could not be made
	bin, dir string
	owner    *owner // nil: whoever runs the test
	names    atomic.Int64

	mu    sync.Mutex
	cmd   *exec.Cmd     // nil: it does not run
	ended chan struct{} // closed when cmd has
}

// owner is the user that the server runs as.
type owner struct{ uid, gid int }

// errMissing says that there is nothing to start.
var errMissing = errors.New("PostgreSQL's server binaries are neither in PATH nor in /usr/lib/postgresql/*/bin; on Debian: apt-get install postgresql")

// New returns a server with settings of its own, such as "fsync=off". Nothing is started yet.
func New(settings ...string) *Server { return &Server{settings: settings} }

// Database makes an empty database for a test and returns its URL. The test is
// skipped where there is no PostgreSQL, which scripts/test counts as a failure where CI is set.
func (s *Server) Database(t testing.TB) string {
	t.Helper()
	s.first.Do(func() {
		if s.err = s.make(); s.err == nil {
			s.err = s.Start(context.Background())
		}
	})
	if errors.Is(s.err, errMissing) {
		t.Skip(s.err)
	}
	if s.err != nil {
		t.Fatal(s.err)
	}
	name := fmt.Sprintf("test%d", s.names.Add(1))
	if err := s.Exec(t.Context(), "CREATE DATABASE "+name); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), startTime)
		defer cancel()
		_ = s.Exec(ctx, "DROP DATABASE "+name+" WITH (FORCE)") // with the server it goes anyway
	})
	return s.url(name)
}

// Exec runs a statement outside of any test's database.
func (s *Server) Exec(ctx context.Context, text string) error {
	conn, err := pgx.Connect(ctx, s.url("postgres"))
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(ctx) }() // the statement's end is known
	_, err = conn.Exec(ctx, text)
	return err
}

func (s *Server) url(name string) string {
	u := url.URL{Scheme: "postgres", User: url.User("postgres"), Path: "/" + name, RawQuery: url.Values{"host": {s.dir}}.Encode()}
	return u.String()
}

// make makes the server's folder and its first databases.
func (s *Server) make() (err error) {
	if s.bin, err = binaries(); err != nil {
		return err
	}
	if os.Geteuid() == 0 { // PostgreSQL refuses to run as root
		if s.owner, err = ordinary(); err != nil {
			return err
		}
	}
	for _, base := range []string{os.TempDir(), "/tmp"} {
		if s.dir, err = os.MkdirTemp(base, "pg"); err != nil {
			return err
		}
		if len(s.dir)+len("/.s.PGSQL.5432") < maxSocket {
			break
		}
		_ = os.Remove(s.dir) // it is empty
	}
	if s.owner != nil {
		if err := os.Chown(s.dir, s.owner.uid, s.owner.gid); err != nil {
			return err
		}
	}
	out, err := s.command("initdb", "-D", s.Data(), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync").CombinedOutput()
	if err != nil {
		return fmt.Errorf("initdb: %w: %s", err, out)
	}
	return nil
}

// Data is the folder with all of the server's files.
func (s *Server) Data() string { return filepath.Join(s.dir, "data") }

// Log is what the server has logged: with "log_min_duration_statement=0" and
// "log_min_messages=log", each statement.
func (s *Server) Log() (string, error) {
	text, err := os.ReadFile(filepath.Join(s.dir, "log"))
	return string(text), err
}

// binaries finds the folder with the server's programs, of the newest version.
func binaries() (string, error) {
	dirs, _ := filepath.Glob("/usr/lib/postgresql/*/bin") // the pattern is right
	slices.SortFunc(dirs, func(a, b string) int { return version(b) - version(a) })
	if path, err := exec.LookPath("postgres"); err == nil {
		dirs = append(dirs, filepath.Dir(path))
	}
	for _, dir := range dirs {
		if _, err := os.Stat(filepath.Join(dir, "initdb")); err == nil {
			return dir, nil
		}
	}
	return "", errMissing
}

func version(bin string) int {
	n, _ := strconv.Atoi(filepath.Base(filepath.Dir(bin))) // 0 sorts last
	return n
}

// ordinary is the user postgres, or nobody.
func ordinary() (*owner, error) {
	for _, name := range []string{"postgres", "nobody"} {
		who, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err := strconv.Atoi(who.Uid)
		gid, gidErr := strconv.Atoi(who.Gid)
		return &owner{uid, gid}, errors.Join(err, gidErr)
	}
	return nil, errors.New("PostgreSQL can't run as root, and there is neither a user postgres nor nobody")
}

func (s *Server) command(name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(context.Background(), filepath.Join(s.bin, name), args...) //nolint:gosec // the server's own programs
	cmd.Dir = "/"
	cmd.SysProcAttr = attributes(s.owner)
	return cmd
}

// Start starts the server, again after Crash, and returns when it answers.
func (s *Server) Start(ctx context.Context) error {
	args := []string{"-D", s.Data(), "-k", s.dir}
	for _, setting := range slices.Concat([]string{
		"listen_addresses=", "max_connections=200", "shared_buffers=64MB", "log_min_messages=fatal",
	}, s.settings) {
		args = append(args, "-c", setting)
	}
	log, err := os.OpenFile(filepath.Join(s.dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }()    // the server has it
	cmd := s.command("postgres", args...) //nolint:contextcheck // it outlives who starts it
	cmd.Stderr = log
	started, ended := make(chan error, 1), make(chan struct{})
	go func() {
		defer close(ended)
		runtime.LockOSThread()         // the server ends with the thread that started it
		defer runtime.UnlockOSThread() // or others would end, which this thread started before
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait() // however it ends
		}
	}()
	if err := <-started; err != nil {
		return fmt.Errorf("start PostgreSQL: %w", err)
	}
	s.mu.Lock()
	s.cmd, s.ended = cmd, ended
	s.mu.Unlock()
	return s.answers(ctx, ended)
}

// answers waits until the server takes connections.
func (s *Server) answers(ctx context.Context, ended <-chan struct{}) error {
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	look := time.NewTicker(10 * time.Millisecond)
	defer look.Stop()
	for {
		err := s.Exec(ctx, "SELECT 1")
		if err == nil {
			return nil
		}
		select {
		case <-look.C:
		case <-ended:
			text, _ := os.ReadFile(filepath.Join(s.dir, "log")) // for people
			return fmt.Errorf("PostgreSQL ended: %s", text)
		case <-ctx.Done():
			return fmt.Errorf("PostgreSQL does not answer: %w", err)
		}
	}
}

// Crash ends the server at once, as "pg_ctl stop -m immediate" does: at its next
// start it recovers from its log.
func (s *Server) Crash() {
	s.mu.Lock()
	cmd, ended := s.cmd, s.ended
	s.cmd = nil
	s.mu.Unlock()
	if cmd != nil {
		_ = cmd.Process.Signal(syscall.SIGQUIT) // it may have ended by itself
		<-ended
	}
}

// Stop ends the server, if it was started, and removes its folder.
func (s *Server) Stop() {
	s.Crash()
	if s.dir != "" {
		_ = os.RemoveAll(s.dir) // the system cleans up what is left
	}
}
