package lane

import (
	"time"

	"github.com/teamsconnector/teamsconnector/internal/connector"
)

// FreeAt returns when the window of a group as it is stored lets one more send
// start: now when it may start at once. What Teams asked the group to wait is
// not looked at.
func FreeAt(now time.Time, g connector.Group) time.Time {
	return newWindow(g.Profile, g.Recent).free(now)
}
