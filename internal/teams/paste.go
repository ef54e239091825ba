package teams

import (
	"fmt"
	"net/url"
	"strings"
	"unicode/utf8"
)

// The sentences that explanations share. How to make a webhook: [doc]
// msteams-docs, add-incoming-webhook, 2026-04-01.
const (
	copyAgain = "Copy it again: in Power Automate open the flow, open its trigger \"When a Teams webhook request is received\" and copy the HTTP URL."

	allowHost = "the operator of this service can allow it: start it with --trust-target and the target's origin."

	howToMake = "To make a new one: in Teams open the channel's \"...\" menu, choose Workflows, take the template that posts to a channel when a webhook request is received, and copy the URL that it shows at the end."

	retired = "This is a webhook of the Office 365 connector, which Microsoft has retired (switched off in May 2026 by several reports). " +
		"It is saved, but posts to it will most likely fail. " + howToMake

	oldLogicHost = "This is a webhook on the old address logic.azure.com. Flows of Power Automate stopped working there on 30 November 2025; only Azure Logic Apps may still use it. " +
		"If it is a flow, copy its new URL from Power Automate. " + howToMake
)

// page is a host whose addresses people paste instead of the webhook's URL.
type page struct{ host, why string }

var pages = [...]page{
	{"make.powerautomate.com", flowPage},
	{"make.gov.powerautomate.us", flowPage},
	{"make.high.powerautomate.us", flowPage},
	{"make.powerautomate.appsplatform.us", flowPage},
	{"make.powerautomate.cn", flowPage},
	{"make.powerapps.com", flowPage},
	{"flow.microsoft.com", flowPage},
	{"flow.microsoft.us", flowPage},
	{"portal.azure.com", "This is the address of a page of the Azure portal, not the webhook's URL. Open the Logic App's request trigger there and copy its HTTP URL."},
	{"teams.microsoft.com", teamsPage},
	{"teams.cloud.microsoft", teamsPage},
	{"teams.live.com", teamsPage},
	{"teams.microsoft.us", teamsPage},
	{"admin.teams.microsoft.com", teamsPage},
	{"sharepoint.com", "This is the address of a SharePoint page, not a webhook's URL. " + howToMake},
	{"azure-api.net", "This is the address of Azure API Management, not Microsoft's webhook host itself. Save the webhook's own URL, or " + allowHost},
	{"azurefd.net", "This is the address of Azure Front Door, not Microsoft's webhook host itself. Save the webhook's own URL, or " + allowHost},
	{"azurewebsites.net", "This is the address of an Azure app, not Microsoft's webhook host itself. Save the webhook's own URL, or " + allowHost},
}

const (
	flowPage  = "This is the address of a page of Power Automate, not the webhook's URL. Open the flow there, open its trigger \"When a Teams webhook request is received\" and copy the HTTP URL."
	teamsPage = "This is a link to a channel, chat or page of Teams, not a webhook's URL. " + howToMake
)

// pasteFault finds what went wrong between the page that showed the URL and
// the field that it was pasted into.
func pasteFault(raw string) string {
	switch {
	case strings.TrimSpace(raw) == "":
		return "The URL is missing. " + howToMake
	case len(raw) > MaxURLBytes:
		return fmt.Sprintf("The URL has %d bytes; the limit is %d. Paste the webhook's URL alone.", len(raw), MaxURLBytes)
	}
	if why := strangeCharacter(raw); why != "" {
		return why
	}
	lower := strings.ToLower(raw)
	scheme, rest, found := strings.Cut(lower, ":")
	switch {
	case strings.Contains(lower, "&amp;"):
		return "The URL was copied from HTML: it has \"&amp;\" where \"&\" belongs. Replace each \"&amp;\" by \"&\", or copy it again from Power Automate."
	case strings.Contains(lower, "https%3a") && !strings.HasPrefix(lower, "https://"):
		return "The URL is percent-encoded, as inside another link. " + copyAgain
	case found && (scheme == "https" || scheme == "http") && !strings.HasPrefix(rest, "//"):
		return "The URL lacks slashes: it must begin with https:// (two slashes)."
	case strings.HasPrefix(lower, "//"), !strings.Contains(lower, "://"):
		return "The URL must begin with https://. Paste it whole, from https:// to the end of its signature."
	}
	return ""
}

// strangeCharacter refuses what never stands in a webhook URL and is read
// differently by different readers.
func strangeCharacter(raw string) string {
	if strings.TrimSpace(raw) != raw {
		return "There are spaces or line breaks before or after the URL. Paste it without them."
	}
	for _, r := range raw {
		switch {
		case r == ' ' || r == '\n' || r == '\r' || r == '\t':
			return "The URL has a space or a line break in it: it was probably copied in pieces. " + copyAgain
		case r < ' ' || r == 0x7f:
			return "The URL has a control character in it. " + copyAgain
		case r == '\\':
			return "The URL has a backslash in it, as in a JSON or program text (\"\\u0026\" stands for \"&\"). " + copyAgain
		case r == '"' || r == '\'' || r == '<' || r == '>' || r == '`':
			return "The URL has quotes or angle brackets in or around it. Paste it without them."
		case r >= utf8.RuneSelf:
			return "The URL has a character in it that is not ASCII; such a letter may only look like the right one. " + copyAgain
		}
	}
	return ""
}

// pathFault explains a path that is not a webhook's on its host.
func pathFault(rule hostRule, path string) string {
	switch {
	case rule.kind == KindOffice365 && rule.suffix[0] != '.':
		return "This is an address of Outlook, not a webhook's URL. " + howToMake
	case rule.kind == KindOffice365:
		return "The URL is not whole: its path is not that of an Office 365 connector's webhook. That connector is retired anyway. " + howToMake
	case logicPath.MatchString(path):
		return "The URL has the new host with the old path, which Microsoft doesn't serve: the flow has moved and has got a new signature too. " + copyAgain
	case !strings.Contains(path, "/workflows/"):
		return "The host is right, but the path is not that of a webhook. " + copyAgain
	case !strings.HasSuffix(strings.TrimSuffix(path, "/"), "/paths/invoke"):
		return "The URL is cut off: behind the flow's id it must go on with /triggers/.../paths/invoke?... up to the signature. " + copyAgain
	}
	return "The URL's path is not that of a webhook. " + copyAgain
}

// queryFault explains a query without exactly one of each part.
func queryFault(rule hostRule, raw string) string {
	if !rule.signed {
		if raw != "" {
			return "An Office 365 connector's webhook URL has no part behind a question mark. Paste it without."
		}
		return ""
	}
	query, err := url.ParseQuery(raw)
	if err != nil {
		return "The part of the URL behind the question mark has a broken percent sign or a semicolon in it. " + copyAgain
	}
	if query.Get("sig") == "" {
		return cutBeforeSignature(query)
	}
	for _, name := range [...]string{"api-version", "sp", "sv", "sig"} {
		switch values := query[name]; {
		case len(values) > 1:
			return "The URL has \"" + name + "=\" twice: it was probably pasted twice. " + copyAgain
		case len(values) == 0 || values[0] == "":
			return "The URL is not whole: \"" + name + "=\" is missing. " + copyAgain
		}
	}
	if strings.Trim(query.Get("sig"), signatureCharacters) != "" {
		return "The URL's signature (behind \"sig=\") has characters that no signature has. " + copyAgain
	}
	return ""
}

// signatureCharacters are those of base64url. [obs] signatures have 43 of them.
const signatureCharacters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

func cutBeforeSignature(query url.Values) string {
	const sharing = " If the flow shows no \"sig=\" at all, its trigger is not open to anyone who has the URL: set \"Who can trigger the flow?\" to \"Anyone\"."
	if len(query) == 1 && query.Has("api-version") {
		return "The URL is cut off at its first \"&\", before the signature (\"sig=\"): a command line does that to a URL without quotes. " + copyAgain + sharing
	}
	return "The URL is cut off before its signature (\"sig=\"), which is the part that lets this service post. " + copyAgain + sharing
}
