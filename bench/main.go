// Command bench measures the built binary from outside: the load comes from this
// process, the service is a second one, and the Teams that it posts to a third.
// It asserts nothing. Run it with scripts/bench; docs/benchmarks.md has figures.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"strings"
	"time"
)

// plan is one thing that is measured.
type plan struct {
	name, about string
	run         func(ctx context.Context, b *bench) error
}

func plans() []plan {
	return []plan{
		{"accept", "durable accepts a second, beside an endpoint that keeps nothing", accept},
		{"nodes", "durable accepts a second of two nodes on one PostgreSQL, beside one node's", nodes},
		{"deliver", "accept and deliver at once, 1,000 webhooks, beside a bare client that posts in a loop", deliver},
		{"steady", "50 texts a second over 1,000 webhooks: from the call to Teams", steady},
		{"sink50", "a Teams that takes 50 ms for each post", sink50},
		{"hanging", "100 webhooks beside 10,000 that never answer", hanging},
		{"webhooks", "accept and deliver with 1 to 100,000 webhooks", webhooks},
		{"start", "memory and the time until ready, with nothing and with 1,000,000 queued", startUp},
		{"lanes", "1,000 webhooks with one message each beside a lane with 100,000 waiting and a slow webhook", lanes},
		{"queued", "CPU for each accept with 1,000,000 queued, against the empty one's", queued},
		{"opentx", "time from call to Teams on PostgreSQL while somebody's transaction stays open", openTransaction},
		{"others", "what users would pick instead: a library and a command, and a burst at Microsoft's limits", others},
		{"pages", "every page of the console and every list of the API with 10,000 webhooks and 1,000,000 messages", pages},
		{"idle", "statements a second of a service that has nothing to do, on PostgreSQL", idle},
	}
}

// bench is what all plans share.
type bench struct {
	bin      string        // the built teamsconnector
	database string        // "sqlite", "postgres" or "both"
	rounds   int           // how often each is measured, in turn
	span     time.Duration // how long one measurement takes
	scale    float64       // 1: the sizes that the plans name
	only     int           // so many calls at once in accept; 0: all that it names
	plots    string        // folder for the pictures; empty: none are drawn
	out      func(format string, args ...any)
}

func main() {
	if len(os.Args) == 2 && os.Args[1] == "sink" {
		serveSink()
	}
	if len(os.Args) == 2 && os.Args[1] == "endpoint" {
		serveEndpoint()
	}
	b := &bench{out: func(format string, args ...any) { fmt.Printf(format+"\n", args...) }}
	flag.StringVar(&b.bin, "bin", "", "the built teamsconnector (required)")
	flag.StringVar(&b.database, "database", "both", "sqlite, postgres or both")
	flag.IntVar(&b.rounds, "rounds", 3, "how often each is measured, in turn; the median counts")
	flag.DurationVar(&b.span, "span", 8*time.Second, "how long one measurement takes; for opentx how long the transaction stays open")
	flag.Float64Var(&b.scale, "scale", 1, "part of the sizes that the plans name, for a quick look")
	flag.IntVar(&b.only, "connections", 0, "how many calls at once in accept; 0: 1, 16, 64 and 256")
	flag.StringVar(&b.plots, "plots", "", "a folder for the plots as SVG; empty: none")
	flag.Parse()
	if b.bin == "" {
		fmt.Fprintln(os.Stderr, "bench: name the built binary with -bin; scripts/bench does")
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	wanted := flag.Args()
	b.out("%s, %d processors, %s", time.Now().UTC().Format(time.DateOnly), runtime.NumCPU(), runtime.Version())
	for _, p := range plans() {
		if len(wanted) > 0 && !strings.Contains(" "+strings.Join(wanted, " ")+" ", " "+p.name+" ") {
			continue
		}
		b.out("\n## %s: %s", p.name, p.about)
		if err := p.run(ctx, b); err != nil {
			fmt.Fprintf(os.Stderr, "bench: %s: %v\n", p.name, err)
			os.Exit(1)
		}
	}
}

// databases are the kinds that were asked for.
func (b *bench) databases() []string {
	if b.database == "both" {
		return []string{"sqlite", "postgres"}
	}
	return []string{b.database}
}

// onEach starts an installation on each database in turn, and measures there.
func (b *bench) onEach(ctx context.Context, measure func(ctx context.Context, s *service, kind string) error) error {
	for _, kind := range b.databases() {
		s, err := b.start(ctx, kind)
		if err != nil {
			return err
		}
		err = measure(ctx, s, kind)
		s.stop()
		if err != nil {
			return err
		}
	}
	return nil
}

// of is a size, scaled.
func (b *bench) of(n int) int { return max(1, int(float64(n)*b.scale)) }
