package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// sink is a Teams that takes everything, in a process of its own. A path that
// begins with /slow answers after 200 ms, one with /ms50 after 50 ms, and one
// with /hang never.
type sink struct {
	cmd *exec.Cmd
	url string
}

func startSink() (*sink, error) { return startOwn("sink") }

// startOwn starts this program again, in another role.
func startOwn(role string) (*sink, error) {
	s := &sink{cmd: exec.Command(os.Args[0], role)}
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	s.url = strings.TrimSpace(line)
	return s, err
}

func (s *sink) stop() {
	_ = s.cmd.Process.Kill()
	_ = s.cmd.Wait()
}

// arrivals are when each marked text came, in nanoseconds since 1970; the sink forgets them.
func (s *sink) arrivals() (map[string]int64, error) {
	res, err := http.Get(s.url + "/arrivals")
	if err != nil {
		return nil, err
	}
	defer func() { _ = res.Body.Close() }()
	came := map[string]int64{}
	return came, json.NewDecoder(res.Body).Decode(&came)
}

// await collects the arrivals of n marked texts, or of those that come in time.
func (s *sink) await(n int, most time.Duration) (map[string]int64, error) {
	all := map[string]int64{}
	for end := time.Now().Add(most); len(all) < n && time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		came, err := s.arrivals()
		if err != nil {
			return nil, err
		}
		maps.Copy(all, came)
	}
	return all, nil
}

// posts is how many posts the sink has taken.
func (s *sink) posts() (int, error) {
	res, err := http.Get(s.url + "/posts")
	if err != nil {
		return 0, err
	}
	defer func() { _ = res.Body.Close() }()
	var n int
	return n, json.NewDecoder(res.Body).Decode(&n)
}

// mark is how a text is known again.
var mark = regexp.MustCompile(`mark-[0-9]+`)

func serveSink() {
	var mu sync.Mutex
	came := map[string]int64{}
	var posts atomic.Int64
	listen(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		now := time.Now().UnixNano()
		switch r.URL.Path {
		case "/arrivals":
			mu.Lock()
			defer mu.Unlock()
			_ = json.NewEncoder(w).Encode(came)
			clear(came)
			return
		case "/posts":
			_ = json.NewEncoder(w).Encode(posts.Load())
			return
		}
		body, _ := io.ReadAll(r.Body)
		posts.Add(1)
		if m := mark.Find(body); m != nil {
			mu.Lock()
			came[string(m)] = now
			mu.Unlock()
		}
		switch kind, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/"); kind {
		case "slow":
			time.Sleep(200 * time.Millisecond)
		case "ms50":
			time.Sleep(50 * time.Millisecond)
		case "hang":
			<-r.Context().Done()
		}
		w.WriteHeader(http.StatusAccepted)
	}))
}

// serveEndpoint is the least that an endpoint for messages can do: read the JSON
// and answer the same fields, nothing kept.
func serveEndpoint() {
	listen(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var m struct{ WebhookID, TextMessage string }
		if err := json.NewDecoder(r.Body).Decode(&m); err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusAccepted)
		_ = json.NewEncoder(w).Encode(map[string]any{
			"sentMessage": false, "message": "Accepted.", "messageId": "msg_01jd0000000000000000000000", "status": "accepted",
			"messageUrl": "http://127.0.0.1/messages/msg_01jd0000000000000000000000",
		})
	}))
}

// listen serves on a free port, and prints its address first.
func listen(h http.Handler) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	fmt.Printf("http://%s\n", l.Addr())
	_ = http.Serve(l, h)
}
