package mendix

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"errors"
	"fmt"

	_ "modernc.org/sqlite" // the driver that database/sql finds
)

// What a project file says of the Studio Pro that wrote it. An older one refuses
// the file, a newer one converts it. Build and hash of the metamodel belong
// together; they stand in public project files of that build (2026-11).
const (
	studioPro  = "10.24.0.73019"
	schemaHash = "{SHA256}byCy5wQuf+bf8dMw0DjAfhv6C0uybmGxwdmtwuZDPkQ="
)

// The tables of a project file whose documents are in the file itself (format
// v1), and what keeps its bytes the same from one writing to the next.
const (
	createMetaData = `CREATE TABLE _MetaData (_ProductVersion TEXT, _BuildVersion TEXT, _SchemaHash TEXT)`
	createUnit     = `CREATE TABLE Unit (UnitID BLOB PRIMARY KEY NOT NULL, ContainerID BLOB, ContainmentName TEXT, ` +
		`TreeConflict LONG, ContentsHash TEXT, ContentsConflicts TEXT, Contents BLOB)`
	insertMetaData = `INSERT INTO _MetaData (_ProductVersion, _BuildVersion, _SchemaHash) VALUES ($1, $2, $3)`
	insertUnit     = `INSERT INTO Unit (UnitID, ContainerID, ContainmentName, TreeConflict, ContentsHash, ContentsConflicts, Contents) ` +
		`VALUES ($1, $2, $3, 0, $4, '', $5)`
)

// pragmas make what SQLite leaves behind depend on the content alone.
func pragmas() []string {
	return []string{"PRAGMA page_size = 4096", "PRAGMA auto_vacuum = NONE", "PRAGMA encoding = 'UTF-8'", "PRAGMA secure_delete = ON"}
}

// project writes project.mpr, an SQLite file, in memory.
func project(ctx context.Context, all []unit) ([]byte, error) {
	db, err := sql.Open("sqlite", ":memory:")
	if err != nil {
		return nil, fmt.Errorf("open an SQLite file in memory: %w", err)
	}
	defer func() { _ = db.Close() }() // it is in memory and has been read
	conn, err := db.Conn(ctx)         // one connection: another has another memory
	if err != nil {
		return nil, fmt.Errorf("open an SQLite file in memory: %w", err)
	}
	defer func() { _ = conn.Close() }()
	for _, pragma := range pragmas() {
		if _, err := conn.ExecContext(ctx, pragma); err != nil {
			return nil, fmt.Errorf("prepare project.mpr: %w", err)
		}
	}
	if err := fill(ctx, conn, all); err != nil {
		return nil, err
	}
	return image(conn)
}

func fill(ctx context.Context, conn *sql.Conn, all []unit) error {
	tx, err := conn.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("fill project.mpr: %w", err)
	}
	defer func() { _ = tx.Rollback() }() // no-op after Commit
	for _, create := range []string{createMetaData, createUnit} {
		if _, err := tx.ExecContext(ctx, create); err != nil {
			return fmt.Errorf("create the tables of project.mpr: %w", err)
		}
	}
	if _, err := tx.ExecContext(ctx, insertMetaData, studioPro, studioPro, schemaHash); err != nil {
		return fmt.Errorf("fill project.mpr: %w", err)
	}
	for _, u := range all {
		contents, err := encode(u.root, u.path)
		if err != nil {
			return err
		}
		id, container, hash := newGUID(u.path), newGUID(u.container), sha256.Sum256(contents)
		_, err = tx.ExecContext(ctx, insertUnit, id[:], container[:], u.containment, base64.StdEncoding.EncodeToString(hash[:]), contents)
		if err != nil {
			return fmt.Errorf("write %s: %w", u.path, err)
		}
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("fill project.mpr: %w", err)
	}
	return nil
}

// image returns the file that the connection's memory would be on disk.
func image(conn *sql.Conn) (file []byte, err error) {
	err = conn.Raw(func(driver any) error {
		memory, ok := driver.(interface{ Serialize() ([]byte, error) })
		if !ok {
			return errors.New("the SQLite driver can't serialize")
		}
		file, err = memory.Serialize()
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read project.mpr out of memory: %w", err)
	}
	return file, nil
}
