package simulator

import "time"

// button is one change that the page offers.
type button struct {
	ID     FlowID
	View   string
	Change Change
	Label  string
	Icon   string
	Danger bool
}

// buttons are what can happen to the flow as it stands: first what people try
// most, then the rest.
func buttons(f *flow) (first, rest []button) {
	make := func(c Change, label, icon string) button {
		return button{ID: f.id, Change: c, Label: label, Icon: icon, Danger: c == Delete}
	}
	if f.state == stateOn && !f.noSAS && !f.signIn {
		first = append(first, make(TurnOff, "Turn off", "power"))
	} else {
		first = append(first, make(TurnOn, "Turn on", "play"))
	}
	first = append(first, make(RotateSignature, "New URL", "key"))
	if f.state == stateOn {
		rest = append(rest, make(Suspend, "Suspend", "pause"))
	}
	rest = append(rest, make(MigrateHost, "Move to a new host", "move"))
	if !f.signIn {
		rest = append(rest, make(RequireSignIn, "Require sign-in", "person"))
	}
	if !f.noSAS {
		rest = append(rest, make(ForbidSAS, "Forbid signatures", "blocked"))
	}
	if f.Confirmed {
		rest = append(rest, make(Unconfirm, "Answer at once", "check"))
	} else {
		rest = append(rest, make(Confirm, "Answer after the post", "check"))
	}
	return first, append(rest, make(Delete, "Delete", "delete"))
}

func (f *flow) stateWords(now time.Time) (words, class string) {
	switch {
	case f.state == stateOff:
		return "Off", "failing"
	case f.state == stateSuspended:
		return "Suspended", "failing"
	case f.state == stateDeleted:
		return "Deleted", "failing"
	case f.noSAS:
		return "Signatures forbidden", "failing"
	case f.signIn:
		return "Sign-in required", "failing"
	case now.Before(f.pause.until):
		return "Throttling", "throttled"
	}
	return "On", "ok"
}

// faultGroup is a heading in the list of faults.
type faultGroup struct {
	Label  string
	Faults []Fault
}

func faultGroups() []faultGroup {
	groups := []faultGroup{
		{Label: "Never told: the message is posted"},
		{Label: "Throttling"},
		{Label: "Answers"},
		{Label: "Errors as text in a 200"},
		{Label: "Runs"},
	}
	for _, sp := range specs() {
		i := 2
		switch {
		case sp.fault == RunLost || sp.fault == RunTwice:
			i = 4
		case sp.runs:
			i = 0
		case sp.throttle != "" && sp.fault != Unavailable:
			i = 1
		case sp.answer != nil && sp.answer.status == 200:
			i = 3
		}
		groups[i].Faults = append(groups[i].Faults, sp.fault)
	}
	return groups
}
