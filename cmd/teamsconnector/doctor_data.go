package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"time"

	"github.com/teamsconnector/teamsconnector/internal/keyring"
	"github.com/teamsconnector/teamsconnector/internal/store"
)

// From where on a figure deserves a word.
const (
	littleSpace   = 1 << 30
	noSpace       = 100 << 20
	slowSync      = 20 * time.Millisecond
	largeWAL      = 256 << 20
	syncsMeasured = 5
)

// folder looks at the data folder and its disk.
func (d *doctor) folder() {
	dir := d.c.data.dir
	info, err := os.Stat(dir)
	if err != nil {
		next := "begin with: teamsconnector setup --name ORGANIZATION, or name another folder with --data DIR"
		if !errors.Is(err, fs.ErrNotExist) {
			next = "let the user that runs the service own the folder"
		}
		d.say("folder", checkFail, fmt.Sprintf("%s can't be read: %v", dir, withoutPath(err)), next)
		return
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 && runtime.GOOS != "windows" { // which has lists instead of modes
		d.say("folder", checkWarn, fmt.Sprintf("%s has mode %#o: others can look into it", dir, mode), "chmod 700 "+quote(dir))
	} else {
		d.say("folder", checkOK, dir+" is its owner's alone", "")
	}
	free, err := freeSpace(dir)
	switch {
	case err != nil:
		d.say("disk", checkWarn, fmt.Sprintf("its free space can't be read: %v", err), "")
	case free < noSpace:
		d.say("disk", checkFail, bytesInWords(free)+" are free: soon nothing can be accepted", "make room, or move the data to a larger disk")
	case free < littleSpace:
		d.say("disk", checkWarn, bytesInWords(free)+" are free", "make room before it is full: then nothing is accepted, and nothing is lost")
	default:
		d.say("disk", checkOK, bytesInWords(free)+" are free", "")
	}
	took, err := syncTime(dir)
	switch {
	case err != nil:
		d.say("sync", checkFail, fmt.Sprintf("nothing can be written to %s: %v", dir, withoutPath(err)), "let the user that runs the service own the folder, on a disk that is mounted for writing")
	case took > slowSync:
		d.say("sync", checkWarn, fmt.Sprintf("a write takes %v to be on disk; each batch of messages waits for one", took.Round(time.Millisecond)), "use a local disk with a cache that survives power loss, not a network share")
	default:
		d.say("sync", checkOK, fmt.Sprintf("a write takes %v to be on disk", took.Round(10*time.Microsecond)), "")
	}
}

// syncTime is the median time in which a small write is on disk.
func syncTime(dir string) (time.Duration, error) {
	f, err := os.CreateTemp(dir, ".doctor-*")
	if err != nil {
		return 0, err
	}
	defer func() { _ = os.Remove(f.Name()) }()
	var all []time.Duration
	for range syncsMeasured {
		began := time.Now()
		if _, err := f.Write(make([]byte, 4096)); err != nil {
			return 0, errors.Join(err, f.Close())
		}
		if err := f.Sync(); err != nil {
			return 0, errors.Join(err, f.Close())
		}
		all = append(all, time.Since(began))
	}
	slices.Sort(all)
	return all[len(all)/2], f.Close()
}

// database looks at the data and at the master key that should open it.
func (d *doctor) database(ctx context.Context) (in store.Inspection, ok bool) {
	file := filepath.Join(d.c.data.dir, store.FileName)
	if info, err := os.Stat(file); d.c.data.database.Empty() && (err != nil || info.Size() == 0) {
		d.say("database", checkFail, file+" is not there, or empty", "begin with: teamsconnector setup --name ORGANIZATION; or restore a backup")
		return in, false
	}
	keys, err := readMasterKeys(d.c.data)
	if err != nil {
		d.say("master key", checkFail, explain(err), "")
		return in, false
	}
	o := d.c.data.options()
	if o.Ring, err = keyring.New(keys[0], keys[1:]...); err != nil {
		d.say("master key", checkFail, err.Error(), "")
		return in, false
	}
	if in, err = store.Inspect(ctx, o); err != nil {
		d.say("database", checkFail, fmt.Sprintf("%s can't be read: %v", d.c.data.place(), err), "end what else uses it and look again; where it is damaged, restore a backup")
		return in, false
	}
	d.schema(in)
	if !in.KeyFits {
		d.say("master key", checkFail, "it is not the one that sealed the data", "give the key that the data was made with: "+envName("master-key")+", or "+masterKeyFile+" from its backup")
		return in, true
	}
	detail := "it opens the data"
	if len(keys) > 1 {
		detail += fmt.Sprintf("; %s behind it", counted(len(keys)-1, "older key"))
	}
	next := ""
	if len(d.c.data.masterKeys) == 0 {
		next = "is there a copy of " + filepath.Join(d.c.data.dir, masterKeyFile) + ", apart from the data? Without it no webhook URL can be read again"
	}
	d.say("master key", checkOK, detail, next)
	return in, true
}

func (d *doctor) schema(in store.Inspection) {
	detail := fmt.Sprintf("%s, schema %d", in.Database, in.Schema)
	switch {
	case in.Schema > in.Newest:
		d.say("database", checkFail, fmt.Sprintf("%s; this program knows up to %d", detail, in.Newest), "install the newer version that wrote it")
	case in.Schema < in.Newest:
		d.say("database", checkWarn, fmt.Sprintf("%s; %s to come at the next start", detail, counted(int(in.Newest-in.Schema), "migration")), "make a backup before it")
	case in.WAL > largeWAL:
		d.say("database", checkWarn, fmt.Sprintf("%s; the write-ahead log has %s", detail, bytesInWords(uint64(max(in.WAL, 0)))), "a long read keeps it from being reused: end what reads the file beside the service")
	default:
		d.say("database", checkOK, detail, "")
	}
}

// port looks whether an address is free, or held by this service.
func (d *doctor) port(ctx context.Context, name, address string) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err == nil {
		_ = l.Close() // it was free
		d.say(name, checkOK, address+" is free", "")
		return
	}
	if d.answers(ctx, address) {
		d.say(name, checkOK, address+" is held by a running Teams Connector", "")
		return
	}
	d.say(name, checkFail, fmt.Sprintf("%s can't be used: %v", address, err), "end the other program, or choose another address with --"+name)
}

// answers reports whether a service of ours is at an address.
func (d *doctor) answers(ctx context.Context, address string) bool {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+net.JoinHostPort(host, port)+"/healthz", nil)
	if err != nil {
		return false
	}
	res, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(req) // this machine's own address, which outbound refuses
	if err != nil {
		return false
	}
	_ = res.Body.Close()                                                                                       // only its status counts
	return res.StatusCode == http.StatusOK || d.c.net.tlsCert != "" && res.StatusCode == http.StatusBadRequest // plain HTTP to a TLS listener
}

func bytesInWords(n uint64) string {
	const unit = 1 << 10
	for _, name := range []string{"bytes", "KiB", "MiB", "GiB"} {
		if n < 10*unit {
			return fmt.Sprintf("%d %s", n, name)
		}
		n /= unit
	}
	return fmt.Sprintf("%d TiB", n)
}
