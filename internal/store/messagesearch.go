package store

import (
	"context"
	"database/sql"
	"strings"
)

// searchLane looks for the query in all that is known of one webhook's newest messages.
func (l *look) searchLane(ctx context.Context, lane int64) error {
	texts, stopped := map[int64]bool{}, seen{}
	if l.f.Texts {
		var err error
		if texts, stopped, err = l.texts(ctx, lane); err != nil {
			return err
		}
		l.after = max(l.after, stopped.id)
	}
	err := l.walk(ctx, q(walkLane, lane, l.before, l.after), func(m *seen) bool {
		return m.public == l.f.Query || m.reason == l.f.Query || strings.HasPrefix(m.key, l.f.Query) || texts[m.id]
	})
	l.giveUp(stopped)
	return err
}

// search looks for the query in webhook names, message ids, message keys and reasons.
func (l *look) search(ctx context.Context, sub int64) error {
	var lanes []int64
	err := l.c.each(ctx, q(lanesOf, sub), func(rows *sql.Rows) error {
		var id int64
		var name string
		err := rows.Scan(&id, &name)
		if contains(name, l.f.Query) {
			lanes = append(lanes, id)
		}
		return err
	})
	if err != nil {
		return err
	}
	for _, lane := range lanes {
		if err := l.walk(ctx, q(walkLane, lane, l.before, l.after), nil); err != nil {
			return err
		}
	}
	if err := l.walk(ctx, q(walkID, sub, l.before, l.after, l.f.Query), nil); err != nil {
		return err
	}
	if err := l.keys(ctx, sub); err != nil {
		return err
	}
	return l.walk(ctx, q(walkBad, sub, l.before, l.after), func(m *seen) bool { return m.reason == l.f.Query })
}

// keys finds the messages whose key begins with the query: by the index of keys,
// or, where those are many, by walking down from the newest.
func (l *look) keys(ctx context.Context, sub int64) error {
	var all []seen
	err := l.c.each(ctx, q(walkKeys, sub, l.f.Query, l.f.Query+"\U0010ffff"), func(rows *sql.Rows) error {
		m, err := scanSeen(rows)
		all = append(all, m)
		return err
	})
	if err != nil {
		return err
	}
	if len(all) > scanMost {
		return l.walk(ctx, q(walkAll, sub, l.before, l.after), func(m *seen) bool { return strings.HasPrefix(m.key, l.f.Query) })
	}
	for i := range all {
		if m := &all[i]; m.id < l.before && m.id >= l.after && l.chosen(m) {
			l.found[m.id] = true
		}
	}
	return nil
}

// contains reports whether a text holds another one, whatever their case.
func contains(text, part string) bool {
	return strings.Contains(strings.ToLower(text), strings.ToLower(part))
}
