package console

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/teamsconnector/teamsconnector/internal/admin"
	"github.com/teamsconnector/teamsconnector/internal/connector"
)

// browserName says in two words what a browser calls itself at length.
func browserName(agent string) string {
	name := "Browser"
	for _, known := range []struct{ mark, name string }{
		{"Edg/", "Edge"}, {"Firefox/", "Firefox"}, {"OPR/", "Opera"}, {"Chrome/", "Chrome"}, {"Safari/", "Safari"}, {"curl/", "curl"},
	} {
		if strings.Contains(agent, known.mark) {
			name = known.name
			break
		}
	}
	for _, known := range []struct{ mark, name string }{
		{"Android", "Android"}, {"iPhone", "iPhone"}, {"iPad", "iPad"}, {"Windows", "Windows"}, {"Mac OS X", "macOS"}, {"Linux", "Linux"},
	} {
		if strings.Contains(agent, known.mark) {
			return name + " on " + known.name
		}
	}
	return name
}

// stamp is a time as machines read it.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z07:00") }

// clock is a time as people read it, in UTC; the script puts it into their own time zone.
func clock(t time.Time) string { return t.UTC().Format("2 Jan 2006, 15:04") + " UTC" }

// nearClock is a time of today as people read it, in UTC; of another day it is as clock has it.
func nearClock(t time.Time) string {
	if t.UTC().Format(time.DateOnly) != time.Now().UTC().Format(time.DateOnly) {
		return clock(t)
	}
	return t.UTC().Format("15:04") + " UTC"
}

// day is a date as people read it.
func day(t time.Time) string { return t.UTC().Format("2 January 2006") }

// count writes a number with its thousands apart.
func count(n int) string {
	s := strconv.Itoa(n)
	for at := len(s) - 3; at > 0 && s[at-1] != '-'; at -= 3 {
		s = s[:at] + "," + s[at:]
	}
	return s
}

// limit writes a quota; zero is none.
func limit(n int) string {
	if n == 0 {
		return "no limit"
	}
	return count(n)
}

// statusWord is the status of a subscription as people read it.
func statusWord(s fmt.Stringer) string {
	word := s.String()
	return strings.ToUpper(word[:1]) + word[1:]
}

// many writes a number and the right form of its word.
func many(n int, one, more string) string {
	if n == 1 {
		return "1 " + one
	}
	return count(n) + " " + more
}

// nameOr is a name, or what stands for it.
func nameOr(name, otherwise string) string {
	if name == "" {
		return otherwise
	}
	return name
}

// otherRole is what a member can be made instead.
func otherRole(r connector.Role) string {
	if r == connector.RoleAdmin {
		return connector.RoleMember.String()
	}
	return connector.RoleAdmin.String()
}

// instanceLabel names an instance, with its organization where there are several.
func instanceLabel(s admin.SubscriptionRow, among []admin.SubscriptionRow) string {
	for i := range among {
		if among[i].Organization != s.Organization {
			return s.InstanceName + " – " + s.OrganizationName
		}
	}
	return s.InstanceName
}

// explain is an error in the words that people read.
func explain(err error) string {
	var known *connector.Error
	if errors.As(err, &known) {
		return known.Message
	}
	return ""
}

// searchHint says what the search of the log looks into.
func searchHint(m messagesView) string {
	if m.hook != nil {
		return "Text, answer, key or reason"
	}
	return "Webhook, id, key or reason"
}

// runOf is the run that Teams named at the last attempt which it answered; empty: none.
func runOf(all []connector.Attempt) (run string) {
	for i := range all {
		if all[i].Outcome.RunID != "" {
			run = all[i].Outcome.RunID
		}
	}
	return run
}
