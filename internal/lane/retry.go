package lane

import (
	"time"

	"github.com/teamsconnector/teamsconnector/internal/teams"
)

// The waits between attempts.
const (
	firstRetry    = 2 * time.Second  // after the first failure of a lane, doubled with each further one
	longestRetry  = 5 * time.Minute  // the most that a failing lane waits
	firstPause    = 15 * time.Second // of a group when Teams says 429 without saying how long, doubled with each further one
	longestPause  = 5 * time.Minute
	loadRetry     = time.Second // when the store could not be read
	sweepEvery    = time.Minute // lanes that stand still are searched for messages whose life is over
	sweepHeld     = time.Hour   // likewise while held, where only the longest hold counts
	longestHold   = 14 * 24 * time.Hour
	schemaStrikes = 3 // different messages in a row that the trigger refuses for their shape: the flow is another one
	// A lane that failed so often in a row gets at most every tenth place of its group.
	circuitFailures = 3
	probeEvery      = 10
	panicStrikes    = 2 // attempts at one message that broke us: it ends
)

// backoff returns first * 2^n, at most longest: half of it fixed, half random.
func backoff(n int, first, longest time.Duration, random float64) time.Duration {
	d := longest
	if n < 30 && first<<n < longest {
		d = first << n
	}
	return d/2 + time.Duration(random*float64(d/2))
}

// asked returns how long a group waits when Teams said how long: never less.
func asked(retryAfter time.Duration) time.Duration {
	return min(max(retryAfter, teams.MinRetryAfter), teams.MaxRetryAfter)
}
