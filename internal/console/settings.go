package console

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/teamsconnector/teamsconnector/internal/admin"
	"github.com/teamsconnector/teamsconnector/internal/connector"
)

// maxUpload is how much of a form with a picture is read, so that one which is too
// large is told so instead of being cut off.
const maxUpload = 8 << 20

// houseSettings shows what the operator calls the installation.
func (c *Console) houseSettings(v *visit) error {
	s, err := c.desk.Settings(v.r.Context(), v.session.Actor)
	if err != nil {
		return err
	}
	f := form{values: map[string]string{
		"productName": s.ProductName, "support": s.Support, "terms": s.Terms, "version": strconv.FormatInt(s.Version, 10),
	}}
	return v.houseSettings(http.StatusOK, f)
}

func (v *visit) houseSettings(status int, f form) error {
	return v.show(status, page{title: "Settings", tab: "operate", part: "settings"}, settingsPage(v, f))
}

// changeHouse changes all that the form shows.
func (c *Console) changeHouse(v *visit) error {
	logo, err := v.upload("logo")
	if err == nil {
		product, support, terms := v.field("productName"), strings.TrimSpace(v.field("support")), v.field("terms")
		version, _ := strconv.ParseInt(v.field("version"), 10, 64) // none: any will do
		r := admin.SettingsRequest{Version: version, ProductName: &product, Support: &support, Terms: &terms}
		if len(logo) > 0 || v.field("shipped") != "" {
			r.Logo = &logo
		}
		if v.house, err = c.desk.ChangeSettings(v.r.Context(), v.session.Actor, r); err == nil {
			return v.done("/operate/settings", "Saved. Every page shows it within a second.")
		}
		v.house = c.desk.Shown(v.r.Context())
	}
	f := v.typed("productName", "support", "terms", "version")
	if err := f.take(err); err != nil {
		return err
	}
	return v.houseSettings(http.StatusUnprocessableEntity, f)
}

// upload reads a form that has a file; nil: none was chosen.
func (v *visit) upload(name string) ([]byte, error) {
	if err := v.r.ParseMultipartForm(maxForm); err != nil && !errors.Is(err, http.ErrNotMultipart) {
		var tooLarge *http.MaxBytesError
		if errors.As(err, &tooLarge) {
			return nil, connector.Invalid("/"+name, "The file is larger than %s.", bytesWord(maxUpload))
		}
		return nil, connector.Invalid("", "The form did not arrive whole. Send it again.")
	}
	file, _, err := v.r.FormFile(name)
	if errors.Is(err, http.ErrMissingFile) || errors.Is(err, http.ErrNotMultipart) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("open an uploaded file: %w", err)
	}
	defer func() { _ = file.Close() }() // it was only read
	content, err := io.ReadAll(file)
	if err != nil {
		return nil, fmt.Errorf("read an uploaded file: %w", err)
	}
	return content, nil
}

// logoURL leads to the operator's logo; another logo has another address.
func (v *visit) logoURL() string { return "/logo?v=" + logoMark(v.house.Logo) }

func logoMark(logo []byte) string {
	sum := sha256.Sum256(logo)
	return hex.EncodeToString(sum[:6])
}

// logo gives the operator's picture, as what it was taken for and nothing else.
func (c *Console) logo(v *visit) error {
	if v.house.LogoType == "" {
		return connector.Errorf(connector.NotFound, "This installation has no logo of its own.")
	}
	mark, h := `"`+logoMark(v.house.Logo)+`"`, v.w.Header()
	h.Set("Content-Type", v.house.LogoType)
	h.Set("Content-Security-Policy", "default-src 'none'; sandbox")
	h.Set("Cache-Control", "public, max-age=3600")
	h.Set("ETag", mark)
	if v.r.Header.Get("If-None-Match") == mark {
		v.w.WriteHeader(http.StatusNotModified)
		return nil
	}
	_, _ = v.w.Write(v.house.Logo) // a browser that left needs no picture
	return nil
}

func (c *Console) terms(v *visit) error {
	return v.show(http.StatusOK, page{title: "Terms & Conditions"}, termsPage(v))
}

// passage is a part of the terms: a heading, a list or a paragraph.
type passage struct {
	kind  string // h2, h3, ul, p
	lines []string
}

// blocks takes terms apart: at empty lines; # and ## begin headings, - the items of a list.
func blocks(text string) (all []passage) {
	for part := range strings.SplitSeq(strings.ReplaceAll(text, "\r\n", "\n"), "\n\n") {
		part = strings.Trim(part, "\n")
		if strings.TrimSpace(part) == "" {
			continue
		}
		kind, rest := "p", part
		if title, found := strings.CutPrefix(part, "# "); found {
			kind, rest = "h2", title
		} else if title, found := strings.CutPrefix(part, "## "); found {
			kind, rest = "h3", title
		}
		if kind != "p" {
			var title string
			title, rest, _ = strings.Cut(rest, "\n")
			all = append(all, passage{kind, []string{title}})
			if rest == "" {
				continue
			}
		}
		if items := strings.Split("\n"+rest, "\n- ")[1:]; strings.HasPrefix(rest, "- ") {
			all = append(all, passage{"ul", items})
		} else {
			all = append(all, passage{"p", []string{rest}})
		}
	}
	return all
}
