package teams

import (
	"regexp"
	"strings"

	"github.com/teamsconnector/teamsconnector/internal/connector"
)

// hostRule is one family of hosts that Microsoft serves webhooks on. The
// shapes changed twice within a year, so they are data: a new host is a row.
type hostRule struct {
	// suffix is how the host ends, with one or two labels before it when it begins
	// with a dot; without the dot it is the whole host.
	suffix string
	kind   URLKind
	cloud  Cloud
	path   *regexp.Regexp
	signed bool // the query must carry a signature
	// warning is shown to whoever saves a webhook there.
	warning string
}

// The paths. With a scale unit (/cu/07) they are issued from 2026-06-02 on. [obs] 2026-11.
var (
	flowPath      = regexp.MustCompile(`^/powerautomate/automations/direct(/cu/[0-9]{1,12})?/workflows/[A-Za-z0-9_-]+/triggers/[A-Za-z0-9_-]+/paths/invoke/?$`)
	logicPath     = regexp.MustCompile(`^(/powerautomate/automations/direct(/cu/[0-9]{1,12})?)?/workflows/[A-Za-z0-9_-]+/triggers/[A-Za-z0-9_-]+/paths/invoke/?$`)
	connectorPath = regexp.MustCompile(`^/webhook(b2)?/[A-Za-z0-9@_-]+/[A-Za-z0-9_-]+/[A-Za-z0-9_-]+(/[A-Za-z0-9_-]+){1,2}/?$`)
)

// hostRules lists the host families. Power Platform suffixes: [doc]
// learn.microsoft.com, Power Automate IP address configuration, 2026-11. The
// move of November 2025 does not touch the sovereign clouds: .us and .cn Logic
// hosts are current there.
var hostRules = [...]hostRule{
	{".environment.api.powerplatform.com", KindWorkflows, CloudCommercial, flowPath, true, ""},
	{".environment.api.gov.powerplatform.microsoft.us", KindWorkflows, CloudGCC, flowPath, true, ""},
	{".environment.api.high.powerplatform.microsoft.us", KindWorkflows, CloudGCCHigh, flowPath, true, ""},
	{".environment.api.appsplatform.us", KindWorkflows, CloudDoD, flowPath, true, ""},
	{".environment.api.powerplatform.partner.microsoftonline.cn", KindWorkflows, CloudChina, flowPath, true, ""},
	{".logic.azure.com", KindLogicApp, CloudCommercial, logicPath, true, oldLogicHost},
	{".logic.azure.us", KindWorkflows, CloudUSGov, logicPath, true, ""},
	{".logic.azure.cn", KindWorkflows, CloudChina, logicPath, true, ""},
	{".webhook.office.com", KindOffice365, CloudCommercial, connectorPath, false, retired},
	{"outlook.office.com", KindOffice365, CloudCommercial, connectorPath, false, retired},
	{"outlook.office365.com", KindOffice365, CloudCommercial, connectorPath, false, retired},
}

// label is one part of a host name.
var label = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)

// ruleOf finds the family of a lower-case host.
func ruleOf(host string) (hostRule, bool) {
	for _, r := range hostRules {
		front, ok := strings.CutSuffix(host, r.suffix)
		if !ok || (front == "") == (r.suffix[0] == '.') {
			continue
		}
		labels := strings.Split(front, ".")
		if front == "" || len(labels) <= 2 && label.MatchString(labels[0]) && label.MatchString(labels[len(labels)-1]) {
			return r, true
		}
	}
	return hostRule{}, false
}

// address is what a URL of this family says about itself.
func (r hostRule) address(host, path string) Address {
	a := Address{Host: host, Kind: r.kind, Cloud: r.cloud, Profile: connector.ProfileFlowBot}
	if a.Kind == KindLogicApp && strings.HasPrefix(path, "/powerautomate/") {
		a.Kind = KindWorkflows // a flow at its old address, not a Logic App
	}
	switch {
	case a.Kind == KindOffice365:
		a.Profile = connector.ProfileOffice365
	case a.Kind == KindLogicApp:
		a.Profile = connector.ProfileLogicApp
	case a.Cloud >= CloudGCC && a.Cloud <= CloudUSGov:
		// The Flow bot can't post in government clouds. [doc] connectors/teams, 2026-05-09.
		a.Profile = connector.ProfilePostAsUser
	}
	if r.warning != "" {
		a.Warnings = []string{r.warning}
	}
	return a
}
