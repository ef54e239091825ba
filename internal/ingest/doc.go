// Package ingest is the front door for messages, from checked credentials to
// the answer: it checks and seals them, has them stored, and keeps the callers
// that wait for the end of theirs.
//
// A caller is registered before its message is stored, so that no end can slip
// through between the commit and the first look. What the engine settles comes
// back through Settled and Swept, after the commit.
package ingest
