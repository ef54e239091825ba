package admin

import (
	"bytes"
	"context"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/teamsconnector/teamsconnector/internal/connector"
	"github.com/teamsconnector/teamsconnector/internal/store"
)

// Settings are what the operator calls an installation, and whom its people ask.
type Settings = store.Settings

// How large terms and a logo may be, and how old what people are shown of the settings.
const (
	MaxTerms     = 32 << 10
	MaxLogo      = 64 << 10
	settingsLife = time.Second
)

// shown is what people are shown of the settings: every page needs them.
type shown struct {
	settings atomic.Pointer[Settings]
	// reading: somebody reads them anew; whoever comes meanwhile takes them as they were.
	reading sync.Mutex
	read    time.Time
}

// Shown returns the settings for whoever sees a page, at most a second old, so
// that a change is seen on every node within a second. Where the data can't be read, they
// are as they were read last.
func (a *Admin) Shown(ctx context.Context) Settings {
	if a.shown.reading.TryLock() {
		if time.Since(a.shown.read) >= settingsLife {
			if now, err := a.store.Settings(ctx); err == nil {
				a.shown.settings.Store(&now)
			}
			a.shown.read = time.Now()
		}
		a.shown.reading.Unlock()
	}
	if now := a.shown.settings.Load(); now != nil {
		return *now
	}
	return Settings{}
}

// Settings returns the settings as they stand, for operators.
func (a *Admin) Settings(ctx context.Context, who connector.Actor) (Settings, error) {
	if !who.May(connector.RightOperate, "", "") {
		return Settings{}, connector.Refused(connector.RightOperate)
	}
	return a.store.Settings(ctx)
}

// SettingsRequest says what is to change; nil: as it is, empty: as it is shipped.
type SettingsRequest struct {
	ProductName, Support, Terms *string
	Logo                        *[]byte
	Version                     int64 // that must stand; 0: any
}

// ChangeSettings changes the settings, for operators.
func (a *Admin) ChangeSettings(ctx context.Context, who connector.Actor, r SettingsRequest) (Settings, error) {
	if !who.May(connector.RightOperate, "", "") {
		return Settings{}, connector.Refused(connector.RightOperate)
	}
	now, err := a.store.ChangeSettings(ctx, store.SettingsChange{Version: r.Version, By: who.Name, Edit: r.apply})
	if err != nil {
		return Settings{}, err
	}
	a.shown.settings.Store(&now)
	return now, nil
}

// apply changes the settings, or says which field is wrong.
func (r *SettingsRequest) apply(s *Settings) error {
	set(&s.ProductName, r.ProductName)
	set(&s.Support, r.Support)
	set(&s.Terms, r.Terms)
	if s.ProductName != "" {
		if err := connector.CheckName("/productName", s.ProductName); err != nil {
			return err
		}
	}
	if err := checkSupport(s.Support); err != nil {
		return err
	}
	switch {
	case !utf8.ValidString(s.Terms) || strings.ContainsRune(s.Terms, 0):
		return connector.Invalid("/terms", "The terms must be text in UTF-8, without the character U+0000.")
	case len(s.Terms) > MaxTerms:
		return connector.Invalid("/terms", "The terms have %d bytes; the limit is %d. Longer ones stand better on a page of their own, to which the terms here may lead.", len(s.Terms), MaxTerms)
	}
	if r.Logo == nil {
		return nil
	}
	s.Logo, s.LogoType = nil, ""
	if len(*r.Logo) > 0 {
		s.Logo = *r.Logo
		s.LogoType = pictureType(s.Logo)
	}
	return checkLogo(s)
}

func checkSupport(address string) error {
	if address == "" {
		return nil
	}
	if !strings.HasPrefix(address, "https://") {
		if connector.CheckEmail("/support", address) != nil {
			return connector.Invalid("/support", "Give an e-mail address such as support@contoso.com, or a page such as https://help.contoso.com.")
		}
		return nil
	}
	if at, err := url.Parse(address); err != nil || at.Host == "" || at.User != nil || len(address) > maxAddress || strings.ContainsAny(address, " \x00") {
		return connector.Invalid("/support", "This is no address of a page. Give one such as https://help.contoso.com, of at most %d bytes.", maxAddress)
	}
	return nil
}

// maxAddress is how long the address of a page may be.
const maxAddress = 300

// pictureType is the media type of a picture that can hold no script, by its first bytes; empty: it is none.
func pictureType(b []byte) string {
	switch {
	case bytes.HasPrefix(b, []byte("\x89PNG\r\n\x1a\n")):
		return "image/png"
	case bytes.HasPrefix(b, []byte("\xff\xd8\xff")):
		return "image/jpeg"
	case len(b) > 12 && string(b[:4]) == "RIFF" && string(b[8:12]) == "WEBP":
		return "image/webp"
	}
	return ""
}

func checkLogo(s *Settings) error {
	switch {
	case len(s.Logo) > MaxLogo:
		return connector.Invalid("/logo", "The logo has %d bytes; the limit is %d.", len(s.Logo), MaxLogo)
	case len(s.Logo) > 0 && s.LogoType == "":
		return connector.Invalid("/logo", "The logo must be a picture in PNG, JPEG or WebP. An SVG could hold a script, so it is not taken.")
	}
	return nil
}
