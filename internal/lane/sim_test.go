package lane_test

import (
	"flag"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/teamsconnector/teamsconnector/internal/connector"
	"github.com/teamsconnector/teamsconnector/internal/lane"
)

var (
	seeds = flag.Int("seeds", 300, "how many seeds TestSimulation tries")
	small = flag.Bool("shrink", true, "whether TestSimulation looks for the smallest plan that breaks the same rule")
	seed  = flag.Uint64("seed", 0, "the one seed that TestSimulation plays, with its trace")
)

// TestSimulation plays random lives of a house, with crashes and with
// Microsoft's rules, and holds every rule of sim_rules_test.go after each step.
func TestSimulation(t *testing.T) {
	if *seed != 0 {
		one := playOut(planned(*seed), true)
		t.Log("\n" + strings.Join(one.trace, "\n"))
		report(t, *seed)
		return
	}
	var next atomic.Uint64
	var bad atomic.Uint64 // the lowest seed that fails; 0: none
	var tally sync.Map
	var all sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		all.Go(func() {
			for s := next.Add(1); s <= uint64(*seeds) && bad.Load() == 0; s = next.Add(1) {
				one := playOut(planned(s), false)
				tally.Store(s, one.rules.tally())
				if one.rules.broken != "" {
					for was := bad.Load(); (was == 0 || s < was) && !bad.CompareAndSwap(was, s); was = bad.Load() {
					}
				}
			}
		})
	}
	all.Wait()
	if s := bad.Load(); s != 0 {
		report(t, s)
		return
	}
	sum := tallied{}
	tally.Range(func(_, v any) bool {
		sum.add(v.(tallied)) //nolint:errcheck,forcetypeassert // stored above
		return true
	})
	t.Logf("proof: simulation: %d seeds, no rule broken: %s", *seeds, sum)
}

// report fails with the smallest plan that still breaks the same rule.
func report(t *testing.T, seed uint64) {
	t.Helper()
	p := planned(seed)
	whole := playOut(p, false)
	if whole.rules.broken == "" {
		return
	}
	least := p
	if *small {
		least = shrunk(p, whole.rules.broken)
	}
	one := playOut(least, true)
	t.Errorf("seed %d breaks %s\n%s\nreplay: go test ./internal/lane -run 'TestSimulation$' -seed %d -v\nthe smallest plan that breaks it (%d of %d acts):\n%s\nits trace, the end:\n%s",
		seed, one.rules.broken, one.rules.how, seed, len(least.acts), len(p.acts), least, strings.Join(ending(one.trace, 60), "\n"))
}

// ending is the last lines of a trace, less what happens every minute.
func ending(trace []string, n int) []string {
	told := slices.DeleteFunc(slices.Clone(trace), func(line string) bool {
		return strings.Contains(line, "Tick{}") || strings.Contains(line, "N:1}") || strings.Contains(line, "  sweep ") || strings.Contains(line, "Swept{") && strings.Contains(line, "N:0")
	})
	return told[max(0, len(told)-n):]
}

// shrunk takes acts away as long as the same rule breaks.
func shrunk(p plan, rule string) plan {
	deadline := time.Now().Add(20 * time.Second)
	for size := len(p.acts) / 2; size > 0; {
		less := false
		for from := 0; from+size <= len(p.acts) && time.Now().Before(deadline); {
			q := p
			q.acts = append(append([]act(nil), p.acts[:from]...), p.acts[from+size:]...)
			if playOut(q, false).rules.broken == rule {
				p, less = q, true
				continue
			}
			from += size
		}
		if !less || size > len(p.acts) {
			size /= 2
		}
	}
	return p
}

// TestASimulationReplaysBitForBit holds what every report of a seed relies on.
func TestASimulationReplaysBitForBit(t *testing.T) {
	seen := map[uint64]bool{}
	for s := uint64(1); s <= 20; s++ {
		first, second := playOut(planned(s), false).hash.Sum64(), playOut(planned(s), false).hash.Sum64()
		if first != second {
			t.Errorf("seed %d: trace %x, then %x", s, first, second)
		}
		seen[first] = true
	}
	if len(seen) != 20 {
		t.Errorf("20 seeds gave %d traces, want 20", len(seen))
	}
}

// tallied says how much a run has seen, so that a simulation that tests nothing is noticed.
type tallied struct {
	seeds, messages, attempts, crashes int
	hours                              float64
	ends                               map[connector.State]int
}

func (r *rules) tally() tallied {
	one := tallied{seeds: 1, messages: len(r.promised), crashes: r.t.life, hours: r.t.now.Sub(epoch).Hours(), ends: r.t.disk.usage}
	for _, a := range r.attempts {
		one.attempts += len(a)
	}
	return one
}

func (t *tallied) add(o tallied) {
	t.seeds += o.seeds
	t.messages += o.messages
	t.attempts += o.attempts
	t.crashes += o.crashes
	t.hours += o.hours
	if t.ends == nil {
		t.ends = map[connector.State]int{}
	}
	for s, n := range o.ends {
		t.ends[s] += n
	}
}

func (t tallied) String() string {
	return fmt.Sprintf("%d messages, %d attempts, %d starts of a process, %.0f hours; ends %v", t.messages, t.attempts, t.crashes, t.hours, t.ends)
}

// tell writes an event for the trace.
func tell(e lane.Event) string {
	switch e := e.(type) {
	case lane.Loaded:
		ids := make([]string, 0, len(e.Head))
		for _, i := range e.Head {
			ids = append(ids, string(i.ID))
		}
		return fmt.Sprintf("loaded lane %d %s v%d head %v more %v waiting %d", e.Lane.ID, e.Lane.State, e.Lane.URLVersion, ids, e.More, e.Waiting)
	case lane.Delivered:
		return fmt.Sprintf("delivered lane %d %s/%s retry after %v", e.Lane, e.Outcome.Verdict, e.Outcome.Reason, e.Outcome.RetryAfter)
	}
	return fmt.Sprintf("%T%+v", e, e)[len("lane."):]
}

func tellSettlement(s connector.Settlement) string {
	line := fmt.Sprintf("lane %d", s.Lane.ID)
	if s.Attempt != nil {
		line += fmt.Sprintf(" attempt %d at %s", s.Attempt.N, s.Attempt.Message)
	}
	for _, e := range s.Ends {
		line += fmt.Sprintf(", %s ends %s", e.Message, e.State)
	}
	if s.Stop {
		line += ", stop"
	}
	return line
}
