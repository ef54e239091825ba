package store

import (
	"errors"
	"strings"
	"sync"
)

// ErrFault is what a fault answers when it was given no error of its own. At a
// COMMIT its end counts as unknown.
var ErrFault = errors.New("injected fault")

// Faults makes commits and statements fail, for tests: it wraps the real thing.
// A nil *Faults never does.
type Faults struct {
	mu         sync.Mutex
	commits    []commitFault
	statements []statementFault
}

type commitFault struct {
	in     int // commits until it strikes
	really bool
	err    error
}

type statementFault struct {
	part string
	in   int
	err  error
}

// FailCommit makes the n-th commit from now (1: the next) answer with err, or
// ErrFault: after it really happened, or instead of it.
func (f *Faults) FailCommit(n int, really bool, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.commits = append(f.commits, commitFault{in: n, really: really, err: orFault(err)})
}

// FailStatement makes the n-th statement from now that contains part fail with err, or ErrFault.
func (f *Faults) FailStatement(n int, part string, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.statements = append(f.statements, statementFault{part: part, in: n, err: orFault(err)})
}

func orFault(err error) error {
	if err == nil {
		return ErrFault
	}
	return err
}

// commit answers what the commit that comes now must answer, and whether it really happens.
func (f *Faults) commit() (err error, really bool) {
	if f == nil {
		return nil, true
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	really = true
	kept := f.commits[:0]
	for _, c := range f.commits {
		if c.in--; c.in > 0 {
			kept = append(kept, c)
			continue
		}
		err, really = c.err, c.really
	}
	f.commits = kept
	return err, really
}

// statement answers what the statement that comes now must answer.
func (f *Faults) statement(text string) (err error) {
	if f == nil {
		return nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	kept := f.statements[:0]
	for _, s := range f.statements {
		if !strings.Contains(text, s.part) {
			kept = append(kept, s)
			continue
		}
		if s.in--; s.in > 0 {
			kept = append(kept, s)
			continue
		}
		err = s.err
	}
	f.statements = kept
	return err
}
