// Command teamsconnector posts messages of apps to Microsoft Teams channels by
// Webhook ID: the service, its tools for the shell, and a simulated Teams.
package main

import (
	"context"
	"os"
)

func main() {
	p := process{in: os.Stdin, out: os.Stdout, err: os.Stderr, lookup: os.LookupEnv, environ: os.Environ(), program: os.Args[0]}
	os.Exit(p.run(context.Background(), os.Args[1:]))
}
