package store_test
import ("testing";"github.com/prometheus/client_golang/prometheus";"strings";"github.com/teamsconnector/teamsconnector/internal/store")
func BenchmarkDebug(b *testing.B) {
	for _, n := range []int{64, 256} {
	h := newHouse(b, databases()["sqlite"])
	h.Close()
	r := prometheus.NewRegistry(); h.options.Registerer = r; h.start()
	ws := h.webhooks(64)
	body := strings.Repeat("x", 320)
	reqs := make([]store.AcceptRequest, b.N)
	for i := range reqs { reqs[i] = h.requestTo(ws[i%64].ID, body) }
	b.ResetTimer()
	crowd(n, b.N, func(i int) { h.Accept(b.Context(), reqs[i]) })
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "messages/s")
	fam, _ := r.Gather()
	for _, f := range fam { for _, m := range f.Metric { if m.Histogram != nil && m.Label[0].GetValue()=="accept" { b.Log(n, f.GetName(), m.Histogram.GetSampleCount(), m.Histogram.GetSampleSum()/float64(m.Histogram.GetSampleCount())) } } }
	h.Close()
	}
}
