package main

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"

	"github.com/teamsconnector/teamsconnector/internal/keyring"
)

// masterKeyFile is where a key lives that nobody gave.
const masterKeyFile = "master.key"

// openRing returns the ring of the data folder's master keys: those that were
// given, else the folder's own, the first of which is made where it may be. It
// takes new ones when they come: see keyring.Ring.Watch.
func openRing(ctx context.Context, c dataConfig, log *slog.Logger) (*keyring.Ring, error) {
	keys, err := readMasterKeys(c)
	if errors.Is(err, fs.ErrNotExist) {
		keys, err = makeMasterKey(ctx, filepath.Join(c.dir, masterKeyFile), log)
	}
	if err != nil {
		return nil, err
	}
	ring, err := keyring.New(keys[0], keys[1:]...)
	if err != nil || c.reread == nil {
		return ring, err
	}
	ring.Watch(func() ([][]byte, error) {
		again, err := c.reread()
		if err != nil {
			return nil, err
		}
		return readMasterKeys(again)
	})
	return ring, nil
}

// readMasterKeys returns the keys that were given, else those of the data folder.
func readMasterKeys(c dataConfig) (keys [][]byte, err error) {
	for _, key := range c.masterKeys {
		keys = append(keys, []byte(key.Reveal()))
	}
	if len(keys) > 0 {
		return keys, nil
	}
	if !c.database.Empty() {
		return nil, usageError(fmt.Errorf("with a PostgreSQL database the master key must be given: set %s, or %s to a file, to the same 32 bytes in base64 for every process that uses the database; make them once with: openssl rand -base64 32",
			envName("master-key"), envName("master-key"+fileSuffix)))
	}
	path := filepath.Join(c.dir, masterKeyFile)
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the master key: %w", err)
	}
	if keys, err = decodeMasterKeys(string(raw)); err != nil {
		return nil, fmt.Errorf("the master key in %s is garbled (restore the file from its backup): %w", path, err)
	}
	return keys, nil
}

// makeMasterKey writes a new key so that it is there in full or not at all, and
// on disk before anything is sealed with it. Beside data that is sealed already
// it makes none: a new key would open nothing.
func makeMasterKey(ctx context.Context, path string, log *slog.Logger) ([][]byte, error) {
	dir := filepath.Dir(path)
	if holdsData(dir) {
		return nil, fmt.Errorf("%s has data but no %s: restore that file from its backup, or set %s to the key that sealed the data",
			dir, masterKeyFile, envName("master-key"))
	}
	key, err := keyring.NewKey()
	if err != nil {
		return nil, fmt.Errorf("make the master key: %w", err)
	}
	if err := writeDurably(path, []byte(base64.StdEncoding.EncodeToString(key)+"\n")); err != nil {
		if errors.Is(err, fs.ErrExist) {
			return readMasterKeys(dataConfig{dir: dir}) // another command made it at the same time
		}
		return nil, fmt.Errorf("write the master key: %w", err)
	}
	log.WarnContext(ctx, "master key made; back it up, apart from the data: without it no webhook URL can be read again", "file", path)
	return [][]byte{key}, nil
}

// holdsData reports whether a folder has a database with something in it.
func holdsData(dir string) bool {
	databases, err := filepath.Glob(filepath.Join(dir, "*.db"))
	return err == nil && slices.ContainsFunc(databases, func(path string) bool {
		info, err := os.Stat(path)
		return err != nil || info.Size() > 0 // one of no bytes is what a start leaves that was cut off
	})
}

// writeDurably makes a file that only its owner may read, under its final name
// only when all of it is on disk. A file that exists is never replaced.
func writeDurably(path string, content []byte) error {
	temp, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*") // mode 0600
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(temp.Name()) }() // the final name stays
	_, err = temp.Write(content)
	if err = errors.Join(err, temp.Sync(), temp.Close()); err != nil {
		return err
	}
	if err := os.Link(temp.Name(), path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

func syncDir(dir string) error {
	folder, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}
