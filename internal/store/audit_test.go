package store_test

import (
	"slices"
	"testing"
	"time"

	"github.com/teamsconnector/teamsconnector/internal/connector"
	"github.com/teamsconnector/teamsconnector/internal/store"
)

func TestTheAuditLogIsChosenByWhoWhatAndWhen(t *testing.T) {
	promise(t, func(t *testing.T, h *house) {
		for _, by := range []string{"Mira_Kaya@Contoso.example", "mirakaya@contoso.example", `token 100% Ärger\`} {
			if _, err := h.CreatePlan(t.Context(), store.Plan{Name: "plan of " + by}, by); err != nil {
				t.Fatal(err)
			}
		}
		h.exec(`UPDATE audit SET at = $1 WHERE actor = 'mirakaya@contoso.example'`, time.Date(2026, 1, 31, 23, 59, 59, 0, time.UTC).UnixMicro())
		day := time.Date(2026, 1, 31, 0, 0, 0, 0, time.UTC)

		for name, c := range map[string]struct {
			f    store.AuditFilter
			want []string
		}{
			"a part of the name, whatever its case": {store.AuditFilter{Actor: "mira_kaya@contoso"}, []string{"Mira_Kaya@Contoso.example"}},
			"letters that SQL would take for any":   {store.AuditFilter{Actor: `100% Ärger\`}, []string{`token 100% Ärger\`}},
			"all of a kind, after a part":           {store.AuditFilter{Action: "plan", Actor: "KAYA"}, []string{"mirakaya@contoso.example", "Mira_Kaya@Contoso.example"}},
			"half a kind":                           {store.AuditFilter{Action: "pla"}, nil},
			"one action":                            {store.AuditFilter{Action: "plan.create", Actor: "%"}, []string{`token 100% Ärger\`}},
			"a day":                                 {store.AuditFilter{From: day, To: day.AddDate(0, 0, 1)}, []string{"mirakaya@contoso.example"}},
			"the day after":                         {store.AuditFilter{From: day.AddDate(0, 0, 1), To: day.AddDate(0, 0, 2)}, nil},
		} {
			list, err := h.Audit(t.Context(), c.f, connector.Page{Limit: 50})
			var got []string
			for i := range list.Items {
				got = append(got, list.Items[i].Actor)
			}
			if err != nil || !slices.Equal(got, c.want) {
				t.Errorf("%s: %q, %v; want %q", name, got, err, c.want)
			}
		}
	})
}
