// Command report reads what `go test -json` says, shows it while it runs, and
// ends a run of scripts/test with one summary.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
)

// errUsage: the arguments make no sense.
var errUsage = errors.New(`usage:
  report follow                  show the events on standard input as they come
  report summary [flags] FILE    sum up the events in FILE; exit 1 if something failed`)

func main() {
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

func run(args []string, in io.Reader, out, trouble io.Writer) int {
	var err error
	switch {
	case len(args) == 1 && args[0] == "follow":
		err = newFollower(out).read(in)
	case len(args) > 1 && args[0] == "summary":
		err = summary(args[1:], out, trouble)
	default:
		err = errUsage
	}
	switch {
	case errors.Is(err, errFailed):
		return 1
	case err != nil:
		fmt.Fprintln(trouble, "report:", err)
		return 2
	}
	return 0
}

// errFailed: the summary says what failed.
var errFailed = errors.New("something failed")

func summary(args []string, out, trouble io.Writer) error {
	flags := flag.NewFlagSet("summary", flag.ContinueOnError)
	flags.SetOutput(trouble)
	checks := flags.String("checks", "", "`file` with a line \"pass|fail|broke NAME\" for each other check")
	shared := flags.String("shared", "", "`folder` with fixtures and bad input: each set must have run whole")
	ci := flags.Bool("ci", false, "a skipped test is a failure")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() != 1 {
		return errUsage
	}

	t := newTally()
	if err := t.readFile(flags.Arg(0)); err != nil {
		return err
	}
	if err := t.readChecks(*checks); err != nil {
		return err
	}
	want, err := sets(*shared)
	if err != nil {
		return err
	}
	t.checkSets(want)
	if *ci {
		t.checkSkips()
	}
	t.print(out)
	if len(t.failed) > 0 {
		return errFailed
	}
	return nil
}
