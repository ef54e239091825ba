package main

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// The rows of a large installation, a month of it: $W webhooks of five hundred flow owners, $M messages of which
// some failed, their attempts and usage, and what the logs of changes and notices gather. Both databases read this.
const filling = `
WITH RECURSIVE n(i) AS (SELECT CAST(0 AS BIGINT) UNION ALL SELECT i + 1 FROM n WHERE i < $W - 1)
INSERT INTO webhook (public_id, subscription, name, host, payload, created_at)
SELECT 'wh_01m8zzzzzzzz' || CAST(10000000000000 + i AS TEXT), s.id, 'Channel ' || i, 'default01.00.environment.api.powerplatform.com', 1, $T FROM n JOIN subscription s ON s.public_id = '$S';
WITH RECURSIVE n(i) AS (SELECT CAST(0 AS BIGINT) UNION ALL SELECT i + 1 FROM n WHERE i < 499)
INSERT INTO grp (organization, owner, profile, recent)
SELECT s.organization, 'Owner ' || i, 1, (SELECT g.recent FROM grp g LIMIT 1) FROM n JOIN subscription s ON s.public_id = '$S';
INSERT INTO lane (webhook, grp, state, cause, shard)
SELECT w.id, g.id, CASE WHEN w.id % 50 < 2 THEN 2 + w.id % 50 ELSE 1 END, CASE WHEN w.id % 50 < 2 THEN 'Held for the measurement.' ELSE '' END, s.organization % 64
FROM subscription s JOIN webhook w ON w.subscription = s.id JOIN grp g ON g.organization = s.organization AND g.profile = 1 AND g.owner = 'Owner ' || (w.id % 500)
WHERE s.public_id = '$S' AND w.name LIKE 'Channel %' ORDER BY w.id;
WITH RECURSIVE n(i) AS (SELECT CAST(0 AS BIGINT) UNION ALL SELECT i + 1 FROM n WHERE i < $M - 1)
INSERT INTO message (public_id, subscription, lane, keys, kind, size, message_key, content_mac, state, reason, detail, accepted_at, finished_at, expires_at)
SELECT 'msg_01m8zzzzzzzz' || CAST(10000000000000 + i AS TEXT), s.id, x.low + (i % 100000) * 7919 % $W, x.k, 1, 320, CASE WHEN i % 10 = 0 THEN 'order-' || i END, x.mac,
       CASE WHEN i % 100 = 0 THEN 4 WHEN i % 500 = 1 THEN 5 WHEN i % 1000 = 2 THEN 6 ELSE 2 END, CASE WHEN i % 100 = 0 THEN 'bad_request' ELSE '' END, 'As Teams answered.',
       $T + i * $D, $T + i * $D + 900000, $T + i * $D + 86400000000
FROM n JOIN subscription s ON s.public_id = '$S' CROSS JOIN
     (SELECT (SELECT MIN(l.id) FROM lane l JOIN webhook w ON w.id = l.webhook WHERE w.name LIKE 'Channel %') AS low, (SELECT MIN(id) FROM keys) AS k,
             (SELECT content_mac FROM message LIMIT 1) AS mac) x;
INSERT INTO attempt (message, n, at, took, verdict, reason, detail, http_status, answer, run_id, retry_after)
SELECT m.id, 1, m.finished_at, 150000, CASE WHEN m.state = 2 THEN 1 ELSE 5 END, '', 'As Teams answered.', 202, '', '', 0 FROM message m WHERE m.public_id LIKE 'msg_01m8zzzzzzzz%';
INSERT INTO usage (subscription, day, webhook, accepted, sent, failed, expired, uncertain)
SELECT m.subscription, m.accepted_at / 86400000000, l.webhook, COUNT(*), SUM(CASE WHEN m.state = 2 THEN 1 ELSE 0 END), SUM(CASE WHEN m.state = 4 THEN 1 ELSE 0 END),
       SUM(CASE WHEN m.state = 5 THEN 1 ELSE 0 END), SUM(CASE WHEN m.state = 6 THEN 1 ELSE 0 END)
FROM message m JOIN lane l ON l.id = m.lane WHERE m.public_id LIKE 'msg_01m8zzzzzzzz%' GROUP BY 1, 2, 3;
WITH RECURSIVE n(i) AS (SELECT CAST(0 AS BIGINT) UNION ALL SELECT i + 1 FROM n WHERE i < $W * 5)
INSERT INTO audit (mark, at, organization, actor, action, object) SELECT 'filled' || i, $T + i * 1000000, s.organization, 'ada@example.com', 'webhook.change', 'wh_' || i
FROM n JOIN subscription s ON s.public_id = '$S';
WITH RECURSIVE n(i) AS (SELECT CAST(0 AS BIGINT) UNION ALL SELECT i + 1 FROM n WHERE i < $W / 5)
INSERT INTO notice (event, kind, organization, subscription, webhook, at, mailed_at)
SELECT 'filled' || i, 'webhook_stopped', s.organization, s.id, (SELECT MIN(w.id) FROM webhook w WHERE w.subscription = s.id) + i, $T + i * 1000000, $T + i * 1000000
FROM n JOIN subscription s ON s.public_id = '$S';
`

// fill stops the service, writes the rows into its database, and starts it again.
func (s *service) fill(ctx context.Context, b *bench) error {
	if err := s.addHooks(ctx, 1, "fast"); err != nil {
		return err
	}
	if err := newLoad(s, 1).send(ctx, s.hooks[0], text("first")); err != nil { // some values are taken from it
		return err
	}
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	if err := s.cmd.Wait(); err != nil {
		return fmt.Errorf("the service ended badly: %w", err)
	}
	hooks, messages := b.of(10_000), b.of(1_000_000)
	month := 30 * 24 * time.Hour
	sql := strings.NewReplacer("$W", fmt.Sprint(hooks), "$M", fmt.Sprint(messages), "$S", s.sub,
		"$T", fmt.Sprint(time.Now().Add(-month).UnixMicro()), "$D", fmt.Sprint(month.Microseconds()/int64(messages))).Replace(filling)
	if s.server != nil {
		if out, err := s.server.ask(ctx, sql); err != nil {
			return fmt.Errorf("fill: %w: %s", err, out)
		}
		if out, err := s.server.ask(ctx, "VACUUM ANALYZE"); err != nil { // as autovacuum would have by then
			return fmt.Errorf("analyze: %w: %s", err, out)
		}
	} else {
		fill := exec.CommandContext(ctx, "sqlite3", "-bail", filepath.Join(s.dir, "data", "teamsconnector.db"), "PRAGMA synchronous = OFF; BEGIN;"+sql+"COMMIT;")
		if out, err := fill.CombinedOutput(); err != nil {
			return fmt.Errorf("fill (apt-get install sqlite3): %w: %s", err, out)
		}
	}
	return s.serve(ctx, b)
}
