// Package lane is the engine's pure core: which message of which webhook goes
// next, when, and what its outcome means for it, its lane and its group.
//
// A Machine is stepped: Step(now, event) returns effects for a runner to carry
// out (internal/dispatch), and nothing else comes in or goes out. There is no
// clock, no lock, no goroutine and no chance in here, so a run replays bit for
// bit. docs/message-life.md holds the table of phases, events and effects; a
// test compares it with what the machine does.
package lane
