package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// postgres is a server of this measurement's own, as Debian installs it but on a private socket.
type postgres struct {
	bin, dir, url string
	as            *syscall.Credential // nil: whoever runs this
	cmd           *exec.Cmd
}

func startPostgres(ctx context.Context, dir string) (*postgres, error) {
	p := &postgres{dir: dir}
	if err := p.find(); err != nil {
		return nil, err
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, err
	}
	if os.Getuid() == 0 { // PostgreSQL refuses root
		owner, err := user.Lookup("postgres")
		if err != nil {
			return nil, err
		}
		uid, _ := strconv.Atoi(owner.Uid)
		gid, _ := strconv.Atoi(owner.Gid)
		p.as = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
		if err := os.Chown(dir, uid, gid); err != nil {
			return nil, err
		}
	}
	if out, err := p.command("initdb", "-D", filepath.Join(dir, "data"), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C").CombinedOutput(); err != nil {
		return nil, fmt.Errorf("initdb: %w\n%s", err, out)
	}
	p.cmd = p.command("postgres", "-D", filepath.Join(dir, "data"), "-k", dir, "-c", "listen_addresses=", "-c", "shared_preload_libraries=pg_stat_statements")
	p.cmd.SysProcAttr.Pdeathsig = syscall.SIGQUIT
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	p.url = (&url.URL{Scheme: "postgres", User: url.User("postgres"), Path: "/postgres", RawQuery: url.Values{"host": {dir}}.Encode()}).String()
	for range 300 {
		if _, err := p.ask(ctx, "CREATE EXTENSION IF NOT EXISTS pg_stat_statements"); err == nil {
			return p, nil
		}
		time.Sleep(100 * time.Millisecond)
	}
	p.stop()
	return nil, errors.New("PostgreSQL does not answer after 30 s")
}

func (p *postgres) find() error {
	if path, err := exec.LookPath("initdb"); err == nil {
		if real, err := filepath.EvalSymlinks(path); err == nil {
			p.bin = filepath.Dir(real)
			return nil
		}
	}
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if len(found) == 0 {
		return errors.New("there is no PostgreSQL server here; on Debian: apt-get install postgresql, or measure with -database sqlite")
	}
	p.bin = filepath.Dir(slices.Max(found))
	return nil
}

func (p *postgres) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(p.bin, name), args...)
	cmd.Dir = p.dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: p.as}
	return cmd
}

// ask runs a statement and returns what it prints.
func (p *postgres) ask(ctx context.Context, text string) (string, error) {
	out, err := exec.CommandContext(ctx, filepath.Join(p.bin, "psql"), p.url, "-qAtc", text).CombinedOutput()
	return strings.TrimSpace(string(out)), err
}

// statements is how many statements were run so far.
func (p *postgres) statements(ctx context.Context) (int, error) {
	out, err := p.ask(ctx, "SELECT SUM(calls) FROM pg_stat_statements")
	if err != nil {
		return 0, fmt.Errorf("%w: %s", err, out)
	}
	return strconv.Atoi(out)
}

// hold opens a transaction that sees the database as it is now, and keeps it open until it is ended.
func (p *postgres) hold(context.Context) (end func(), err error) {
	cmd := exec.Command(filepath.Join(p.bin, "psql"), p.url, "-q")
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	_, err = io.WriteString(in, "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT COUNT(*) FROM queue;\n")
	return func() {
		_ = in.Close()
		_ = cmd.Wait()
	}, err
}

func (p *postgres) stop() {
	if p.cmd == nil || p.cmd.Process == nil {
		return
	}
	_ = p.cmd.Process.Signal(syscall.SIGQUIT)
	_ = p.cmd.Wait()
}
