package store

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/teamsconnector/teamsconnector/internal/connector"
)

// groupOf says whose limits a webhook is paced to.
type groupOf struct {
	owner   string
	profile connector.Profile
	mac     []byte // of the URL: those with the same one share a group
	// stated: people chose the owner just now, so that none means none, and not what
	// another webhook with the URL says.
	stated bool
}

const ownersGroup = `
INSERT INTO grp (organization, owner, profile, recent) VALUES ($1, $2, $3, $4)
ON CONFLICT (organization, owner, profile) WHERE owner <> '' DO UPDATE SET owner = excluded.owner RETURNING id`

const lanesWithURL = `
SELECT l.id, g.id, g.owner, g.profile, (SELECT COUNT(*) FROM lane o WHERE o.grp = g.id)
FROM webhook w JOIN lane l ON l.webhook = w.id JOIN grp g ON g.id = l.grp WHERE w.url_mac = $1 ORDER BY l.id`

// placed is a lane and the group that it is in.
type placed struct {
	lane, group int64
	owner       string
	profile     connector.Profile
	sharing     int // lanes in the group
}

func (c *change) sharing(ctx context.Context, mac []byte) (all []placed, err error) {
	err = c.tx.each(ctx, q(lanesWithURL, mac), func(rows *sql.Rows) error {
		var p placed
		err := rows.Scan(&p.lane, &p.group, &p.owner, &p.profile, &p.sharing)
		all = append(all, p)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("look for lanes that share a URL: %w", err)
	}
	return all, nil
}

// moveToGroup brings a webhook's lane, and all with its URL, into the group of
// its flow owner; without one, into a group of its own. lane is 0 for a webhook
// that has none yet. It returns the group. The lanes must be woken.
func (c *change) moveToGroup(ctx context.Context, lane connector.LaneID, to groupOf) (group int64, owner string, err error) {
	same, err := c.sharing(ctx, to.mac)
	if err != nil {
		return 0, "", err
	}
	if i := slices.IndexFunc(same, func(p placed) bool { return p.lane != int64(lane) }); i >= 0 && to.owner == "" && !to.stated {
		to.owner, to.profile, group = same[i].owner, same[i].profile, same[i].group
	}
	if group == 0 {
		if group, err = c.group(ctx, same, to); err != nil {
			return 0, "", err
		}
	}
	for _, p := range same {
		if p.group == group {
			continue
		}
		if err := c.move(ctx, p, group); err != nil {
			return 0, "", fmt.Errorf("move lane %d to group %d: %w", p.lane, group, err)
		}
	}
	return group, to.owner, nil
}

const setProfile = `UPDATE grp SET profile = $2, version = version + 1 WHERE id = $1 AND profile <> $2`

// group finds the owner's group, or one of the lanes' own that nobody else is in.
func (c *change) group(ctx context.Context, same []placed, to groupOf) (group int64, err error) {
	if to.owner == "" && len(same) > 0 && same[0].owner == "" && same[0].sharing == countIn(same, same[0].group) {
		group = same[0].group
		_, err = c.tx.exec(ctx, q(setProfile, group, int64(to.profile)))
	} else {
		err = c.tx.one(ctx, q(ownersGroup, c.note.organization, to.owner, int64(to.profile), []byte{}), &group)
	}
	if err != nil {
		return 0, fmt.Errorf("make a group: %w", err)
	}
	return group, nil
}

func countIn(all []placed, group int64) (n int) {
	for _, p := range all {
		if p.group == group {
			n++
		}
	}
	return n
}

const (
	setGroup   = `UPDATE lane SET grp = $2 WHERE id = $1`
	pacing     = `SELECT not_before, throttles, recent FROM grp WHERE id = $1`
	setPacing  = `UPDATE grp SET not_before = $2, throttles = $3, recent = $4, version = version + $5 WHERE id = $1`
	countMove  = `UPDATE grp SET version = version + 1 WHERE id = $1`
	dropGroup  = `DELETE FROM grp WHERE id = $1 AND owner = '' AND NOT EXISTS (SELECT 1 FROM lane l WHERE l.grp = grp.id)`
	groupOfRow = `SELECT grp, url_version FROM lane WHERE id = $1`
)

// move takes a lane's recent sends and its group's wait along, so that what
// follows is never looser than either group's window.
func (c *change) move(ctx context.Context, p placed, to int64) error {
	if _, err := c.tx.exec(ctx, q(setGroup, p.lane, to)); err != nil {
		return err
	}
	from, err := readPacing(ctx, c.tx, p.group)
	if err != nil {
		return err
	}
	into, err := readPacing(ctx, c.tx, to)
	if err != nil {
		return err
	}
	all := append(into.Recent, from.Recent...) // not one that both know: they are different sends
	slices.SortFunc(all, time.Time.Compare)
	into.Recent = nil
	into.Merge(connector.Group{NotBefore: from.NotBefore, Throttles: from.Throttles, Recent: all})
	if err := writePacing(ctx, c.tx, into, 1); err != nil {
		return err
	}
	if _, err := c.tx.exec(ctx, q(countMove, p.group)); err != nil {
		return err
	}
	_, err = c.tx.exec(ctx, q(dropGroup, p.group))
	return err
}

func readPacing(ctx context.Context, tx *session, group int64) (connector.Group, error) {
	g := connector.Group{ID: connector.GroupID(group)}
	var notBefore int64
	var recent []byte
	err := tx.one(ctx, q(pacing, group), &notBefore, &g.Throttles, &recent)
	g.NotBefore, g.Recent = fromMicros(notBefore), unpackTimes(recent)
	return g, err
}

func writePacing(ctx context.Context, tx *session, g connector.Group, moved int) error {
	_, err := tx.exec(ctx, q(setPacing, int64(g.ID), micros(g.NotBefore), int64(g.Throttles), packTimes(g.Recent), int64(moved)))
	return err
}

// mergeGroup keeps what an attempt means for its group where lanes have moved
// since: for the group as it was, and for the one that the lane is in now.
func (b *settleBatch) mergeGroup(ctx context.Context, step *connector.Settlement) error {
	var now, version int64
	if err := b.tx.one(ctx, q(groupOfRow, int64(step.Lane.ID)), &now, &version); err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}
	groups := []int64{int64(step.Group.ID), now}
	slices.SortFunc(groups, cmp.Compare[int64])
	for _, id := range slices.Compact(groups) {
		g, err := readPacing(ctx, b.tx, id)
		if errors.Is(err, ErrNotFound) {
			continue // the last lane has left it
		}
		if err != nil {
			return err
		}
		known := step.Group
		if version != step.Lane.URLVersion {
			known.NotBefore = time.Time{}
		}
		g.Merge(known)
		if err := writePacing(ctx, b.tx, g, 0); err != nil {
			return err
		}
	}
	return nil
}
