package simulator_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/teamsconnector/teamsconnector/internal/simulator"
)

func TestConnectionPosts25In300Seconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newTeams(t, open())
		a, toA := s.AddFlow(simulator.Flow{Owner: "Mira Kaya"})
		b, toB := s.AddFlow(simulator.Flow{Owner: "Mira Kaya"})
		other, toOther := s.AddFlow(simulator.Flow{Owner: "Jan Peters"})

		for i := range 20 {
			send(s, toA, envelope(fmt.Sprint("early ", i)))
		}
		wait(100 * time.Second)
		for i := range 7 {
			if got := send(s, toB, envelope(fmt.Sprint("more ", i))).Code; got != 202 {
				t.Fatalf("answered %d, want 202 whatever the run does", got)
			}
		}
		send(s, toOther, envelope("another connection"))
		posted, failed := len(s.Posts(b)), s.Oracle().Flows[1].FailedRuns
		wait(200*time.Second - time.Millisecond)
		send(s, toA, envelope("just before"))
		before := len(s.Posts(a))
		wait(time.Millisecond)
		send(s, toA, envelope("just after"))

		if posted != 5 || failed != 2 {
			t.Errorf("the second flow posted %d and failed %d, want 5 and 2", posted, failed)
		}
		if got := len(s.Posts(other)); got != 1 {
			t.Errorf("another owner's flow posted %d, want 1", got)
		}
		if before != 20 || len(s.Posts(a)) != 21 {
			t.Errorf("posts just before 300 s %d, just after %d; want 20, 21", before, len(s.Posts(a)))
		}
		m, _ := s.Oracle().Find("more 6")
		if !slices.Equal(m.Failures, []simulator.Reason{simulator.TooFast}) || m.Posts != 0 || m.Accepted != 1 {
			t.Errorf("the oracle says %+v, want one run over the limit", m)
		}
	})
}

func TestUserPosts300In300Seconds(t *testing.T) {
	s := newTeams(t, open())
	id, target := s.AddFlow(simulator.Flow{AsUser: true})

	for i := range 301 {
		send(s, target, envelope(fmt.Sprint(i)))
	}

	if got := len(s.Posts(id)); got != 300 {
		t.Errorf("posted %d, want 300", got)
	}
}

func TestSizeIsCountedEscapedOnceMore(t *testing.T) {
	const limit = 28_672
	for name, c := range map[string]struct {
		one  string // one character as it stands in the JSON
		each int    // what it counts
	}{
		"plain":            {`x`, 1},
		"quote":            {`\"`, 4},
		"backslash":        {`\\`, 4},
		"line break":       {`\n`, 3},
		"slash":            {`\/`, 1},
		"bare umlaut":      {`ä`, 2},
		"escaped umlaut":   {`\u00e4`, 2},
		"escaped letter":   {`\u0041`, 1},
		"escaped control":  {`\u0001`, 7},
		"escaped emoji":    {`\ud83d\ude00`, 4},
		"bare emoji":       {`😀`, 4},
		"escaped euro":     {`\u20ac`, 3},
		"escaped quote":    {`\u0022`, 4},
		"escaped DEL char": {`\u007f`, 1},
	} {
		t.Run(name, func(t *testing.T) {
			s := newTeams(t, open())
			id, target := s.AddFlow(simulator.Flow{})
			const frame = `{"type":"AdaptiveCard","version":"1.4","body":[{"type":"TextBlock","text":"%s"}]}`
			empty := len(fmt.Sprintf(frame, "")) + strings.Count(frame, `"`) + 2
			n := (limit - empty) / c.each
			fill := strings.Repeat("x", (limit-empty)%c.each)
			body := func(text string) string {
				return `{"attachments":[{"contentType":"application/vnd.microsoft.card.adaptive","content":` + fmt.Sprintf(frame, text) + `}]}`
			}

			send(s, target, body(strings.Repeat(c.one, n)+fill))
			fits := len(s.Posts(id))
			send(s, target, body(strings.Repeat(c.one, n)+fill+"x"))
			after := len(s.Posts(id))

			if fits != 1 || after != 1 {
				t.Errorf("at the limit %d posts, one byte over %d more; want 1 and none", fits, after-fits)
			}
		})
	}
}

func TestRunsFailUnseen(t *testing.T) {
	card := func(body string) string {
		return `{"attachments":[{"contentType":"application/vnd.microsoft.card.adaptive","content":` + body + `}]}`
	}
	for name, c := range map[string]struct {
		flow simulator.Flow
		body string
		want simulator.Reason // empty: it is posted
	}{
		"a text":                         {simulator.Flow{}, `{"text":"hello"}`, ""},
		"a text in the template of 2024": {simulator.Flow{Template2024: true}, `{"text":"hello"}`, simulator.NoCard},
		"a bare card":                    {simulator.Flow{}, `{"type":"AdaptiveCard","version":"1.4","body":[]}`, simulator.NoCard},
		"a singular attachment":          {simulator.Flow{}, `{"attachment":{}}`, simulator.NoCard},
		"attachments that are no list":   {simulator.Flow{}, `{"attachments":{}}`, simulator.NoCard},
		"an empty list":                  {simulator.Flow{}, `{"attachments":[]}`, simulator.NoCard},
		"a card without content":         {simulator.Flow{}, `{"attachments":[{"contentType":"application/vnd.microsoft.card.adaptive"}]}`, simulator.BadCard},
		"another kind of attachment":     {simulator.Flow{}, `{"attachments":[{"contentType":"text/html","content":"x"}]}`, simulator.BadCard},
		"a card without version":         {simulator.Flow{}, card(`{"type":"AdaptiveCard","body":[]}`), simulator.BadCard},
		"a card of another type":         {simulator.Flow{}, card(`{"type":"adaptivecard","version":"1.4"}`), simulator.BadCard},
		"a TextBlock without text":       {simulator.Flow{}, card(`{"type":"AdaptiveCard","version":"1.4","body":[{"type":"TextBlock"}]}`), simulator.BadCard},
		"an element without type":        {simulator.Flow{}, card(`{"type":"AdaptiveCard","version":"1.4","body":[{}]}`), simulator.BadCard},
		"a body that is no list":         {simulator.Flow{}, card(`{"type":"AdaptiveCard","version":"1.4","body":"x"}`), simulator.BadCard},
		"an empty card":                  {simulator.Flow{}, card(`{"type":"AdaptiveCard","version":"1.4"}`), ""},
		"a card that nests too deep": {simulator.Flow{}, card(`{"type":"AdaptiveCard","version":"1.4","body":[` +
			strings.Repeat(`{"type":"Container","items":[`, 60) + strings.Repeat(`]}`, 60) + `]}`), simulator.BadCard},
	} {
		t.Run(name, func(t *testing.T) {
			s := newTeams(t, open())
			id, target := s.AddFlow(c.flow)

			w := send(s, target, c.body)

			if w.Code != 202 {
				t.Fatalf("answered %d %q, want 202", w.Code, w.Body)
			}
			posts, notes := s.Posts(id), s.Notes(id)
			if c.want == "" {
				if len(posts) != 1 {
					t.Errorf("%d posts, want 1; notes %+v", len(posts), notes)
				}
				return
			}
			m := s.Oracle().Messages
			if len(posts) != 0 || len(m) != 1 || !slices.Equal(m[0].Failures, []simulator.Reason{c.want}) {
				t.Errorf("%d posts, oracle %+v; want none and %q", len(posts), m, c.want)
			}
			if len(notes) != 1 || notes[0].Kind != simulator.NoteFailed || notes[0].Told != "202 Accepted" {
				t.Errorf("notes %+v, want one failure that was told 202", notes)
			}
		})
	}
}

func TestSerialRunsKeepTheOrderAndParallelOnesDoNot(t *testing.T) {
	for _, serial := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			o := open()
			o.RunDelay, o.Limits.RunPosts, o.Sequence = simulator.RealRunDelay(), -1, simulator.ByNumber
			s := newTeams(t, o)
			_, target := s.AddFlow(simulator.Flow{Serial: serial})

			for i := range 40 {
				send(s, target, envelope(fmt.Sprintf("message %d", i)))
				wait(50 * time.Millisecond)
			}
			underWay := s.Oracle().Total.UnderWay
			settle(t, s)

			f := s.Oracle().Flows[0]
			if f.Posts != 40 || f.SentInversions != 0 || (f.PostInversions == 0) != serial {
				t.Errorf("serial %v: %d posts, %d inversions sent, %d posted", serial, f.Posts, f.SentInversions, f.PostInversions)
			}
			if underWay == 0 || f.UnderWay != 0 {
				t.Errorf("serial %v: %d under way, then %d; want some, then none", serial, underWay, f.UnderWay)
			}
		})
	}
}

func TestSeedReplaysTheSame(t *testing.T) {
	scenario := func(seed uint64) (report simulator.Report, notes []simulator.Note) {
		synctest.Test(t, func(t *testing.T) {
			s := newTeams(t, simulator.Options{
				Seed: seed, Latency: simulator.RealLatency(), RunDelay: simulator.RealRunDelay(), TwiceIn: 7, KeepAll: true,
				RetryForms: []simulator.RetryForm{simulator.RetrySeconds, simulator.RetryAbsent, simulator.RetryMalformed},
			})
			id, target := s.AddFlow(simulator.Flow{})
			for _, f := range []simulator.Fault{simulator.ServerError, simulator.ErrorAfterAll, simulator.ThrottleDate} {
				if err := s.Inject(simulator.Injection{Fault: f, Rate: .1}); err != nil {
					t.Fatal(err)
				}
			}
			for i := range 100 {
				send(s, target, envelope(fmt.Sprintf("message %d", i)))
				wait(300 * time.Millisecond)
			}
			settle(t, s)
			report, notes = s.Oracle(), s.Notes(id)
		})
		return report, notes
	}

	first, firstNotes := scenario(7)
	again, againNotes := scenario(7)
	other, _ := scenario(8)

	if !reflect.DeepEqual(first, again) || !reflect.DeepEqual(firstNotes, againNotes) {
		t.Errorf("the same seed gave\n%+v\nand\n%+v", first.Total, again.Total)
	}
	if reflect.DeepEqual(first.Messages, other.Messages) {
		t.Error("another seed gave the same messages")
	}
	if first.Total.Faulty == 0 || first.Total.Throttled == 0 || first.Total.Posts < 20 {
		t.Errorf("too little happened for the test to mean anything: %+v", first.Total)
	}
}

func TestRealCardsAreNotBad(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(shared(t, "fixtures", "cards_valid"), "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no cards (%v)", err)
	}
	o := open()
	o.Limits.RunPosts = -1
	s := newTeams(t, o)
	for _, file := range files {
		card, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		id, target := s.AddFlow(simulator.Flow{})

		send(s, target, wrap(json.RawMessage(card)))

		for _, m := range s.Oracle().Messages {
			if m.Flow == id && slices.Contains(m.Failures, simulator.BadCard) {
				t.Errorf("%s: %+v", filepath.Base(file), s.Notes(id))
			}
		}
	}
	t.Logf("%d cards, %d posted", len(files), s.Oracle().Total.Posts)
}
