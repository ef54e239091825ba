package connector

import "strings"

// Cell is a text as a cell of CSV that no spreadsheet takes for a formula (OWASP, CSV Injection, read 2026-11).
func Cell(text string) string {
	if strings.ContainsAny(text[:min(1, len(text))], "=+-@\t\r") {
		return "'" + text
	}
	return text
}
