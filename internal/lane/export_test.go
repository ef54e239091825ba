package lane

import "github.com/teamsconnector/teamsconnector/internal/connector"

// PhaseOf shows tests where a lane stands.
func (m *Machine) PhaseOf(id connector.LaneID) Phase { return m.lane(id).phase }

// Window lets tests drive a window alone.
type Window = window

// NewWindow makes a window for tests.
var NewWindow = newWindow

// Free, Add, Nth and Launch let tests drive a window alone.
var (
	Free   = (*window).free
	Add    = (*window).add
	Nth    = (*window).nth
	Never  = never
	Launch = func(w *window) { w.flying++ }
	Land   = (*window).land
)
