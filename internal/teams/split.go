package teams

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"

	"github.com/rivo/uniseg"
)

// MaxParts is in how many posts a text may go out at most. Ours.
const MaxParts = 6

// What the JSON around texts counts for; a test compares it with what is written.
const (
	textOverhead      = 295 // of an envelope without blocks
	blockOverhead     = 74  // of a block without text, and the comma before it
	containerOverhead = 181 // of a container with its time and without blocks, and the comma before it
	// slack is what a cut within a line may add: its end can make a mark into markup.
	slack = 64
)

// Measure reckons a text as Teams counts it, without writing it: what it weighs
// in a card of several, and in how many posts it goes out.
func Measure(text []byte) (weight, parts int) {
	size := 0
	for line := range lines(text) {
		size += blockOverhead + countedLine(line)
	}
	if size+textOverhead <= PartBytes {
		return size + containerOverhead, 1
	}
	return 0, len(split(text))
}

// Part returns part k of n of a text, counted from 1, with its mark.
func Part(text []byte, k, n int) ([]byte, error) {
	if n <= 1 {
		return text, nil
	}
	parts := split(text)
	if len(parts) != n || k < 1 || k > n {
		return nil, fmt.Errorf("take part %d of %d: the text has %d", k, n, len(parts))
	}
	return fmt.Appendf(nil, "(%d/%d)\n%s", k, n, parts[k-1]), nil
}

// lines are a text's lines, without their ends.
func lines(text []byte) func(yield func(string) bool) {
	return strings.SplitSeq(string(bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n"))), "\n")
}

// countedLine is what a line counts for in its block.
func countedLine(line string) int {
	if line == "" {
		return len(blank)
	}
	n := 0
	e := escaper{line: line, number: -1}
	for i := range len(line) {
		n += e.counted(i)
	}
	return n
}

// counted is what the byte at i counts for, with the backslash that it needs.
func (e *escaper) counted(i int) (n int) {
	switch c := e.line[i]; {
	case c == '"', c == '\\':
		n = 4
	case c == '\b', c == '\f', c == '\n', c == '\r', c == '\t':
		n = 3
	case c < ' ':
		n = 7
	default:
		n = 1
	}
	if e.markup(i) {
		n += 4
	}
	e.pass(i)
	return n
}

// split cuts a text into parts of at most PartBytes: between lines where it can,
// else between words, else between graphemes.
func split(text []byte) (parts []string) {
	const room = PartBytes - textOverhead - (blockOverhead + len("(6/6)")) - slack
	var part []string
	left := room
	end := func() {
		if len(part) > 0 {
			parts, part, left = append(parts, strings.Join(part, "\n")), nil, room
		}
	}
	for line := range lines(text) {
		size := blockOverhead + countedLine(line)
		if size > left {
			end()
		}
		for size > left {
			head, rest := cutLine(line, left-blockOverhead)
			parts = append(parts, head)
			line = rest
			size = blockOverhead + countedLine(line)
		}
		part, left = append(part, line), left-size
	}
	end()
	return parts
}

// markdownLink is a link as people write it; it is not cut, although plain text shows it as it is.
var markdownLink = regexp.MustCompile(`\[[^\[\]]*\]\([^()\s]*\)`)

// cutLine takes as much of a line as fits.
func cutLine(line string, room int) (head, rest string) {
	links := markdownLink.FindAllStringIndex(line[:min(len(line), room+4096)], -1)
	inLink := func(at int) bool {
		for _, l := range links {
			if l[0] < at && at < l[1] {
				return true
			}
		}
		return false
	}
	word, grapheme, size, at := 0, 0, 0, 0
	e := escaper{line: line, number: -1}
	for remaining, state := line, -1; remaining != ""; {
		var cluster string
		cluster, remaining, _, state = uniseg.FirstGraphemeClusterInString(remaining, state)
		for range len(cluster) {
			size += e.counted(at)
			at++
		}
		if size > room {
			break
		}
		if !inLink(at) {
			grapheme = at
			if cluster == " " || cluster == "\t" {
				word = at
			}
		}
	}
	switch {
	case word > 0:
		return strings.TrimRight(line[:word], " \t"), line[word:]
	case grapheme > 0:
		return line[:grapheme], line[grapheme:]
	}
	return cutRunes(line, room)
}

// cutRunes cuts what is one grapheme or one link and longer than a part.
func cutRunes(line string, room int) (head, rest string) {
	size := 0
	e := escaper{line: line, number: -1}
	cut := 0
	for at := range line {
		for i := cut; i < at; i++ {
			size += e.counted(i)
		}
		if size > room {
			break
		}
		cut = at
	}
	return line[:cut], line[cut:]
}
