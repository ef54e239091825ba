package store_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/teamsconnector/teamsconnector/internal/connector"
	"github.com/teamsconnector/teamsconnector/internal/store"
)

func TestSettingsAreKeptAndTheirChangeIsNotedByNameAlone(t *testing.T) {
	promise(t, func(t *testing.T, h *house) {
		was, err := h.Settings(t.Context())
		if err != nil || was.Version != 1 || was.ProductName+was.Support+was.Terms+was.LogoType != "" || was.Logo != nil {
			t.Fatalf("at first %+v, %v", was, err)
		}
		want := store.Settings{ProductName: "Contoso Notify", Terms: "Be kind.", Logo: []byte{0, 1, 2}, LogoType: "image/png", Version: 2}
		r := store.SettingsChange{Version: 1, By: "mira", Edit: func(s *store.Settings) error {
			s.ProductName, s.Terms, s.Logo, s.LogoType = want.ProductName, want.Terms, want.Logo, want.LogoType
			return nil
		}}

		_, err = h.ChangeSettings(t.Context(), r)
		_, again := h.ChangeSettings(t.Context(), r)
		now, errRead := h.Settings(t.Context())
		log, errLog := h.Audit(t.Context(), store.AuditFilter{Action: "settings"}, connector.Page{Limit: 5})

		if err := errors.Join(err, errRead, errLog); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(now.Logo, want.Logo) || now.ProductName != want.ProductName || now.Terms != want.Terms || now.Version != 2 {
			t.Errorf("kept %+v, want %+v", now, want)
		}
		var known *connector.Error
		if !errors.As(again, &known) || known.Code != connector.Changed {
			t.Errorf("an old version: %v, want that it was changed", again)
		}
		if len(log.Items) != 1 || log.Items[0].Detail != "product name, terms, logo" {
			t.Errorf("noted %+v", log.Items)
		}
	})
}
