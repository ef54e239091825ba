package console_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/teamsconnector/teamsconnector/internal/console"
)

// A new page comes into three places: its route into routes.go, its looks into the table below (empty,
// rich and wrong, as far as it has them), and what it shows into lively, made through the pages and the
// API. Its picture is then made by TestScreens.

// content is what stands on a page.
type content string

const (
	fresh content = "fresh" // an installation without anybody
	empty content = "empty" // somebody's, with nothing made yet
	rich  content = "rich"  // see lively
	wrong content = "wrong" // the answer to bad input, or to what is not there
)

// sight is one way in which a route looks.
type sight struct {
	pattern string // of the route
	content content
	address string // for a POST: with the fields after the question mark
	picture string // the name of its picture in docs/screens; empty: it has none
}

// sights are all pages. A route that shows one stands here, or in pageless with the reason.
func sights() []sight {
	return slices.Concat(doorSights(), channelSights(), marketSights(), peopleSights(), operatorSights())
}

// doorSights are how people come in and go.
func doorSights() []sight {
	return []sight{
		{"GET /setup/{link}", fresh, "/setup/{setup}", "setup"},
		{"GET /setup/{link}", wrong, "/setup/none", ""},
		{"POST /setup/{link}", wrong, "/setup/none?email=x", ""},
		{"GET /signin", empty, "/signin", "signin"},
		{"GET /signin", rich, "/signin?out=1", ""},
		{"POST /signin", wrong, "/signin?email=nobody%40contoso.example&password=wrong", "signin-wrong"},
		{"GET /signin/oidc", wrong, "/signin/oidc", ""},
		{"GET /signin/oidc/callback", wrong, "/signin/oidc/callback?state=none", ""},
		{"GET /signin/oidc/{directory}", wrong, "/signin/oidc/dir_none", ""},
		{"GET /signin/oidc/{directory}/callback", wrong, "/signin/oidc/dir_none/callback?state=none", ""},
		{"GET /link/{link}", rich, "/link/{link}", "link"},
		{"GET /link/{link}", wrong, "/link/none", ""},
		{"POST /link/{link}", wrong, "/link/{link}?password=short", ""},
		{"GET /link/{link}/oidc", wrong, "/link/none/oidc", ""},
		{"GET /forgot", rich, "/forgot", "forgot"},
		{"GET /forgot", rich, "/forgot?asked=1", ""},
		{"POST /forgot", wrong, "/forgot?email=x", ""},
		{"GET /terms", rich, "/terms", ""},
		{"GET /signup", rich, "/signup", "signup"},
		{"POST /signup", wrong, "/signup?name=&email=x&password=short", ""},
	}
}

// channelSights are webhooks and messages.
func channelSights() []sight {
	return []sight{
		{"GET /console", empty, "/console", "webhooks-empty"},
		{"GET /console", rich, "/console", "webhooks"},
		{"GET /console", rich, "/console?add=1", "webhook-adder"},
		{"GET /console", rich, "/console?edit={hook}", "webhook-editor"},
		{"GET /console", rich, "/console?delete={paused}", "webhook-delete"},
		{"GET /console", rich, "/console?resume={paused}", "webhook-resume"},
		{"GET /console", rich, "/console?q=none", ""},
		{"GET /console", wrong, "/console?instance=sub_none", "not-here"},
		{"POST /console/webhooks", wrong, "/console/webhooks?instance={sub}&name=Alerts&url=https%3A%2F%2Fmake.powerautomate.com%2Fx", "webhook-adder-wrong"},
		{"GET /webhooks/{id}", empty, "/webhooks/{unused}", ""},
		{"GET /webhooks/{id}", rich, "/webhooks/{hook}", "webhook"},
		{"GET /webhooks/{id}", rich, "/webhooks/{busy}", "webhook-waiting"},
		{"GET /webhooks/{id}", rich, "/webhooks/{stopped}", "webhook-stopped"},
		{"GET /webhooks/{id}", wrong, "/webhooks/wh_none", ""},
		{"POST /webhooks/{id}/reveal", rich, "/webhooks/{hook}/reveal?", ""},
		{"POST /webhooks/{id}/edit", wrong, "/webhooks/{hook}/edit?name=", ""},
		{"POST /webhooks/{id}/settings", wrong, "/webhooks/{hook}/settings?messageLife=soon", ""},
		{"POST /webhooks/{id}/delete", wrong, "/webhooks/wh_none/delete?", ""},
		{"POST /webhooks/{id}/pause", wrong, "/webhooks/wh_none/pause?", ""},
		{"POST /webhooks/{id}/resume", wrong, "/webhooks/{paused}/resume?send=some", ""},
		{"POST /webhooks/{id}/test", wrong, "/webhooks/wh_none/test?", ""},
		{"GET /usage", empty, "/usage", ""},
		{"GET /usage", rich, "/usage?instance={sub}", ""},
		{"GET /usage", rich, "/usage?instance={sub}&period=total", ""},
		{"GET /usage", wrong, "/usage?instance=sub_none", ""},
		{"GET /messages", empty, "/messages", "messages-empty"},
		{"GET /messages", rich, "/messages", "messages"},
		{"GET /messages", rich, "/messages?webhook={hook}", "messages-of-a-webhook"},
		{"GET /messages", rich, "/messages?status=failed&resend=failed", "messages-resend"},
		{"GET /messages", rich, "/messages?q=none", ""},
		{"GET /messages", wrong, "/messages?day=yesterday", ""},
		{"GET /messages/{id}", rich, "/messages/{message}", "message"},
		{"GET /messages/{id}", rich, "/messages/{card}", "message-card"},
		{"GET /messages/{id}", rich, "/messages/{waiting}", "message-waiting"},
		{"GET /messages/{id}", rich, "/messages/{failed}", "message-failed"},
		{"GET /messages/{id}", wrong, "/messages/msg_none", ""},
		{"GET /compose", empty, "/compose", ""},
		{"GET /compose", rich, "/compose?webhook={hook}", "compose"},
		{"POST /compose", rich, "/compose?instance={sub}&webhook={hook}&kind=text&textMessage=Gate+3+is+open.", "compose-preview"},
		{"POST /compose", wrong, "/compose?instance={sub}&webhook={hook}&kind=card&card=none&do=send", "compose-wrong"},
		{"POST /messages/resend", wrong, "/messages/resend?webhook=wh_none", ""},
		{"POST /messages/{id}/resend", wrong, "/messages/msg_none/resend?", ""},
		{"POST /messages/{id}/cancel", wrong, "/messages/{message}/cancel?", ""},
		{"POST /messages/{id}/resolve", wrong, "/messages/{message}/resolve?as=sent", ""},
	}
}

// marketSights are the Marketplace, subscriptions and orders.
func marketSights() []sight {
	return []sight{
		{"GET /subscriptions", empty, "/subscriptions", ""},
		{"GET /subscriptions", rich, "/subscriptions", "subscriptions"},
		{"GET /subscriptions/{id}", empty, "/subscriptions/{sub}", ""},
		{"GET /subscriptions/{id}", rich, "/subscriptions/{sub}", "subscription"},
		{"GET /subscriptions/{id}", rich, "/subscriptions/{sub}?create=keys", "keys-create"},
		{"GET /subscriptions/{id}", rich, "/subscriptions/{sub}?rename=1", ""},
		{"GET /subscriptions/{id}", rich, "/subscriptions/{sub}?delete={keys}", "keys-delete"},
		{"GET /subscriptions/{id}", wrong, "/subscriptions/sub_none", ""},
		{"POST /subscriptions/{id}/name", wrong, "/subscriptions/{sub}/name?instanceName=", ""},
		{"POST /subscriptions/{id}/keys", rich, "/subscriptions/{sub}/keys?name=Shop+{look}", "keys-made"},
		{"POST /subscriptions/{id}/keys", wrong, "/subscriptions/{sub}/keys?name=", ""},
		{"POST /subscriptions/{id}/keys/{keys}/delete", wrong, "/subscriptions/{sub}/keys/keys_none/delete?", ""},
		{"GET /subscriptions/{id}", rich, "/subscriptions/{sub}?cancel=1", ""},
		{"POST /subscriptions/{id}/cancel", wrong, "/subscriptions/sub_none/cancel?", ""},
		{"POST /subscriptions/{id}/notify", wrong, "/subscriptions/{sub}/notify?notify=nobody", ""},
		{"GET /marketplace", empty, "/marketplace", ""},
		{"GET /marketplace", rich, "/marketplace", "marketplace"},
		{"GET /marketplace/trial", rich, "/marketplace/trial", "marketplace-trial"},
		{"POST /marketplace/trial", wrong, "/marketplace/trial?form=1&organization={org}", ""},
		{"GET /marketplace/subscribe", rich, "/marketplace/subscribe", "marketplace-order"},
		{"POST /marketplace/subscribe", wrong, "/marketplace/subscribe?form=1&organization={org}", ""},
		{"GET /orders/{id}", rich, "/orders/{order}", "order"},
		{"GET /orders/{id}", wrong, "/orders/ord_none", ""},
	}
}

// peopleSights are members, tokens, accounts and what people are told.
func peopleSights() []sight {
	return []sight{
		{"GET /members", empty, "/members", ""},
		{"GET /members", rich, "/members", "members"},
		{"GET /members", rich, "/members?dialog=invite", "members-invite"},
		{"GET /members", rich, "/members?dialog=token", "members-token"},
		{"GET /members", rich, "/members?dialog=revoke&token={token}", ""},
		{"GET /members", rich, "/members?dialog=remove&member={person}", ""},
		{"GET /members", wrong, "/members?organization=org_none", ""},
		{"POST /organizations/{id}/members", wrong, "/organizations/{org}/members?email=x&role=member", ""},
		{"POST /organizations/{id}/members/{person}/role", wrong, "/organizations/{org}/members/{person}/role?role=member", ""},
		{"POST /organizations/{id}/members/{person}/remove", wrong, "/organizations/{org}/members/{person}/remove?", ""},
		{"POST /organizations/{id}/tokens", wrong, "/organizations/{org}/tokens?name=&role=member", ""},
		{"POST /organizations/{id}/tokens/{token}/revoke", wrong, "/organizations/{org}/tokens/tok_none/revoke?", ""},
		{"GET /audit", empty, "/audit", ""},
		{"GET /audit", rich, "/audit", "audit"},
		{"GET /audit", rich, "/audit?organization={org}&action=webhook", ""},
		{"GET /audit", rich, "/audit?actor=nobody", ""},
		{"GET /audit", wrong, "/audit?from=yesterday", ""},
		{"GET /account", rich, "/account", "account"},
		{"POST /account/sessions/{id}/end", wrong, "/account/sessions/sin_none/end?", ""},
		{"POST /account/connect", wrong, "/account/connect?directory=dir_none", ""},
		{"POST /account/disconnect", wrong, "/account/disconnect?issuer=none", ""},
		{"GET /members", rich, "/members?dialog=directory", ""},
		{"GET /members", rich, "/members?dialog=directory&directory={directory}", "members-directory"},
		{"GET /members", rich, "/members?dialog=unbind&directory={directory}", ""},
		{"POST /organizations/{id}/members/{person}/reset", rich, "/organizations/{org}/members/{person}/reset?", ""},
		{"POST /organizations/{id}/directories", wrong, "/organizations/{org}/directories?from=nowhere", ""},
		{"POST /organizations/{id}/directories/{directory}/edit", wrong, "/organizations/{org}/directories/dir_none/edit?name=", ""},
		{"POST /organizations/{id}/directories/{directory}/delete", wrong, "/organizations/{org}/directories/dir_none/delete?", ""},
		{"GET /notices", empty, "/notices", ""},
		{"GET /notices", rich, "/notices", "notices"},
	}
}

// operatorSights are the operator's pages.
func operatorSights() []sight {
	return []sight{
		{"GET /operate/organizations", empty, "/operate/organizations", ""},
		{"GET /operate/organizations", rich, "/operate/organizations", "organizations"},
		{"GET /operate/organizations", rich, "/operate/organizations?q=none", ""},
		{"GET /operate/organizations", rich, "/operate/organizations?add=1", "organization-adder"},
		{"POST /operate/organizations", wrong, "/operate/organizations?name=&adminEmail=x", ""},
		{"GET /operate/organizations/{id}", empty, "/operate/organizations/{org}", ""},
		{"GET /operate/organizations/{id}", rich, "/operate/organizations/{org}", "organization"},
		{"GET /operate/organizations/{id}", rich, "/operate/organizations/{org}?dialog=rename", ""},
		{"GET /operate/organizations/{id}", rich, "/operate/organizations/{org}?dialog=suspend", ""},
		{"GET /operate/organizations/{id}", rich, "/operate/organizations/{org}?dialog=erase", ""},
		{"GET /operate/organizations/{id}", rich, "/operate/organizations/{org}?dialog=subscribe", ""},
		{"GET /operate/organizations/{id}", wrong, "/operate/organizations/org_none", ""},
		{"POST /operate/organizations/{id}/name", wrong, "/operate/organizations/{org}/name?name=", ""},
		{"POST /operate/organizations/{id}/suspend", wrong, "/operate/organizations/org_none/suspend?", ""},
		{"POST /operate/organizations/{id}/erase", wrong, "/operate/organizations/{org}/erase?confirm=none", ""},
		{"POST /operate/organizations/{id}/subscriptions", wrong, "/operate/organizations/{org}/subscriptions?plan=none", ""},
		{"GET /operate/find", empty, "/operate/find", "find"},
		{"GET /operate/find", rich, "/operate/find?id={keys}", ""},
		{"POST /operate/find", wrong, "/operate/find?q=none", ""},
		{"GET /operate/health", empty, "/operate/health", ""},
		{"GET /operate/health", rich, "/operate/health", "health"},
		{"GET /nodes", rich, "/nodes", "nodes"},
		{"GET /operate/subscriptions", rich, "/operate/subscriptions", ""},
		{"GET /operate/subscriptions", rich, "/operate/subscriptions?q=none", ""},
		{"GET /operate/orders", empty, "/operate/orders", ""},
		{"GET /operate/orders", rich, "/operate/orders?state=approved", ""},
		{"GET /operate/orders", rich, "/operate/orders?decline={order}", ""},
		{"POST /operate/orders/{id}/approve", wrong, "/operate/orders/ord_none/approve?", ""},
		{"POST /operate/orders/{id}/decline", wrong, "/operate/orders/ord_none/decline?reason=no", ""},
		{"GET /operate/plans", rich, "/operate/plans", ""},
		{"GET /operate/plans", rich, "/operate/plans?add=1", ""},
		{"POST /operate/plans", wrong, "/operate/plans?name=&type=paid&webhookQuota=x", ""},
		{"POST /operate/plans/{id}", wrong, "/operate/plans/plan_none?name=x", ""},
		{"GET /operate/settings", empty, "/operate/settings", ""},
		{"POST /operate/settings", wrong, "/operate/settings?support=x&productName=Contoso", ""},
		{"GET /operate/outbox", empty, "/operate/outbox", ""},
		{"GET /operate/outbox", rich, "/operate/outbox", "outbox"},
		{"GET /operate/outbox/{id}", rich, "/operate/outbox/{letter}", "letter"},
		{"GET /operate/outbox/{id}", wrong, "/operate/outbox/msg_none", ""},
	}
}

// pageless are the routes that show no page of their own, and why.
func pageless() map[string]string {
	return map[string]string{
		"GET /{$}":                               "leads on",
		"GET /operate":                           "leads on",
		"GET /audit.csv":                         "is a file",
		"GET /usage.csv":                         "is a file",
		"GET /operate/usage.csv":                 "is a file",
		"GET /nodes/events":                      "speaks to the script",
		"GET /logo":                              "is a picture",
		"GET /operate/organizations/{id}/export": "is a file",
		"POST /signout":                          "leads to the sign-in page",
		"POST /theme":                            "leads back",
		"GET /console/events":                    "speaks to the script",
		"POST /account/sessions/others/end":      "leads back to the account",
	}
}

func TestEveryRouteIsLookedAt(t *testing.T) {
	seen := map[string]bool{}
	for _, s := range sights() {
		seen[s.pattern] = true
		if !slices.Contains(console.Patterns(), s.pattern) {
			t.Errorf("the table of sights has %s, and there is no such route", s.pattern)
		}
	}
	for _, pattern := range console.Patterns() {
		if why := pageless()[pattern]; seen[pattern] == (why != "") {
			_, path, _ := strings.Cut(pattern, " ")
			t.Errorf("%s has to be looked at by axe and weighed: give it rows in internal/console/sights_test.go, one for each way it looks, such as "+
				`{%q, rich, %q, "name-of-its-picture"}, or, where it shows no page, a line in pageless there, such as %q: "leads back". It has rows: %v; it is in pageless: %q`,
				pattern, pattern, path, pattern, seen[pattern], why)
		}
	}
}

// open reports whether a page is for people who are not signed in.
func (s sight) open() bool {
	first, _, _ := strings.Cut(s.address[1:], "/")
	first, _, _ = strings.Cut(first, "?")
	return slices.Contains([]string{"setup", "signin", "link", "forgot", "signup"}, first)
}
