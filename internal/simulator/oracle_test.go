package simulator_test

import (
	"fmt"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/teamsconnector/teamsconnector/internal/simulator"
)

func sendAs(s *simulator.Simulator, target, tracking, text string) {
	r := request("POST", target, envelope(text))
	r.Header.Set("x-ms-client-tracking-id", tracking)
	s.ServeHTTP(httptest.NewRecorder(), r)
}

func TestOracleSeesWhatSendersDoWrong(t *testing.T) {
	s := newTeams(t, open())
	_, target := s.AddFlow(simulator.Flow{})

	for _, m := range []struct{ tracking, text string }{
		{"msg_1", "one"},
		{"msg_3", "three"},
		{"msg_2", "two"},   // after three: an inversion
		{"msg_3", "three"}, // twice: a duplicate, and no inversion
		{"msg_4", "four"},
	} {
		sendAs(s, target, m.tracking, m.text)
	}

	r := s.Oracle()
	f := r.Flows[0]
	if f.SentInversions != 1 || f.PostInversions != 1 || f.Duplicates != 1 || f.Posts != 5 {
		t.Errorf("inversions sent %d, posted %d, duplicates %d, posts %d; want 1, 1, 1, 5", f.SentInversions, f.PostInversions, f.Duplicates, f.Posts)
	}
	byText, _ := r.Find("three")
	byID, ok := r.FindTracking("msg_3")
	if !ok || byText.Text != byID.Text || byText.Posts != 2 || byText.Accepted != 2 || byText.LastPosted.Before(byText.FirstPosted) {
		t.Errorf("by text %+v, by tracking id %+v; want the same message, posted twice", byText, byID)
	}
	if _, ok := r.Find("five"); ok {
		t.Error("found a message that was never sent")
	}
}

func TestOracleKnowsAMessageByWhatIsShown(t *testing.T) {
	for shown, lines := range map[string][]string{
		"App_Pool_01":        {`App\_Pool\_01`},
		"AppPool01":          {`App_Pool_01`}, // unescaped, the underscores are styles
		"a\n\nb":             {"a", "\u00a0", "b"},
		"a b":                {"a\nb"}, // a line break collapses
		"* not bold *":       {`\* not bold \*`},
		"bold and link":      {"**bold** and [link](https://example.com)"},
		"• item":             {"- item"},
		"- item":             {`\- item`},
		"<b>&amp; {x} `y` #": {"<b>&amp; {x} `y` #"},
		"[a](b c)":           {"[a](b c)"},
		"** * __ [[[ ](":     {"** * __ [[[ ]("},
	} {
		s := newTeams(t, open())
		_, target := s.AddFlow(simulator.Flow{})

		send(s, target, envelope(lines...))

		if got := s.Oracle().Messages[0].Text; got != shown {
			t.Errorf("%q is known as %q, want %q", lines, got, shown)
		}
	}
}

func TestOracleMeasuresBursts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newTeams(t, open())
		_, target := s.AddFlow(simulator.Flow{})
		for i, gap := range []time.Duration{0, 0, 0, time.Second, 0, 400 * time.Millisecond, 0, 0, 300 * time.Second, 0} {
			wait(gap)
			send(s, target, envelope(fmt.Sprint(i)))
		}

		f := s.Oracle().Flows[0]
		if f.BurstSecond != 5 || f.BurstWindow != 8 || f.WindowPosts != 2 {
			t.Errorf("bursts %d in 1 s, %d in 300 s, %d now; want 5, 8, 2", f.BurstSecond, f.BurstWindow, f.WindowPosts)
		}
	})
}

func TestOracleForgetsTheOldestUnlessToldToKeepAll(t *testing.T) {
	for keepAll, want := range map[bool]int{false: 500, true: 700} {
		o := open()
		o.KeepAll, o.Limits.RunPosts = keepAll, -1
		s := newTeams(t, o)
		id, target := s.AddFlow(simulator.Flow{})

		for i := range 700 {
			send(s, target, envelope(fmt.Sprint(i)))
		}

		r := s.Oracle()
		posts := s.Posts(id)
		if len(r.Messages) != want || r.Total.Posts != 700 {
			t.Errorf("keep all %v: %d messages of %d posts kept, want %d", keepAll, len(r.Messages), r.Total.Posts, want)
		}
		if len(posts) != 500 || posts[0].Text != "200" || posts[499].Text != "699" {
			t.Errorf("%d posts kept, from %q to %q; want the newest 500", len(posts), posts[0].Text, posts[len(posts)-1].Text)
		}
	}
}

func TestCountOnlyCounts(t *testing.T) {
	o := open()
	o.CountOnly = true
	s := newTeams(t, o)
	id, target := s.AddFlow(simulator.Flow{})

	w := send(s, target, "not even JSON")

	c := s.Oracle().Total
	if w.Code != 202 || c.Requests != 1 || c.Accepted != 1 || c.Bytes != 13 || c.Posts != 0 || len(s.Posts(id)) != 0 {
		t.Errorf("answered %d, counted %+v; want 202 and one request of 13 bytes, nothing posted", w.Code, c)
	}
}

func TestForgetKeepsFlows(t *testing.T) {
	s := newTeams(t, open())
	id, target := s.AddFlow(simulator.Flow{})
	send(s, target, envelope("x"))

	s.Forget()
	empty := s.Oracle()
	send(s, target, envelope("y"))

	if empty.Total != (simulator.Counts{}) || len(empty.Messages) != 0 || len(s.Posts(id)) != 1 {
		t.Errorf("after Forget %+v, %d messages; then %d posts; want nothing, then 1", empty.Total, len(empty.Messages), len(s.Posts(id)))
	}
}

func TestByNumberReadsTheLastNumber(t *testing.T) {
	less := func(a, b string) bool { return simulator.ByNumber(a, "") < simulator.ByNumber(b, "") }
	if !less("lane 7 message 9", "lane 3 message 10") || simulator.ByNumber("no number", "x") != "" {
		t.Error("9 is not before 10, or a text without a number has a place")
	}
}

func BenchmarkSink(b *testing.B) {
	o := open()
	o.CountOnly = true
	s, err := simulator.New(o)
	if err != nil {
		b.Fatal(err)
	}
	_, target := s.AddFlow(simulator.Flow{})
	body := envelope("a message of the usual length, as apps send them all day")
	b.ReportAllocs()
	for b.Loop() {
		send(s, target, body)
	}
}
