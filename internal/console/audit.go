package console

import (
	"encoding/csv"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/teamsconnector/teamsconnector/internal/admin"
	"github.com/teamsconnector/teamsconnector/internal/connector"
)

// shownChanges is how many entries one page of the audit log shows.
const shownChanges = 50

// auditView is what the page of the audit log shows.
type auditView struct {
	orgs []admin.OrganizationRow // of which the person may choose one
	ask  admin.AuditRequest
	// whole: the person may read that of the installation.
	whole bool
	list  connector.List[admin.AuditEntry]
	query url.Values
}

// auditParameters are what the page's address holds.
func auditParameters() []string {
	return []string{"organization", "actor", "action", "object", "from", "to", "cursor"}
}

// path leads to the same entries with some of the page's parameters changed.
func (a *auditView) path(change ...string) string {
	return withQuery("/audit", a.query, auditParameters(), change...)
}

// filtered reports whether something narrows the log.
func (a *auditView) filtered() bool {
	return a.ask.Actor != "" || a.ask.Action != "" || a.ask.Object != "" || !a.ask.From.IsZero() || !a.ask.To.IsZero()
}

// auditKinds are the kinds of actions that the log can be narrowed to: the first word of an action, and what people read.
func auditKinds() [][2]string {
	return [][2]string{
		{"webhook", "Webhooks"},
		{"message", "Messages"},
		{"keys", "Binding keys"},
		{"subscription", "Subscriptions"},
		{"order", "Orders"},
		{"member", "Members"},
		{"person", "Accounts"},
		{"session", "Sign-ins"},
		{"token", "Tokens"},
		{"directory", "Identity providers"},
		{"organization", "Organizations"},
		{"plan", "Plans"},
		{"settings", "Settings"},
		{"installation", "Installation"},
	}
}

// oneAction is the action that the log is narrowed to where that is no whole kind; empty: none is.
func (a *auditView) oneAction() string {
	for _, kind := range auditKinds() {
		if kind[0] == a.ask.Action {
			return ""
		}
	}
	return a.ask.Action
}

func (c *Console) audit(v *visit) error {
	a, err := c.auditOf(v)
	if err != nil {
		return err
	}
	a.list, err = c.desk.Audit(v.r.Context(), v.session.Actor, a.ask, connector.Page{After: a.query.Get("cursor"), Limit: shownChanges})
	if err != nil {
		return err
	}
	p := page{title: "Audit log", tab: "members"}
	if a.whole {
		p.tab, p.part = "operate", "audit"
	}
	return v.show(http.StatusOK, p, auditPage(v, a))
}

// auditOf reads from the address whose log is meant: without an organization the
// installation's for operators, for others that of the first that they administer.
func (c *Console) auditOf(v *visit) (a auditView, err error) {
	who := v.session.Actor
	a.query, a.whole = v.r.URL.Query(), who.May(connector.RightOperate, "", "")
	a.ask = admin.AuditRequest{
		Organization: connector.OrganizationID(a.query.Get("organization")),
		Actor:        a.query.Get("actor"), Action: a.query.Get("action"), Object: a.query.Get("object"),
	}
	all, err := c.desk.Organizations(v.r.Context(), who, connector.Page{Limit: maxListed})
	if err != nil {
		return a, err
	}
	for _, org := range all.Items {
		if who.May(connector.RightManage, org.ID, "") {
			a.orgs = append(a.orgs, org)
		}
	}
	switch named := a.ask.Organization; {
	case named == "" && !a.whole && len(a.orgs) > 0:
		a.ask.Organization = a.orgs[0].ID
	case named != "" && picked(a.orgs, string(named), func(o admin.OrganizationRow) string { return string(o.ID) }) == nil:
		org, err := c.desk.Organization(v.r.Context(), who, named)
		if err != nil {
			return a, err
		}
		a.orgs = append(a.orgs, org)
	}
	if a.ask.From, err = dayField(a.query, "from"); err != nil {
		return a, err
	}
	if a.ask.To, err = dayField(a.query, "to"); !a.ask.To.IsZero() {
		a.ask.To = a.ask.To.AddDate(0, 0, 1)
	}
	return a, err
}

// dayField is a day (UTC) of a query; zero: none is named.
func dayField(query url.Values, name string) (time.Time, error) {
	text := query.Get(name)
	if text == "" {
		return time.Time{}, nil
	}
	day, err := time.Parse(time.DateOnly, text)
	if err != nil {
		return time.Time{}, connector.Invalid("/"+name, "This is no day: write it as 2027-01-31.")
	}
	return day, nil
}

// auditFile gives all that the page chooses as CSV.
func (c *Console) auditFile(v *visit) error {
	a, err := c.auditOf(v)
	if err != nil {
		return err
	}
	out := csv.NewWriter(v.w)
	begin := sync.OnceValue(func() error {
		v.w.Header().Set("Content-Type", "text/csv; charset=utf-8")
		v.w.Header().Set("Content-Disposition", `attachment; filename="audit.csv"`)
		return out.Write([]string{"at", "actor", "action", "object", "detail", "organization"})
	})
	begun := false
	err = c.desk.WholeAudit(v.r.Context(), v.session.Actor, a.ask, func(e *admin.AuditEntry) error {
		begun = true
		if err := begin(); err != nil {
			return err
		}
		return out.Write([]string{stamp(e.At), connector.Cell(e.Actor), e.Action, e.Object, connector.Cell(e.Detail), string(e.Organization)})
	})
	if err != nil && begun {
		v.log.ErrorContext(v.r.Context(), "audit log not finished", "error", err)
		panic(http.ErrAbortHandler) // a part of it is out: only a broken connection says so
	}
	if err != nil {
		return err
	}
	defer out.Flush()
	return begin()
}
