package simulator

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"time"
)

// p99Deviations is how many standard deviations above the mean the 99th
// percentile of a normal distribution lies.
const p99Deviations = 2.326348

// chance is the source of one decision's random numbers: what it answers
// depends on the seed and on what it is for, never on who asked before.
type chance struct{ *rand.Rand }

func newChance(seed uint64, what string, n int) chance {
	h := fnv.New64a()
	_, _ = h.Write(binary.BigEndian.AppendUint64([]byte(what), uint64(n))) // a hash never fails
	//nolint:gosec // repeatable from a seed is the point; nothing secret comes from it
	return chance{rand.New(rand.NewPCG(seed, h.Sum64()))}
}

// latency draws how long an answer takes.
func (c chance) latency(l Latency) time.Duration {
	if l.Fixed > 0 || l.Median <= 0 {
		return l.Fixed
	}
	if l.P99 <= l.Median {
		return l.Median
	}
	sigma := math.Log(float64(l.P99)/float64(l.Median)) / p99Deviations
	return time.Duration(float64(l.Median) * math.Exp(sigma*c.NormFloat64()))
}

// between draws from a uniform distribution.
func (c chance) between(d RunDelay) time.Duration {
	if d.Max <= d.Min {
		return d.Min
	}
	return d.Min + time.Duration(c.Int64N(int64(d.Max-d.Min)))
}

func (c chance) oneIn(n int) bool { return n > 0 && c.IntN(n) == 0 }

func (c chance) bytes(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(c.Uint32())
	}
	return b
}

func (c chance) hex(n int) string  { return hex.EncodeToString(c.bytes(n)) }
func (c chance) signature() string { return base64.RawURLEncoding.EncodeToString(c.bytes(32)) }
func (c chance) guid() string {
	h := c.hex(16)
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

func (c chance) runID() string          { return fmt.Sprintf("08584%030dCU%02d", c.Uint64(), 1+c.IntN(60)) }
func (c chance) happens(p float64) bool { return p > 0 && c.Float64() < p }
