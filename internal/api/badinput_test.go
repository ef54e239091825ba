package api_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/teamsconnector/teamsconnector/internal/api"
	"github.com/teamsconnector/teamsconnector/internal/connector"
)

// shared returns a folder beside the project that holds data for tests.
func shared(t testing.TB, name string) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "shared", "fixtures")); err == nil {
			return filepath.Join(dir, "shared", name)
		}
		up := filepath.Dir(dir)
		if up == dir {
			t.Skip("no folder shared beside the project")
		}
		dir = up
	}
}

func read(t testing.TB, file string) []byte {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func files(t testing.TB, pattern string) []string {
	t.Helper()
	all, err := filepath.Glob(pattern)
	if err != nil || len(all) == 0 {
		t.Fatalf("%s: %d files, %v", pattern, len(all), err)
	}
	return all
}

// ran says how much of a set was tested, and fails when it was not all of it.
func ran(t testing.TB, set string, got, want int) {
	t.Helper()
	t.Logf("fixtures: %s: %d cases", set, got)
	if got < want || want == 0 {
		t.Errorf("%s: %d cases ran, want %d", set, got, want)
	}
}

func TestJSONIsReadAsItsSuiteSays(t *testing.T) {
	all := files(t, filepath.Join(shared(t, "badinput"), "json", "*.json"))
	h := newHouse(t, api.Options{})
	n := 0
	for _, file := range all {
		name := filepath.Base(file)
		a := h.post(string(read(t, file)))
		n++
		ok := a.code >= 400 && a.code < 500 // none of them is a message
		if strings.HasPrefix(name, "y_") {
			ok = a.code == http.StatusUnprocessableEntity // it is JSON, and the wrong one
		}
		if !ok {
			t.Errorf("%s: %d %s", name, a.code, a.raw)
		}
	}
	ran(t, "badinput/json", n, len(all))
}

func TestJSONInsideAMessageIsReadAsItsSuiteSays(t *testing.T) {
	all := files(t, filepath.Join(shared(t, "badinput"), "json", "*.json"))
	h := newHouse(t, api.Options{})
	for _, file := range all {
		name := filepath.Base(file)
		for _, field := range []string{"card", "textMessage", "unknown"} {
			a := h.post(`{"webhookId":"wh_0","` + field + `":` + string(read(t, file)) + `}`)
			switch {
			case a.code < 400 || a.code >= 500:
				t.Errorf("%s in %s: %d %s", name, field, a.code, a.raw)
			case strings.HasPrefix(name, "y_") && a.code == http.StatusBadRequest:
				t.Errorf("%s in %s is JSON, but: %s", name, field, a.raw)
			}
		}
	}
}

func TestMalformedRequestsGetA4xxOrAClosedConnection(t *testing.T) {
	all := files(t, filepath.Join(shared(t, "badinput"), "http", "*"))
	h := newHouse(t, api.Options{})
	lenient := []string{"22-", "23-", "25-"} // these may also be answered with what leaks nothing
	n := 0
	for _, file := range all {
		name := filepath.Base(file)
		t.Run(name, func(t *testing.T) {
			code, took := raw(t, h.addr, read(t, file))
			ok := code == 0 || code >= 400 && code < 500
			if slices.ContainsFunc(lenient, func(p string) bool { return strings.HasPrefix(name, p) }) {
				ok = ok || code >= 200 && code < 400
			}
			if !ok || took > 5*time.Second {
				t.Errorf("answer %d after %v; want a 4xx or a closed connection within 5s", code, took)
			}
		})
		n++
	}
	ran(t, "badinput/http", n, len(all))
}

// raw writes bytes to a connection and returns the status of the answer; 0: it was closed.
func raw(t *testing.T, addr string, request []byte) (code int, took time.Duration) {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	began := time.Now()
	if err := conn.SetDeadline(began.Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	written := make(chan struct{})
	go func() { // the peer may stop reading before all is written
		defer close(written)
		_, _ = conn.Write(request)
	}()
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	took = time.Since(began)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error("neither an answer nor a closed connection")
	}
	if err == nil {
		code = res.StatusCode
		_, _ = io.Copy(io.Discard, res.Body)
		_ = res.Body.Close()
	}
	_ = conn.Close()
	<-written
	return code, took
}

func TestTextsAreStoredByteForByte(t *testing.T) {
	var naughty []string
	if err := json.Unmarshal(read(t, filepath.Join(shared(t, "badinput"), "naughty.json")), &naughty); err != nil {
		t.Fatal(err)
	}
	h := newHouse(t, api.Options{})
	ran(t, "badinput/naughty", keeps(t, h, naughty), len(naughty))
	texts := fixtureTexts(t)
	ran(t, "texts", keeps(t, h, texts), max(len(texts), indexed(t, "texts/")))
}

// keeps sends texts and compares what was stored, then ends them. A text without a visible
// character must be 422, one of more than a part 413.
func keeps(t *testing.T, h *house, texts []string) (n int) {
	t.Helper()
	for _, text := range texts {
		n++
		a := h.post(h.body("textMessage", text), "Prefer", "respond-async")
		switch {
		case a.code == 422 && !connector.Visible(text), a.code == 413 && len(text) > 10_000:
			continue
		case a.code != 202 || !connector.Visible(text):
			t.Errorf("%.60q: %d %s", text, a.code, a.raw)
			continue
		}
		if head := h.heads()[0]; !bytes.Equal(head.Parcel.Content.Body, []byte(text)) {
			t.Errorf("stored %.60q, want %.60q", head.Parcel.Content.Body, text)
		}
		h.engine.set(connector.StateSent, "", connector.Forecast{Waiting: 1})
		h.engine.settle(h.webhook.Lane)
		h.engine.set(0, "", connector.Forecast{Waiting: 1})
	}
	return n
}

func fixtureTexts(t *testing.T) (texts []string) {
	t.Helper()
	var all []struct {
		Text     *string
		Generate *struct {
			Repeat string
			Count  int
		}
	}
	if err := json.Unmarshal(read(t, filepath.Join(shared(t, "fixtures"), "texts.json")), &all); err != nil {
		t.Fatal(err)
	}
	for _, x := range all {
		switch {
		case x.Text != nil:
			texts = append(texts, *x.Text)
		case x.Generate != nil:
			texts = append(texts, strings.Repeat(x.Generate.Repeat, x.Generate.Count))
		}
	}
	return texts
}

// indexed counts the items of the fixtures' index whose id has a prefix.
func indexed(t *testing.T, prefix string) int {
	t.Helper()
	return len(verdicts(t, prefix))
}

// verdicts reads the fixtures' index: what is expected of each file with that prefix.
func verdicts(t *testing.T, prefix string) map[string]string {
	t.Helper()
	var index struct {
		Items []struct{ ID, File, Expected string }
	}
	if err := json.Unmarshal(read(t, filepath.Join(shared(t, "fixtures"), "index.json")), &index); err != nil {
		t.Fatal(err)
	}
	all := make(map[string]string)
	for _, item := range index.Items {
		if strings.HasPrefix(item.ID, prefix) {
			all[item.ID] = item.Expected
		}
	}
	return all
}

func TestCardsGetTheirVerdictOverHTTP(t *testing.T) {
	h := newHouse(t, api.Options{})
	dir := shared(t, "fixtures")
	n := 0
	all := verdicts(t, "cards_")
	for id, expected := range all {
		files, err := filepath.Glob(filepath.Join(dir, id+"*"))
		if err != nil || len(files) == 0 {
			t.Errorf("%s: no file, %v", id, err)
			continue
		}
		n++
		card := string(read(t, files[0]))
		a := h.post(`{"webhookId":"`+string(h.webhook.ID)+`","card":`+card+`}`, "Prefer", "respond-async")
		ok := a.code == 400 && !json.Valid([]byte(card)) || a.code == 422 && json.Valid([]byte(card))
		switch word, _, _ := strings.Cut(expected, ":"); word {
		case "valid":
			ok = a.code == 202 || a.code == 413
		case "lenient":
			ok = a.code == 202 && len(a.Warnings) > 0
		}
		if !ok {
			t.Errorf("%s is %s, but: %d %s", id, expected, a.code, a.raw)
		}
	}
	ran(t, "cards over HTTP", n, len(all))
}
