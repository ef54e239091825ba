package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"time"
)

// sink is a Teams that takes everything, in a process of its own. A path that
// begins with /slow answers after 200 ms.
type sink struct {
	cmd *exec.Cmd
	url string
}

func startSink() (*sink, error) {
	s := &sink{cmd: exec.Command(os.Args[0], "sink")}
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

// mark is how a text is known again.
var mark = regexp.MustCompile(`mark-[0-9]+`)

func serveSink() {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	fmt.Printf("http://%s\n", l.Addr())
	var mu sync.Mutex
	came := map[string]int64{}
	_ = http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		now := time.Now().UnixNano()
		if r.URL.Path == "/arrivals" {
			mu.Lock()
			defer mu.Unlock()
			_ = json.NewEncoder(w).Encode(came)
			clear(came)
			return
		}
		body, _ := io.ReadAll(r.Body)
		if m := mark.Find(body); m != nil {
			mu.Lock()
			came[string(m)] = now
			mu.Unlock()
		}
		if strings.HasPrefix(r.URL.Path, "/slow") {
			time.Sleep(200 * time.Millisecond)
		}
		w.WriteHeader(http.StatusAccepted)
	}))
}
