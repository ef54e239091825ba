package main

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"
)

// listJSON is every list: what it holds, and where the next page begins.
type listJSON[T any] struct {
	Items []T     `json:"items"`
	Next  *string `json:"next"`
}

// sayTable writes rows below each other, the first one as their heading.
func (p process) sayTable(rows [][]string) error {
	table := tabwriter.NewWriter(p.out, 0, 0, 2, ' ', 0)
	var failed error
	for _, row := range rows {
		_, err := fmt.Fprintln(table, strings.Join(row, "\t"))
		failed = errors.Join(failed, err)
	}
	if err := errors.Join(failed, table.Flush()); err != nil {
		return fmt.Errorf("write the answer: %w", err)
	}
	return nil
}

// shown is a text that people chose, on one line and without anything that a
// terminal obeys; where that changes it, it stands in quotes.
func shown(text string) string {
	if strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return strconv.Quote(text)
	}
	return text
}

// when is a time as people read it; none is what the zero time means.
func when(t time.Time, none string) string {
	if t.IsZero() {
		return none
	}
	return t.UTC().Format("2006-01-02 15:04:05 UTC")
}

// timeJSON is a time for programs; nil: there is none.
func timeJSON(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return new(t.UTC())
}

// counted is a number of things in words: 1 message, 2 messages.
func counted(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return strconv.Itoa(n) + " " + thing + "s"
}
