package main_test

import (
	"bytes"
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
)

// TestTheCallersTraceReachesTheSend looks for ids and names in what the collector gets, as they stand in OTLP.
func TestTheCallersTraceReachesTheSend(t *testing.T) {
	const trace, parent = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
	var mu sync.Mutex
	var got []byte
	collector := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		mu.Lock()
		defer mu.Unlock()
		got = append(got, body...)
	}))
	t.Cleanup(collector.Close)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.URL)
	t.Setenv("OTEL_BSP_SCHEDULE_DELAY", "50")
	in := install(t, fast(), 1)
	in.start()
	body := strings.NewReader(`{"webhookId":"` + in.hooks[0].id + `","textMessage":"canary text"}`)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, in.url+"/api/v1/messages", body)
	if err != nil {
		t.Fatal(err)
	}
	req.SetBasicAuth(in.key, in.secret)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Traceparent", "00-"+trace+"-"+parent+"-01")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()

	id, _ := hex.DecodeString(trace) // a constant
	caller, _ := hex.DecodeString(parent)
	seen := func(what []byte) int {
		mu.Lock()
		defer mu.Unlock()
		return bytes.Count(got, what)
	}
	in.until("both spans of the trace are sent", func() bool { return seen(id) >= 2 && seen([]byte("deliver")) > 0 })
	if seen(caller) == 0 || seen([]byte("POST /api/v1/messages")) == 0 {
		t.Error("the request's span does not name its route and its caller")
	}
	for _, secret := range []string{"canary text", in.secret, "sig="} {
		if seen([]byte(secret)) > 0 {
			t.Errorf("spans hold %q", secret[:4])
		}
	}
}
