package main

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/teamsconnector/teamsconnector/internal/connector"
	"github.com/teamsconnector/teamsconnector/internal/store"
)

// dataConfig is where everything durable lives and what seals it.
type dataConfig struct {
	dir        string             // empty: there is no home folder to keep it in
	database   connector.Secret   // the URL of a PostgreSQL database; empty: SQLite in dir
	masterKeys []connector.Secret // 32 bytes each, the one that seals first; none: made at first start in the data folder
	// reread reads the settings of the data anew: a file with the master key may have changed.
	reread func() (dataConfig, error)
}

func dataSettings() []setting {
	return []setting{
		{
			name: "data", of: faceData, usage: "data folder (default " + dataFolderInWords() + ")",
			apply: applyData,
		},
		{
			name: "database", of: faceData, secret: true, shown: true,
			usage: "URL of a PostgreSQL database, postgres://user:password@host:5432/name, instead of the data folder; everybody sees the flags of a process, so a password stands better in the environment or in a file",
			apply: applyDatabase,
		},
		{
			name: "master-key", of: faceData, secret: true,
			usage: "the key that seals secrets, 32 bytes in base64; behind it, separated by spaces or lines, those that came before it. Without it one is made at first start in the data folder; with a PostgreSQL database it must be given",
			apply: applyMasterKey,
		},
	}
}

// dataFolderInWords is the default data folder as --help says it, the same on every machine.
func dataFolderInWords() string {
	switch runtime.GOOS {
	case "windows":
		return `%LocalAppData%\teamsconnector`
	case "darwin":
		return "~/Library/Application Support/teamsconnector"
	default:
		return "$XDG_DATA_HOME/teamsconnector, else ~/.local/share/teamsconnector"
	}
}

// applyData falls back to a folder of the person's own, which is the same one
// from wherever a command is run.
func applyData(c *config, v []string) error {
	dir := one(v)
	if dir == "" {
		base, err := userDataDir()
		if err != nil {
			return nil //nolint:nilerr // with a database no folder is needed; without one, make says so
		}
		dir = filepath.Join(base, "teamsconnector")
	}
	abs, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	if info, err := os.Stat(abs); err == nil && !info.IsDir() {
		return errors.New("it is a file; name a folder")
	}
	c.data.dir = abs
	return nil
}

var errDatabase = errors.New("it should look like postgres://user:password@host:5432/name")

func applyDatabase(c *config, v []string) error {
	if len(v) == 0 {
		return nil
	}
	u, err := url.Parse(v[0])
	if err != nil || u.Scheme != "postgres" && u.Scheme != "postgresql" {
		return errDatabase // what url.Parse says quotes it
	}
	c.data.database = connector.NewSecret(v[0])
	return nil
}

// options is where the data is.
func (c dataConfig) options() store.Options {
	return store.Options{Dir: c.dir, Database: c.database}
}

// place names it for people, without a secret.
func (c dataConfig) place() string {
	if u, err := url.Parse(c.database.Reveal()); err == nil && !c.database.Empty() {
		return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String()
	}
	return c.dir
}

// make makes the data folder, where one is used, so that only its owner can look into it.
func (c dataConfig) make() error {
	if !c.database.Empty() {
		return nil
	}
	if c.dir == "" {
		return errors.New("there is no home folder to keep data in; name a folder with --data DIR, or a PostgreSQL database with --database URL")
	}
	if err := os.MkdirAll(c.dir, 0o700); err != nil {
		return fmt.Errorf("make the data folder (name another one with --data DIR): %w", err)
	}
	return nil
}

// userDataDir is where programs keep a person's data on this system. Linux:
// XDG Base Directory Specification 0.8, which has relative paths ignored.
func userDataDir() (string, error) {
	switch runtime.GOOS {
	case "windows":
		return os.UserCacheDir() // %LocalAppData%
	case "darwin":
		return os.UserConfigDir() // ~/Library/Application Support
	}
	if dir := os.Getenv("XDG_DATA_HOME"); filepath.IsAbs(dir) {
		return dir, nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", err
	}
	return filepath.Join(home, ".local", "share"), nil
}

// masterKeyBytes is the length of the key that seals secrets.
const masterKeyBytes = 32

func applyMasterKey(c *config, v []string) error {
	c.data.masterKeys = nil
	if len(v) == 0 {
		return nil
	}
	keys, err := decodeMasterKeys(v[0])
	for _, key := range keys {
		c.data.masterKeys = append(c.data.masterKeys, connector.NewSecret(string(key)))
	}
	return err
}

// decodeMasterKeys reads keys one below the other, the one that seals first.
func decodeMasterKeys(text string) (keys [][]byte, err error) {
	for _, word := range strings.Fields(strings.ReplaceAll(text, ",", " ")) {
		key, err := decodeMasterKey(word)
		if err != nil {
			return nil, err
		}
		keys = append(keys, key)
	}
	if len(keys) == 0 {
		return nil, errMasterKey
	}
	return keys, nil
}

var errMasterKey = errors.New("the master key should be 32 bytes in base64, 44 characters; make one with: openssl rand -base64 32")

// decodeMasterKey takes both alphabets of base64, with and without padding.
func decodeMasterKey(text string) ([]byte, error) {
	for _, encoding := range []*base64.Encoding{base64.StdEncoding, base64.RawStdEncoding, base64.URLEncoding, base64.RawURLEncoding} {
		if key, err := encoding.Strict().DecodeString(text); err == nil && len(key) == masterKeyBytes {
			return key, nil
		}
	}
	return nil, errMasterKey
}
