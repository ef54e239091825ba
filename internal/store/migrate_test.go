package store_test

import (
	"maps"
	"os"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestMigrationsHaveTheSameNumbersForBothDatabases(t *testing.T) {
	names := func(dir string) (all []string) {
		files, err := os.ReadDir("migrations/" + dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			all = append(all, f.Name())
		}
		return all
	}

	if diff := cmp.Diff(names("sqlite"), names("postgres")); diff != "" {
		t.Errorf("migrations of one database that the other lacks (-sqlite +postgres):\n%s", diff)
	}
}

// columnsOf are the columns of all tables: table.column, then the kind of its values, then whether it may be NULL.
const (
	columnsOfSQLite = `
SELECT m.name || '.' || c.name || ' ' || c.type || CASE WHEN c."notnull" = 1 OR c.pk > 0 THEN '' ELSE ' NULL' END
FROM sqlite_master m JOIN pragma_table_info(m.name) c
WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite%' AND m.name NOT LIKE 'goose%'`

	columnsOfPostgres = `
SELECT table_name || '.' || column_name || ' ' ||
       CASE data_type WHEN 'bigint' THEN 'INTEGER' WHEN 'bytea' THEN 'BLOB' WHEN 'text' THEN 'TEXT' ELSE data_type END ||
       CASE WHEN data_type = 'text' AND collation_name IS DISTINCT FROM 'C' THEN ' COLLATE ' || COALESCE(collation_name, 'default') ELSE '' END ||
       CASE WHEN is_nullable = 'NO' THEN '' ELSE ' NULL' END
FROM information_schema.columns WHERE table_schema = 'public' AND table_name NOT LIKE 'goose%' AND table_name NOT IN ('shard', 'node', 'wake')` // of several nodes only

	indexesOfSQLite = `
SELECT m.tbl_name || '(' || (SELECT group_concat(c.name, ',') FROM (SELECT name FROM pragma_index_info(m.name) ORDER BY seqno) c) || ')' ||
       CASE WHEN l."unique" = 1 THEN ' unique' ELSE '' END || CASE WHEN l.partial = 1 THEN ' partial' ELSE '' END
FROM sqlite_master m JOIN pragma_index_list(m.tbl_name) l ON l.name = m.name
WHERE m.type = 'index' AND l.origin <> 'pk' AND m.tbl_name NOT LIKE 'goose%'`

	indexesOfPostgres = `
SELECT t.relname || '(' || (SELECT string_agg(a.attname, ',' ORDER BY k.n) FROM unnest(i.indkey) WITH ORDINALITY AS k(at, n) JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = k.at) || ')' ||
       CASE WHEN i.indisunique THEN ' unique' ELSE '' END || CASE WHEN i.indpred IS NOT NULL THEN ' partial' ELSE '' END
FROM pg_index i JOIN pg_class t ON t.oid = i.indrelid JOIN pg_namespace s ON s.oid = t.relnamespace
WHERE s.nspname = 'public' AND NOT i.indisprimary AND t.relname NOT LIKE 'goose%' AND t.relname <> 'wake'`
)

func TestBothDatabasesHaveTheSameTablesAndIndexes(t *testing.T) {
	lite, pg := newHouse(t, sqlite), newHouse(t, postgres)
	for what, ask := range map[string][2]string{
		"columns": {columnsOfSQLite, columnsOfPostgres}, "indexes": {indexesOfSQLite, indexesOfPostgres},
	} {
		want, got := lite.texts(ask[0]), pg.texts(ask[1])
		if diff := cmp.Diff(want, got); diff != "" || len(want) < 15 {
			t.Errorf("%s of %d (-sqlite +postgres):\n%s", what, len(want), diff)
		}
	}
}

// texts reads a column of texts, in their order.
func (h *house) texts(query string) []string {
	h.t.Helper()
	db := h.raw()
	defer func() { _ = db.Close() }()
	rows, err := db.QueryContext(h.t.Context(), query)
	if err != nil {
		h.t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	all := map[string]bool{}
	for rows.Next() {
		var line string
		if err := rows.Scan(&line); err != nil {
			h.t.Fatal(err)
		}
		all[line] = true
	}
	if err := rows.Err(); err != nil {
		h.t.Fatal(err)
	}
	return slices.Sorted(maps.Keys(all))
}
