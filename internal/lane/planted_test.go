package lane_test

import (
	"encoding/json"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var allPlants = flag.Bool("all-plants", false, "TestPlantedBugs: plant every bug, not only the first few")

// plant is a defect as a person might make it: in one file, old becomes new.
// It lives in an overlay of the build, never in the tree.
type plant struct {
	file, old, new string
}

// plants are defects that must not get by. A plant whose text is no longer in
// its file fails the test, so that the list keeps up with the code.
func plants() map[string]plant {
	return map[string]plant{
		"the window is forgotten at a restart": {
			file: "group.go", old: "newWindow(in.Profile, m.past(in.Recent))", new: "newWindow(in.Profile, nil)",
		},
		"the pause is forgotten at a restart": {
			file: "group.go", old: "		in.NotBefore = m.sane(in.NotBefore)\n", new: "		in.NotBefore = time.Time{}\n",
		},
		"a second send begins in a lane": {
			file: "machine.go", old: "	case Loading, Sending, Settling, Ending: // seen",
			new: "	case Sending:\n		m.enter(l, Waiting)\n		m.queue(l)\n	case Loading, Settling, Ending: // seen",
		},
		"the next message goes before the last is on disk": {
			file: "outcome.go", old: "	m.enter(l, Settling)\n	m.do(Settle{s})\n",
			new: "	m.enter(l, Settling)\n	m.do(Settle{s})\n	if !l.armed {\n		m.settled(l)\n	}\n",
		},
		"a retry lets the next message pass": {
			file: "outcome.go", old: "	l.NotBefore = m.now.Add(backoff(l.Failures, firstRetry, longestRetry, e.Rand))\n",
			new: "	l.head = append(l.head[1:], l.head[0])\n",
		},
		"an outcome is dropped": {
			file: "outcome.go", old: "	case connector.VerdictRetry:\n		s.Ends = m.failed(l, e)\n",
			new: "	case connector.VerdictRetry:\n		m.failed(l, e)\n		m.enter(l, Waiting)\n		m.queue(l)\n		return\n",
		},
		"a wake-up is lost while a message is under way": {
			file: "machine.go", old: "	l.more = true\n	if n == 0 {", new: "	l.more = l.more || l.phase != Sending\n	if n == 0 {",
		},
		"Retry-After is cut short": {
			file: "retry.go", old: "return min(max(retryAfter, ", new: "return min(max(retryAfter/2, ",
		},
		"the window has no margin for runs that start late": {
			file: "window.go", old: "{{teams.RunPosts - 1, teams.RunWindow + late}, door}", new: "{{teams.RunPosts, teams.RunWindow}, door}",
		},
		"the post in flight at a crash is not counted": {
			file: "machine.go", old: "l.group.window.add(m.now) // the post", new: "_ = l // the post",
		},
		"a message is sent after its life": {
			file: "pace.go", old: "		case m.over(l, item):\n", new: "		case m.now.IsZero():\n",
		},
		"an unclear message ends expired": {
			file: "outcome.go", old: "	bad := state == connector.StateExpired || state", new: "	bad := state",
		},
		"a paused lane sends": {
			file: "machine.go", old: "	case !l.sends():\n		l.head, l.more = nil, true\n		m.release(l)\n		m.enter(l, Held)", new: "	case l.State == connector.LaneStopped:\n		l.head, l.more = nil, true\n		m.release(l)\n		m.enter(l, Held)",
		},
		"a sweep ends what is under way": {
			file: "pace.go", old: "				s.Except = l.head[n-1].Seq\n", new: "				s.Except = 0\n",
		},
		"a message ends twice": {
			file: "outcome.go", old: "	s.Ends = m.finish(l, state, o.Reason, o.Detail)\n",
			new: "	s.Ends = m.finish(l, state, o.Reason, o.Detail)\n	s.Ends = append(s.Ends, s.Ends[0])\n",
		},
		"a drained process starts another attempt": {
			file: "machine.go", old: "		m.draining = true\n", new: "		m.draining = m.busy == 0\n",
		},
		"a lane whose read failed is forgotten": {
			file: "machine.go", old: "	m.at(l, m.now.Add(loadRetry))\n", new: "",
		},
		"a pause holds one lane and not its group": {
			file: "outcome.go", old: "		g.NotBefore, l.paused = until, until\n", new: "		l.NotBefore, l.paused = until, until\n",
		},
		"texts are combined past a card": {
			file: "coalesce.go", old: "	return i.Parcel.Content.Kind == connector.KindText && i.Weight > 0 &&", new: "	return",
		},
		"a card of several is too large": {
			file: "coalesce.go", old: "weight > teams.CardRoom", new: "weight > 2*teams.CardRoom",
		},
		"one bad text fails its whole card": {
			file: "outcome.go", old: "	if m.halve(l) {\n		return\n	}\n", new: "",
		},
		"a part is sent again after it was taken": {
			file: "outcome.go", old: "		head.PartsDone++\n		l.panics = 0\n", new: "		l.panics = 0\n",
		},
		"nothing is marked before it is sent": {
			file: "ask.go", old: "l.Settings.OnUnclear != connector.UnclearAsk || l.testing", new: "m.now.Unix() > 0",
		},
		"a crash is not noticed where people want to be asked": {
			file: "machine.go", old: "	case l.Inflight != 0:\n", new: "	case m.now.IsZero():\n",
		},
		"a test waits its turn behind the others": {
			file: "coalesce.go", old: "	l.testing, l.members = len(l.test) > 0, 0\n", new: "	l.testing, l.members = len(l.test) > 0 && len(l.head) == 0, 0\n",
		},
		"a text waits for others without an end": {
			file: "company.go", old: "	return earlier(l.landed.Add(m.spacing(l.group)), a.last", new: "	return earlier(never, m.now",
		},
		"an urgent lane waits its turn": {
			file: "turn.go", old: "		case o.Settings.Urgent:\n", new: "		case o.Settings.Urgent && m.now.IsZero():\n",
		},
		"a change of settings goes unheard while a message is under way": {
			file: "machine.go", old: "	if n == 0 {\n		l.stale = true\n", new: "	if n == 0 && l.phase != Sending {\n		l.stale = true\n",
		},
		"what was unclear is repeated although people chose to be asked since": {
			file: "pace.go", old: "		case item.Unclear && l.Settings.OnUnclear == connector.UnclearAsk && !l.testing:", new: "		case m.now.IsZero():",
		},
		"texts share a card where people chose plain text": {
			file: "coalesce.go", old: "return l.Settings.Combine && l.payload != connector.PayloadText", new: "return l.Settings.Combine",
		},
		"another profile of a flow owner is not taken over": {
			file: "group.go", old: "		g.window.limits = limits(g.Profile)\n", new: "",
		},
		"a refused message stops those behind it": {
			file: "outcome.go", old: "	case l.stale:\n		m.enter(l, Waiting)", new: "	case l.stale || len(l.head) == 1 && l.Mismatches > 0:\n		m.enter(l, Idle)\n		m.release(l)\n	case m.now.IsZero():\n		m.enter(l, Waiting)",
		},
	}
}

// quick are the plants of a usual run of the tests.
var quick = []string{"the window is forgotten at a restart", "the pause is forgotten at a restart", "a retry lets the next message pass"}

// TestPlantedBugs shows that the simulation is no decoration: each bug, planted
// alone, breaks a rule.
func TestPlantedBugs(t *testing.T) {
	for name, p := range plants() {
		if !*allPlants && !slices.Contains(quick, name) {
			continue
		}
		t.Run(strings.ReplaceAll(name, " ", "_"), func(t *testing.T) {
			t.Parallel()
			out, found := p.run(t)
			how := regexp.MustCompile(`seed (\d+) breaks (.*)`).FindStringSubmatch(out)
			switch {
			case !found:
				t.Errorf("nobody notices that %s:\n%s", name, out)
			case how == nil:
				t.Errorf("the run fails otherwise than by a rule:\n%s", out)
			default:
				t.Logf("proof: planted: %s: found with %s seeds, by %s", name, how[1], how[2])
			}
		})
	}
}

// run plays the simulation on a build with the bug in it.
func (p plant) run(t *testing.T) (out string, found bool) {
	t.Helper()
	dir := t.TempDir()
	path, err := filepath.Abs(p.file)
	if err != nil {
		t.Fatal(err)
	}
	code, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(code), p.old); n != 1 {
		t.Fatalf("%s holds %d times %q, want 1: plant the bug anew", p.file, n, p.old)
	}
	bad := filepath.Join(dir, "bad.go")
	overlay, err := json.Marshal(map[string]any{"Replace": map[string]string{path: bad}})
	if err != nil {
		t.Fatal(err)
	}
	binary, list := filepath.Join(dir, "planted.test"), filepath.Join(dir, "overlay.json")
	for file, text := range map[string][]byte{bad: []byte(strings.Replace(string(code), p.old, p.new, 1)), list: overlay} {
		if err := os.WriteFile(file, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	build := exec.CommandContext(t.Context(), "go", "test", "-c", "-overlay", list, "-o", binary, ".")
	if text, err := build.CombinedOutput(); err != nil {
		t.Fatalf("it does not build: %v\n%s", err, text)
	}
	test := exec.CommandContext(t.Context(), binary, "-test.run", "TestSimulation$", "-seeds", "10000", "-shrink=false")
	text, err := test.CombinedOutput()
	return string(text), err != nil
}
