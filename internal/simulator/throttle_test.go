package simulator_test

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/teamsconnector/teamsconnector/internal/simulator"
)

func TestFifthRequestOfASecondIsThrottled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newTeams(t, simulator.Options{RetryForms: []simulator.RetryForm{simulator.RetryAbsent}})
		_, target := s.AddFlow(simulator.Flow{})
		_, other := s.AddFlow(simulator.Flow{})

		var got []int
		for range 5 {
			got = append(got, send(s, target, envelope("x")).Code)
		}
		beside := send(s, other, envelope("x")).Code
		wait(time.Second)
		later := send(s, target, envelope("x")).Code

		if got[3] != 202 || got[4] != 429 || beside != 202 || later != 202 {
			t.Errorf("five at once %v, another flow %d, a second later %d: want four times 202, 429; 202; 202", got, beside, later)
		}
	})
}

// wait lets a second of the bubble's clock pass.
func wait(d time.Duration) { <-time.After(d) }

func TestRetryAfterComesInEveryForm(t *testing.T) {
	for form, c := range map[simulator.RetryForm]struct {
		header func(now time.Time) string
		pause  time.Duration // until the next request is polite
	}{
		simulator.RetrySeconds:   {func(time.Time) string { return "2" }, 2 * time.Second},
		simulator.RetryLong:      {func(time.Time) string { return "600" }, 600 * time.Second},
		simulator.RetryDate:      {func(now time.Time) string { return now.Add(3 * time.Second).UTC().Format(http.TimeFormat) }, 3 * time.Second},
		simulator.RetryAbsent:    {func(time.Time) string { return "" }, 0},
		simulator.RetryMalformed: {func(time.Time) string { return "soon" }, 0},
	} {
		t.Run(string(form), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newTeams(t, simulator.Options{Limits: simulator.Limits{DoorPerSecond: 1}, RetryForms: []simulator.RetryForm{form}})
				_, target := s.AddFlow(simulator.Flow{})
				send(s, target, envelope("first"))

				throttled := send(s, target, envelope("second"))

				if want := c.header(time.Now()); throttled.Code != 429 || throttled.Header().Get("Retry-After") != want {
					t.Errorf("got %d with Retry-After %q, want 429 with %q", throttled.Code, throttled.Header().Get("Retry-After"), want)
				}
				if c.pause == 0 {
					return
				}
				wait(c.pause - time.Millisecond)
				early := send(s, target, envelope("early"))
				rude := s.Oracle().Total.Rude
				wait(time.Second)
				late := send(s, target, envelope("late"))
				if early.Code != 429 || rude != 1 {
					t.Errorf("a millisecond early: %d, %d rude, want 429 and 1 rude", early.Code, rude)
				}
				if late.Code != 202 || s.Oracle().Total.Rude != 1 {
					t.Errorf("after the pause: %d, %d rude, want 202 and no more rude", late.Code, s.Oracle().Total.Rude)
				}
			})
		})
	}
}

func TestThrottleButtonIsRudeOnlyOnceTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newTeams(t, open())
		id, target := s.AddFlow(simulator.Flow{})
		if err := s.Throttle(id, 10*time.Second); err != nil {
			t.Fatal(err)
		}

		first := send(s, target, envelope("x"))
		afterFirst := s.Oracle().Total.Rude
		send(s, target, envelope("x"))
		afterSecond := s.Oracle().Total.Rude
		wait(10 * time.Second)
		last := send(s, target, envelope("x"))

		if first.Code != 429 || first.Header().Get("Retry-After") != "10" || afterFirst != 0 {
			t.Errorf("first: %d, Retry-After %q, %d rude; want 429, 10, none", first.Code, first.Header().Get("Retry-After"), afterFirst)
		}
		if afterSecond != 1 || last.Code != 202 {
			t.Errorf("%d rude after the second, then %d; want 1, then 202", afterSecond, last.Code)
		}
	})
}

func TestPauseEndsForTheRudeToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newTeams(t, open())
		id, target := s.AddFlow(simulator.Flow{})
		if err := s.Throttle(id, 10*time.Second); err != nil {
			t.Fatal(err)
		}

		start, status := time.Now(), 429
		for status == 429 && time.Since(start) < time.Minute {
			wait(300 * time.Millisecond)
			status = send(s, target, envelope("x")).Code
		}

		if took := time.Since(start); took < 10*time.Second || took > 10*time.Second+300*time.Millisecond {
			t.Errorf("the door opened after %v, want 10 s", took)
		}
	})
}
