package main

import (
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// startDemo runs serve --demo and returns what it printed.
func startDemo(t *testing.T) (cmd *exec.Cmd, printed string) {
	t.Helper()
	cmd = command(t, "serve", "--demo")
	cmd.Dir = t.TempDir()
	cmd.Env = append(cmd.Env, "TMPDIR="+cmd.Dir)
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	said := &lines{fresh: make(chan string, 1000)}
	go said.read(stdout)
	said.next(t, "Ctrl-C")
	return cmd, said.String()
}

// line finds the printed line that begins so.
func line(t *testing.T, printed, begin string) string {
	t.Helper()
	for l := range strings.Lines(printed) {
		if strings.HasPrefix(l, begin) {
			return strings.TrimSpace(l)
		}
	}
	t.Fatalf("no line begins with %q:\n%s", begin, printed)
	return ""
}

func TestDemoLinesEachMakeAMessageAppear(t *testing.T) {
	cmd, printed := startDemo(t)
	page := regexp.MustCompile(`arrive +(http://\S+)/`).FindStringSubmatch(printed)
	if page == nil {
		t.Fatalf("no page is named:\n%s", printed)
	}

	pasteCurl(t, line(t, printed, "curl "))
	send := exec.Command("sh", "-c", line(t, printed, "TEAMSCONNECTOR_URL="))
	if out, err := send.CombinedOutput(); err != nil || !strings.HasPrefix(string(out), "sent: ") {
		t.Errorf("the send line: %v\n%s", err, out)
	}

	for _, text := range []string{"Hello from curl", "Hello from the command line"} {
		if !eventually(func() bool { return postedTimes(page[1], text) == 1 }) {
			t.Errorf("%q is not in a channel exactly once", text)
		}
	}
	html, err := get(page[1] + "/")
	if err != nil || !strings.Contains(string(html), "/api/v1/messages") {
		t.Errorf("the page does not show how to send (%v)", err)
	}
	checkSamples(t, page[1])

	if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("the demo ended with %v", err)
	}
	if left, err := filepath.Glob(filepath.Join(cmd.Dir, "*")); err != nil || len(left) > 0 {
		t.Errorf("the demo left %v behind (%v)", left, err)
	}
}

// TestTwoHundredTextsAtOnceArriveAsCards pastes what the demo prints: both the API and the page say when the last will be there.
func TestTwoHundredTextsAtOnceArriveAsCards(t *testing.T) {
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skip("curl is not installed")
	}
	_, printed := startDemo(t)
	page := regexp.MustCompile(`arrive +(http://\S+)/`).FindStringSubmatch(printed)[1]
	ask, burst := line(t, printed, "curl -s -H 'Authorization"), line(t, printed, "seq 200")
	pasted := make(chan error, 1)
	go func() { pasted <- exec.Command("sh", "-c", burst).Run() }()
	find := func(what string, in []byte, last *string) {
		if said := regexp.MustCompile(what).Find(in); said != nil {
			*last = string(said)
		}
	}

	var api, shown string
	var arrived, posts int
	eventually(func() bool {
		out, _ := exec.Command("sh", "-c", ask).Output()
		find(`"queueEmptyAt":"[^"]+"`, out, &api)
		var flow string
		flow, posts, arrived = burstSeen(page)
		html, _ := get(page + "/?flow=" + flow)
		find(`The sender has \d+ more; the last is expected at \S+ UTC`, html, &shown)
		return arrived >= 200
	})

	if err := <-pasted; err != nil {
		t.Error(err)
	}
	if arrived != 200 || posts > 24 {
		t.Errorf("%d texts in %d posts, want 200 in at most 24", arrived, posts)
	}
	if api == "" || shown == "" {
		t.Errorf("the API said %q, the page %q; want when the last will be there", api, shown)
	}
	t.Logf("proof: demo: 200 texts at once arrived in %d posts of their channel; %s; %s", posts, api, shown)
}

// burstSeen is the last channel, how many posts stand in it and how many texts of the burst.
func burstSeen(page string) (flow string, posts, arrived int) {
	var report struct {
		Flows []struct {
			ID    string
			Posts int
		}
		Messages []struct {
			Text  string
			Posts int
		}
	}
	body, err := get(page + "/_sim/state")
	if err != nil || json.Unmarshal(body, &report) != nil || len(report.Flows) == 0 {
		return "", 0, 0
	}
	for _, m := range report.Messages {
		arrived += strings.Count(m.Text, " of 200") * m.Posts
	}
	last := report.Flows[len(report.Flows)-1]
	return last.ID, last.Posts, arrived
}

// checkSamples expects every sample message in its channel.
func checkSamples(t *testing.T, page string) {
	t.Helper()
	var total struct {
		Total struct{ Posts, Throttled, Refused, FailedRuns int }
	}
	read := func() bool {
		body, err := get(page + "/_sim/state")
		return err == nil && json.Unmarshal(body, &total) == nil && total.Total.Posts >= len(opening())+2
	}
	if !eventually(read) {
		t.Errorf("%d posts, want the %d samples and both lines", total.Total.Posts, len(opening()))
	}
	if total.Total.Throttled+total.Total.Refused+total.Total.FailedRuns > 0 {
		t.Errorf("the samples met trouble: %+v", total.Total)
	}
}

// pasteCurl runs the printed line, or makes the same call where there is no curl.
func pasteCurl(t *testing.T, pasted string) {
	t.Helper()
	if _, err := exec.LookPath("curl"); err == nil {
		out, err := exec.Command("sh", "-c", strings.Replace(pasted, "curl ", "curl -sS --noproxy '*' ", 1)).CombinedOutput()
		if err != nil || !strings.Contains(string(out), `"sentMessage":true`) {
			t.Errorf("the curl line: %v\n%s", err, out)
		}
		return
	}
	part := regexp.MustCompile(`^curl -u (\S+):(\S+) -H '([^:]+): ([^']+)' -d '([^']+)' (\S+)$`).FindStringSubmatch(pasted)
	if part == nil {
		t.Fatalf("the curl line is not what this test knows: %s", pasted)
	}
	req, err := http.NewRequest(http.MethodPost, part[6], strings.NewReader(part[5]))
	if err != nil {
		t.Fatal(err)
	}
	req.SetBasicAuth(part[1], part[2])
	req.Header.Set(part[3], part[4])
	res, err := (&http.Client{Timeout: 30 * time.Second}).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusOK {
		t.Errorf("the curl line answers %d", res.StatusCode)
	}
}

func TestTwoDemosRunSideBySide(t *testing.T) {
	_, first := startDemo(t)
	_, second := startDemo(t)

	page := regexp.MustCompile(`arrive +(http://\S+)/`)
	if a, b := page.FindStringSubmatch(first), page.FindStringSubmatch(second); a == nil || b == nil || a[1] == b[1] {
		t.Errorf("the pages are %v and %v, want two different ones", a, b)
	}
	for _, what := range []string{"so the simulated Teams listens on", "so the API listens on"} {
		if !strings.Contains(second, what) {
			t.Errorf("the second demo does not say %q:\n%s", what, second)
		}
	}
}

func TestDemoLeavesRoomInTheWindow(t *testing.T) {
	const window, places = 305 * time.Second, 24 // of a flow-bot webhook
	perChannel := map[int]int{}
	for _, s := range opening() {
		perChannel[s.channel]++
	}
	for n := range int(window/chatEvery) + 1 {
		perChannel[small(n).channel]++
	}
	for channel, n := range perChannel {
		if n > places/2 {
			t.Errorf("channel %d gets %d messages in a window of %d; at least half should stay free", channel, n, places)
		}
	}
}

func TestGoRunIsRecognised(t *testing.T) {
	p := process{lookup: func(name string) (string, bool) { return "/elsewhere/cache", name == "GOCACHE" }}
	for path, want := range map[string]bool{
		"/tmp/go-build1234/b001/exe/teamsconnector":      true,
		"/root/.cache/go-build/ab/abcd-d/teamsconnector": true,
		"/elsewhere/cache/ab/abcd-d/teamsconnector":      true,
		"/usr/local/bin/teamsconnector":                  false,
		"/home/ann/go/bin/teamsconnector":                false,
		"/elsewhere/cached/ab/abcd-d/teamsconnector":     false,
	} {
		if got := p.madeByGoRun(path); got != want {
			t.Errorf("madeByGoRun(%q) = %v, want %v", path, got, want)
		}
	}
}

func TestQuoteMakesOneWordForAShell(t *testing.T) {
	for _, text := range []string{"plain", "two words", `{"a":"b's"}`, "", "$HOME `id` \"x\" \\ *"} {
		out, err := exec.Command("sh", "-c", "printf %s "+quote(text)).Output()
		if err != nil || string(out) != text {
			t.Errorf("sh reads %s as %q (%v), want %q", quote(text), out, err, text)
		}
	}
}
