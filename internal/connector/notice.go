package connector

// NoticeKind says what a notice is about.
type NoticeKind string

// The kinds of notices. The words are stored.
const (
	NoticeOrderPlaced    NoticeKind = "order_placed"    // the operator's: an order waits for approval
	NoticeOrderConfirmed NoticeKind = "order_confirmed" // the subscription is active; its mail invites a Technical Contact without an account
	NoticeOrderDeclined  NoticeKind = "order_declined"  // Detail says why
	NoticeInvitation     NoticeKind = "invitation"      // a person's: into an organization
	NoticePassword       NoticeKind = "password"        // a person's: they forgot theirs, or are given one
	NoticeTermEnding     NoticeKind = "term_ending"
	NoticeTermEnded      NoticeKind = "term_ended"
	NoticeQuotaNear      NoticeKind = "quota_near" // four fifths of the month's messages are used
	NoticeQuotaUsed      NoticeKind = "quota_used"
	NoticeWebhookStopped NoticeKind = "webhook_stopped" // Detail says why
	NoticeLaneBehind     NoticeKind = "lane_behind"     // it needs longer than Late
	NoticeManyStopped    NoticeKind = "many_stopped"    // the operator's: webhooks of many organizations stopped alike
	NoticeManyBehind     NoticeKind = "many_behind"     // the operator's: queues of many organizations are behind
)
