package main

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/teamsconnector/teamsconnector/internal/simulator"
)

// simulatorConfig is how the standalone simulated Teams behaves.
type simulatorConfig struct {
	listen   string
	channels int
	options  simulator.Options
}

// maxChannels is how many channels one page can still show.
const maxChannels = 1000

func simulatorSettings() []setting {
	return []setting{
		{
			name: "simulator-listen", flag: "listen", of: faceSimulator, value: defaultSimulatorListen, usage: "where the simulated Teams is",
			apply: func(c *config, v []string) error { return address(&c.simulator.listen, v) },
		},
		{
			name: "simulator-channels", flag: "channels", of: faceSimulator, value: "3", usage: "how many channels, each with a webhook",
			apply: func(c *config, v []string) error { return whole(&c.simulator.channels, v, 1, maxChannels) },
		},
		{
			name: "simulator-seed", flag: "seed", of: faceSimulator, value: "1", usage: "decides everything that is left to chance",
			apply: func(c *config, v []string) (err error) {
				if c.simulator.options.Seed, err = strconv.ParseUint(one(v), 10, 64); err != nil {
					return errors.New("it should be a whole number from 0")
				}
				return nil
			},
		},
		{
			name: "simulator-latency", flag: "latency", of: faceSimulator, value: "real",
			usage: "how long answers take: real (median 150 ms, 99th percentile 2 s; posts 0.2 to 3 s later), none, or a fixed time such as 500ms",
			apply: applyLatency,
		},
		{
			name: "simulator-limits", flag: "limits", of: faceSimulator, value: "real",
			usage: "real (4 requests a second per webhook, 25 posts per 300 s per connection), or none",
			apply: applyLimits,
		},
		{
			name: "simulator-twice-in", flag: "twice-in", of: faceSimulator, value: "0", usage: "one run in so many posts twice, as Microsoft's may; 0: none",
			apply: func(c *config, v []string) error { return whole(&c.simulator.options.TwiceIn, v, 0, 1_000_000) },
		},
	}
}

func applyLatency(c *config, v []string) error {
	switch one(v) {
	case "none":
		return nil
	case "real":
		c.simulator.options.Latency, c.simulator.options.RunDelay = simulator.RealLatency(), simulator.RealRunDelay()
		return nil
	}
	fixed, err := time.ParseDuration(one(v))
	if err != nil || fixed < 0 || fixed > time.Hour {
		return errors.New("it should be real, none, or a time from 0s to 1h such as 500ms")
	}
	c.simulator.options.Latency = simulator.Latency{Fixed: fixed}
	return nil
}

func applyLimits(c *config, v []string) error {
	switch one(v) {
	case "real":
		return nil
	case "none":
		c.simulator.options.Limits = simulator.Limits{DoorPerSecond: -1, RunPosts: -1, PostBytes: -1}
		return nil
	}
	return errors.New("it should be real or none")
}

// whole reads a whole number within bounds.
func whole(into *int, values []string, least, most int) error {
	n, err := strconv.Atoi(one(values))
	if err != nil || n < least || n > most {
		return fmt.Errorf("it should be a whole number from %d to %d", least, most)
	}
	*into = n
	return nil
}
