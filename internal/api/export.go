package api

import (
	"context"
	"encoding/json"
	"io"
	"net/http"

	"github.com/teamsconnector/teamsconnector/internal/admin"
	"github.com/teamsconnector/teamsconnector/internal/connector"
)

func (a *API) exportRoutes() []route {
	return []route{{
		method: http.MethodGet, path: "/api/v1/organizations/{id}/export", id: "exportOrganization",
		summary: "Everything that is kept of an organization, one JSON object a line, the last of kind end: no secrets, URLs or texts", right: connector.RightManage,
		kind: "application/x-ndjson", typed: described[OrganizationPath, file](a.exportOrganization), handle: a.exportOrganization,
	}}
}

// exported is a line of an export: what kind of thing it is, and the thing as other calls answer it.
type exported struct {
	Kind string `json:"kind"`
	Item any    `json:"item"`
}

func exportItem(e admin.Exported) exported {
	switch {
	case e.Organization != nil:
		return exported{"organization", organizationItem(*e.Organization)}
	case e.Member != nil:
		return exported{"member", memberItem(*e.Member)}
	case e.Subscription != nil:
		return exported{"subscription", subscriptionItem(*e.Subscription)}
	case e.Keys != nil:
		return exported{"keys", keysItem(*e.Keys)}
	case e.Webhook != nil:
		return exported{"webhook", webhookItem(*e.Webhook)}
	case e.Message != nil:
		return exported{"message", entryItem(*e.Message)}
	}
	return exported{"audit", auditItem(*e.Audit)}
}

// Export writes everything that is kept of an organization, one JSON object a
// line. head is called before the first line, once it is clear that there is one.
func (a *API) Export(ctx context.Context, who connector.Actor, id connector.OrganizationID, w io.Writer, head func()) error {
	out := json.NewEncoder(w)
	things := 0
	err := a.desk.Export(ctx, who, id, func(e admin.Exported) error {
		if things == 0 {
			head()
		}
		things++
		return out.Encode(exportItem(e))
	})
	switch {
	case err == nil:
		return out.Encode(exported{"end", map[string]int{"things": things}})
	case things > 0: // its head is out: the missing end is all that can still be said
		a.log.ErrorContext(ctx, "export not finished", "error", err)
		return nil
	}
	return err
}

func (a *API) exportOrganization(w http.ResponseWriter, r *http.Request) error {
	who, err := a.who(r, &route{})
	if err != nil {
		return err
	}
	return a.Export(r.Context(), who, connector.OrganizationID(r.PathValue("id")), w, func() {
		w.Header().Set("Content-Type", "application/x-ndjson")
		w.Header().Set("Content-Disposition", `attachment; filename="export.ndjson"`)
	})
}
