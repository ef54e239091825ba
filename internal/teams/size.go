package teams

import (
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// Counted returns the size of a JSON text as Teams counts it against
// TeamsPostBytes: compact, characters beyond ASCII as they are, and all of it
// escaped once more as a JSON string. body must be valid JSON.
func Counted(body []byte) int {
	n := 2 // the quotes around the whole
	inString := false
	for i := 0; i < len(body); i++ {
		c := body[i]
		switch {
		case c == '"':
			inString = !inString
			n += 2
		case !inString && (c == ' ' || c == '\t' || c == '\n' || c == '\r'):
		case inString && c == '\\' && i+1 < len(body):
			size, read := countedEscape(body[i:])
			n += size
			i += read - 1
		default:
			n++
		}
	}
	return n
}

// countedEscape counts the escape at the start of b, which has at least two
// bytes, and says how many bytes it takes there.
func countedEscape(b []byte) (size, read int) {
	switch b[1] {
	case '"', '\\':
		return 4, 2
	case '/':
		return 1, 2
	case 'u':
		r, ok := unit(b)
		if !ok {
			return 2, 2
		}
		if low, ok := unit(b[6:]); ok && utf16.IsSurrogate(r) {
			if pair := utf16.DecodeRune(r, low); pair != utf8.RuneError {
				return utf8.RuneLen(pair), 12
			}
		}
		return countedRune(r), 6
	}
	return 3, 2 // \n and its like
}

// countedRune counts one code unit that was written as \uXXXX.
func countedRune(r rune) int {
	switch {
	case r == '"', r == '\\':
		return 4
	case r == '\b', r == '\f', r == '\n', r == '\r', r == '\t':
		return 3
	case r < ' ', utf16.IsSurrogate(r): // stays \uXXXX
		return 7
	}
	return utf8.RuneLen(r)
}

// unit reads \uXXXX at the start of b.
func unit(b []byte) (rune, bool) {
	if len(b) < 6 || b[0] != '\\' || b[1] != 'u' {
		return 0, false
	}
	v, err := strconv.ParseUint(string(b[2:6]), 16, 16)
	return rune(v), err == nil
}
