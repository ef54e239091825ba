package store

import (
	"bytes"
	"context"
	"fmt"
	"strings"
)

// Settings are what the operator calls an installation, and whom its people ask;
// what is empty is as it is shipped.
type Settings struct {
	ProductName string
	Support     string // an e-mail address, or one that begins with https://
	Terms       string
	Logo        []byte
	LogoType    string // the media type of Logo
	Version     int64
}

const readSettings = `SELECT product_name, support, terms, logo, logo_type, version FROM settings WHERE id = 1`

func (c *session) settings(ctx context.Context) (s Settings, err error) {
	err = c.one(ctx, q(readSettings), &s.ProductName, &s.Support, &s.Terms, &s.Logo, &s.LogoType, &s.Version)
	return s, err
}

// Settings returns the settings as they stand.
func (s *Store) Settings(ctx context.Context) (all Settings, err error) {
	err = s.reads.read(ctx, func(ctx context.Context, c *session) (err error) {
		all, err = c.settings(ctx)
		return err
	})
	if err != nil {
		return all, fmt.Errorf("read the settings: %w", err)
	}
	return all, nil
}

// SettingsChange says what becomes of the settings, and by whom.
type SettingsChange struct {
	Version int64 // that must stand; 0: any
	By      string
	Edit    func(s *Settings) error // may run more than once
}

const updateSettings = `
UPDATE settings SET product_name = $1, support = $2, terms = $3, logo = $4, logo_type = $5, version = version + 1 WHERE id = 1`

// ChangeSettings changes the settings.
func (s *Store) ChangeSettings(ctx context.Context, r SettingsChange) (now Settings, err error) {
	err = s.change(ctx, auditNote{by: r.By, action: "settings.change"}, func(ctx context.Context, c *change) error {
		was, err := c.tx.settings(ctx)
		if err != nil {
			return fmt.Errorf("read the settings: %w", err)
		}
		if err := expectVersion(r.Version, was.Version); err != nil {
			return err
		}
		now = was
		if err := r.Edit(&now); err != nil {
			return err
		}
		now.Version++
		c.note.detail = now.differs(&was)
		_, err = c.tx.exec(ctx, q(updateSettings, now.ProductName, now.Support, now.Terms, now.Logo, now.LogoType))
		return err
	})
	return now, err
}

// differs names what is not as it was.
func (s *Settings) differs(was *Settings) string {
	var all []string
	for _, part := range []struct {
		name    string
		changed bool
	}{
		{"product name", s.ProductName != was.ProductName},
		{"support address", s.Support != was.Support},
		{"terms", s.Terms != was.Terms},
		{"logo", !bytes.Equal(s.Logo, was.Logo)},
	} {
		if part.changed {
			all = append(all, part.name)
		}
	}
	return strings.Join(all, ", ")
}
