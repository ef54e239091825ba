package console

import "slices"

// route is one page, or one thing that a form does.
type route struct {
	pattern string // of http.ServeMux
	handle  func(v *visit) error
	// open: it may be used without being signed in.
	open bool
	// most is how large its form may be, in bytes; 0: maxForm.
	most int64
	// operator: for all others it is not there.
	operator bool
}

// routes is all that the console answers.
func (c *Console) routes() []route {
	return slices.Concat(c.doorRoutes(), c.channelRoutes(), c.marketRoutes(), c.peopleRoutes(), c.operatorRoutes())
}

// doorRoutes are how people come in and go.
func (c *Console) doorRoutes() []route {
	return []route{
		{pattern: "GET /{$}", handle: c.home, open: true},
		{pattern: "GET /signin", handle: c.signInPage, open: true},
		{pattern: "POST /signin", handle: c.signIn, open: true},
		{pattern: "GET " + signOnPath, handle: c.startSignOn, open: true},
		{pattern: "GET " + signOnPath + "/callback", handle: c.endSignOn, open: true},
		{pattern: "GET " + signOnPath + "/{directory}", handle: c.startSignOn, open: true},
		{pattern: "GET " + signOnPath + "/{directory}/callback", handle: c.endSignOn, open: true},
		{pattern: "GET /forgot", handle: c.forgotPage, open: true},
		{pattern: "POST /forgot", handle: c.forgot, open: true},
		{pattern: "GET /signup", handle: c.signUpPage, open: true},
		{pattern: "POST /signup", handle: c.signUp, open: true},
		{pattern: "POST /signout", handle: c.signOut},
		{pattern: "GET /setup/{link}", handle: c.setupPage, open: true},
		{pattern: "POST /setup/{link}", handle: c.setUp, open: true},
		{pattern: "GET /link/{link}", handle: c.linkPage, open: true},
		{pattern: "POST /link/{link}", handle: c.useLink, open: true},
		{pattern: "GET /link/{link}/oidc", handle: c.linkSignOn, open: true},
		{pattern: "POST /theme", handle: c.theme, open: true},
		{pattern: "GET /logo", handle: c.logo, open: true},
		{pattern: "GET /terms", handle: c.terms, open: true},
	}
}

// channelRoutes are the Communication Services Console: webhooks and messages.
func (c *Console) channelRoutes() []route {
	return []route{
		{pattern: "GET /console", handle: c.webhooks},
		{pattern: "GET /console/events", handle: c.events},
		{pattern: "POST /console/webhooks", handle: c.addWebhook},
		{pattern: "GET /webhooks/{id}", handle: c.webhook},
		{pattern: "POST /webhooks/{id}/edit", handle: c.editWebhook},
		{pattern: "POST /webhooks/{id}/settings", handle: c.settings},
		{pattern: "POST /webhooks/{id}/reveal", handle: c.reveal},
		{pattern: "POST /webhooks/{id}/delete", handle: c.deleteWebhook},
		{pattern: "POST /webhooks/{id}/pause", handle: c.pauseWebhook},
		{pattern: "POST /webhooks/{id}/resume", handle: c.resumeWebhook},
		{pattern: "POST /webhooks/{id}/test", handle: c.testWebhook},
		{pattern: "GET /usage", handle: c.usage},
		{pattern: "GET /usage.csv", handle: c.usageFile},
		{pattern: "GET /messages", handle: c.messages},
		{pattern: "GET /messages/{id}", handle: c.message},
		{pattern: "GET /compose", handle: c.compose},
		{pattern: "POST /compose", handle: c.draft},
		{pattern: "POST /messages/resend", handle: c.resendFailed},
		{pattern: "POST /messages/{id}/resend", handle: c.resendMessage},
		{pattern: "POST /messages/{id}/cancel", handle: c.cancelMessage},
		{pattern: "POST /messages/{id}/resolve", handle: c.resolveMessage},
	}
}

// marketRoutes are the Marketplace, subscriptions and orders.
func (c *Console) marketRoutes() []route {
	return []route{
		{pattern: "GET /subscriptions", handle: c.subscriptions},
		{pattern: "GET /subscriptions/{id}", handle: c.subscription},
		{pattern: "POST /subscriptions/{id}/name", handle: c.renameInstance},
		{pattern: "POST /subscriptions/{id}/keys", handle: c.createKeys},
		{pattern: "POST /subscriptions/{id}/keys/{keys}/delete", handle: c.deleteKeys},
		{pattern: "POST /subscriptions/{id}/cancel", handle: c.cancelSubscription},
		{pattern: "GET /marketplace", handle: c.marketplace, open: true},
		{pattern: "GET /marketplace/trial", handle: c.trial},
		{pattern: "POST /marketplace/trial", handle: c.enableTrial},
		{pattern: "GET /marketplace/subscribe", handle: c.subscribe},
		{pattern: "POST /marketplace/subscribe", handle: c.placeOrder},
		{pattern: "GET /orders/{id}", handle: c.orderReceived},
		{pattern: "POST /subscriptions/{id}/notify", handle: c.changeNotify},
	}
}

// peopleRoutes are members, tokens, accounts and what people are told.
func (c *Console) peopleRoutes() []route {
	return []route{
		{pattern: "GET /members", handle: c.members},
		{pattern: "POST /organizations/{id}/members", handle: c.addMember},
		{pattern: "POST /organizations/{id}/members/{person}/role", handle: c.changeRole},
		{pattern: "POST /organizations/{id}/members/{person}/remove", handle: c.removeMember},
		{pattern: "POST /organizations/{id}/members/{person}/reset", handle: c.resetMember},
		{pattern: "POST /organizations/{id}/directories", handle: c.bindDirectory},
		{pattern: "POST /organizations/{id}/directories/{directory}/edit", handle: c.bindDirectory},
		{pattern: "POST /organizations/{id}/directories/{directory}/delete", handle: c.unbindDirectory},
		{pattern: "POST /organizations/{id}/tokens", handle: c.createToken},
		{pattern: "POST /organizations/{id}/tokens/{token}/revoke", handle: c.revokeToken},
		{pattern: "GET /audit", handle: c.audit},
		{pattern: "GET /audit.csv", handle: c.auditFile},
		{pattern: "GET /notices", handle: c.notices},
		{pattern: "GET /account", handle: c.account},
		{pattern: "POST /account/sessions/{id}/end", handle: c.endSession},
		{pattern: "POST /account/sessions/others/end", handle: c.endOtherSessions},
		{pattern: "POST /account/connect", handle: c.connect},
		{pattern: "POST /account/disconnect", handle: c.disconnect},
	}
}

// operatorRoutes are the pages of whoever runs the installation.
func (c *Console) operatorRoutes() []route {
	all := []route{
		{pattern: "GET /operate", handle: c.operate},
		{pattern: "GET /operate/organizations", handle: c.tenants},
		{pattern: "POST /operate/organizations", handle: c.createTenant},
		{pattern: "GET /operate/organizations/{id}", handle: c.tenant},
		{pattern: "POST /operate/organizations/{id}/name", handle: c.renameTenant},
		{pattern: "POST /operate/organizations/{id}/suspend", handle: c.suspendTenant},
		{pattern: "POST /operate/organizations/{id}/erase", handle: c.eraseTenant},
		{pattern: "POST /operate/organizations/{id}/subscriptions", handle: c.subscribeTenant},
		{pattern: "GET /operate/organizations/{id}/export", handle: c.exportTenant},
		{pattern: "GET /operate/subscriptions", handle: c.allSubscriptions},
		{pattern: "GET /operate/orders", handle: c.orders},
		{pattern: "POST /operate/orders/{id}/approve", handle: c.approveOrder},
		{pattern: "POST /operate/orders/{id}/decline", handle: c.declineOrder},
		{pattern: "GET /operate/plans", handle: c.plans},
		{pattern: "POST /operate/plans", handle: c.savePlan},
		{pattern: "POST /operate/plans/{id}", handle: c.savePlan},
		{pattern: "GET /operate/find", handle: c.found},
		{pattern: "POST /operate/find", handle: c.find},
		{pattern: "GET /operate/health", handle: c.health},
		{pattern: "GET /nodes", handle: c.nodes},
		{pattern: "GET /nodes/events", handle: c.nodeEvents},
		{pattern: "GET /operate/usage.csv", handle: c.usageOfAll},
		{pattern: "GET /operate/settings", handle: c.houseSettings},
		{pattern: "POST /operate/settings", handle: c.changeHouse, most: maxUpload},
		{pattern: "GET /operate/outbox", handle: c.outbox},
		{pattern: "GET /operate/outbox/{id}", handle: c.letter},
	}
	for i := range all {
		all[i].operator = true
	}
	return all
}
