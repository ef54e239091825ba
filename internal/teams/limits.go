package teams

import "time"

// What a post may be.
const (
	// TeamsPostBytes is the most that Teams takes, counted on the JSON escaped once more as a
	// JSON string. [obs] 2026-11: a request of 24,453 bytes was counted as 28,897 and refused over 28,672.
	TeamsPostBytes = 28_672
	// MaxCardBytes is our budget for a caller's card, counted likewise: the flow
	// adds to it, and a failure inside the flow's run is never seen [inf].
	MaxCardBytes = 26_000
	// PartBytes is our budget for one part of a text, counted likewise [inf].
	PartBytes = 20_000
	// CardRoom is what of PartBytes is left for the texts of a card of several.
	CardRoom = PartBytes - 400
	// MaxTextBytes is the longest text that is taken at all. Ours.
	MaxTextBytes = 100_000
	// MaxActions is how many buttons of one row Teams shows. [doc] learn.microsoft.com, cards reference, 2026-11.
	MaxActions = 6
	// CardVersion is the version of the cards that we make: all Teams clients draw it. [doc] 2026-11.
	CardVersion = "1.4"
	// newestDrawn is the newest version that Teams clients draw; 1.6 is accepted with a warning. [doc] 2026-11.
	newestDrawn = "1.5"
)

// MaxURLBytes is the longest webhook URL that is taken. Ours; [obs] they run to 313 characters.
const MaxURLBytes = 4096

// How fast Teams takes posts. internal/lane paces below these.
const (
	// RunPosts in RunWindow is what one connection may post as Flow bot; the posts
	// over it fail inside the run, unseen. [doc] learn.microsoft.com/connectors/teams, 2026-05-09.
	RunPosts  = 25
	RunWindow = 300 * time.Second
	// UserPosts in RunWindow is what one connection may post as a user. [doc] likewise.
	UserPosts = 300
	// ConnectionCalls in ConnectionWindow is what one connection may call in all. [doc] likewise.
	ConnectionCalls  = 100
	ConnectionWindow = 60 * time.Second
	// FrontDoorRate is how many requests a second a webhook takes; more are answered 429.
	// [doc] msteams-docs, add-incoming-webhook, 2026-04-01.
	FrontDoorRate = 4
	// Office365Posts in Office365Window is what a retired connector took. [doc]
	// msteams-docs, connectors, rate limiting, before 2026-05.
	Office365Posts  = 100
	Office365Window = time.Hour
	// MinRetryAfter and MaxRetryAfter bound what an answer can ask for. Ours.
	MinRetryAfter = time.Second
	MaxRetryAfter = 24 * time.Hour
)

// When a flow turns itself off. [doc] Power Automate limits, 2026-11: free and Microsoft 365 plans.
const (
	IdleOff    = 90 * 24 * time.Hour // without a trigger
	FailingOff = 14 * 24 * time.Hour // of failures or throttling
)

// The headers of a post and of its answer.
const (
	// ContentType must name the charset: without it emoji became "??". [obs] msteams-docs issue 12507.
	ContentType = "application/json; charset=utf-8"
	// TrackingHeader carries our message id: it helps to find the flow's run. [doc] Logic Apps, 2026-11.
	TrackingHeader = "x-ms-client-tracking-id"
	// RunIDHeader names the flow's run that a post started. [obs] 2026-11.
	RunIDHeader = "x-ms-workflow-run-id"
)
