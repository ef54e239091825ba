package mendix_test

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"encoding/xml"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	_ "modernc.org/sqlite" // the driver that database/sql finds
)

// This file reads a module package with other eyes than those that wrote it: it
// imports nothing of the module, and its BSON comes from a library.

// mpk is a package as it was read.
type mpk struct {
	files    map[string][]byte
	manifest manifest
	metaData [3]string // product version, build version, schema hash
	units    []mprUnit
}

type manifest struct {
	XMLName xml.Name `xml:"http://www.mendix.com/package/1.0/ package"`
	Project struct {
		Module struct {
			Name string `xml:"name,attr"`
		} `xml:"module"`
		File struct {
			Path string `xml:"path,attr"`
		} `xml:"projectFile"`
		Files []struct {
			Path string `xml:"path,attr"`
		} `xml:"files>file"`
	} `xml:"http://www.mendix.com/modelerProject/1.0/ modelerProject"`
}

// mprUnit is a row of the table Unit.
type mprUnit struct {
	id, container string // 16 bytes each
	containment   string
	root          bson.D
}

func readPackage(t *testing.T, b []byte) mpk {
	t.Helper()
	p := mpk{files: make(map[string][]byte)}
	r, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range r.File {
		rc, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(rc)
		if err != nil {
			t.Fatalf("%s: %v", f.Name, err)
		}
		p.files[f.Name] = content
	}
	if err := xml.Unmarshal(p.files["package.xml"], &p.manifest); err != nil {
		t.Fatal(err)
	}
	if err := p.readProject(t.Context(), t.TempDir()); err != nil {
		t.Fatal(err)
	}
	return p
}

func (p *mpk) readProject(ctx context.Context, dir string) error {
	path := filepath.Join(dir, "project.mpr")
	if err := os.WriteFile(path, p.files[p.manifest.Project.File.Path], 0o600); err != nil {
		return err
	}
	db, err := sql.Open("sqlite", "file:"+path+"?mode=ro")
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	var sound string
	if err := db.QueryRowContext(ctx, "PRAGMA integrity_check").Scan(&sound); err != nil || sound != "ok" {
		return fmt.Errorf("integrity_check: %s, %w", sound, err)
	}
	row := db.QueryRowContext(ctx, "SELECT _ProductVersion, _BuildVersion, _SchemaHash FROM _MetaData")
	if err := row.Scan(&p.metaData[0], &p.metaData[1], &p.metaData[2]); err != nil {
		return err
	}
	rows, err := db.QueryContext(ctx, "SELECT UnitID, ContainerID, ContainmentName, TreeConflict, ContentsHash, ContentsConflicts, Contents FROM Unit")
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		if err := p.readUnit(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

func (p *mpk) readUnit(rows *sql.Rows) error {
	var u mprUnit
	var id, container, contents []byte
	var conflict int
	var hash, conflicts string
	if err := rows.Scan(&id, &container, &u.containment, &conflict, &hash, &conflicts, &contents); err != nil {
		return err
	}
	u.id, u.container = string(id), string(container)
	if sum := sha256.Sum256(contents); hash != base64.StdEncoding.EncodeToString(sum[:]) {
		return fmt.Errorf("unit %x: ContentsHash is not the SHA-256 of its contents", id)
	}
	if conflict != 0 || conflicts != "" {
		return fmt.Errorf("unit %x: it is in conflict", id)
	}
	if err := bson.Unmarshal(contents, &u.root); err != nil {
		return fmt.Errorf("unit %x: %w", id, err)
	}
	p.units = append(p.units, u)
	return nil
}

// get returns a property of a document, or nil.
func get(d bson.D, name string) any {
	for _, e := range d {
		if e.Key == name {
			return e.Value
		}
	}
	return nil
}

func text(d bson.D, name string) string {
	s, _ := get(d, name).(string)
	return s
}

// items returns what a list holds, without the marker that it begins with.
func items(d bson.D, name string) []any {
	l, _ := get(d, name).(bson.A)
	if len(l) == 0 {
		return nil
	}
	return l[1:]
}

// documents returns the documents of a list.
func documents(d bson.D, name string) (found []bson.D) {
	for _, item := range items(d, name) {
		if child, ok := item.(bson.D); ok {
			found = append(found, child)
		}
	}
	return found
}

// idOf returns the 16 bytes of an id or a pointer, or "".
func idOf(value any) string {
	b, ok := value.(bson.Binary)
	if !ok || b.Subtype != 0 || len(b.Data) != 16 {
		return ""
	}
	return string(b.Data)
}

// walk visits a document and everything in it.
func walk(d bson.D, visit func(bson.D)) {
	visit(d)
	for _, e := range d {
		switch v := e.Value.(type) {
		case bson.D:
			walk(v, visit)
		case bson.A:
			for _, item := range v {
				if child, ok := item.(bson.D); ok {
					walk(child, visit)
				}
			}
		}
	}
}
