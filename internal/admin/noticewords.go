package admin

import (
	"fmt"
	"strings"
	"time"

	"github.com/teamsconnector/teamsconnector/internal/connector"
	"github.com/teamsconnector/teamsconnector/internal/store"
)

// contactName is a Technical Contact as one name.
func contactName(c store.Contact) string { return strings.TrimSpace(c.FirstName + " " + c.LastName) }

// said is a notice in words: as a line of the console, and as a mail.
type said struct {
	subject string
	lines   []string
	button  string // what the link is called
	path    string // where it leads
}

// words makes a mail of notices of one kind. link is the secret of one that works once; empty: there is none.
func (c *calendar) words(about []store.Notice, link string) connector.Mail {
	s := say(about)
	if link != "" {
		s.path = "/link/" + link + "?next=" + s.path
		if about[0].Kind != connector.NoticePassword {
			s.button = "Choose a password and go on"
			s.lines = append(s.lines, "The button works once, within seven days: you choose a password there. After that, sign in with your e-mail address.")
		}
	}
	return connector.Mail{Subject: s.subject, Lines: s.lines, Button: s.button, Link: c.base + s.path}
}

// say puts notices of one kind into words.
func say(about []store.Notice) said {
	n := &about[0]
	switch n.Kind {
	case connector.NoticeWebhookStopped:
		return sayStopped(about)
	case connector.NoticeLaneBehind:
		return sayBehind(about)
	case connector.NoticeManyStopped:
		return said{
			"Many webhooks have stopped", []string{
				n.Detail + " have stopped within a minute. That looks like one cause: Microsoft's service, or the network of this installation.",
				"Their messages wait. The people of those organizations were not mailed; when the cause is mended, a test of each webhook lets it go on.",
			}, "Open Health", "/operate/health",
		}
	case connector.NoticeManyBehind:
		return said{
			"The queues of many webhooks are behind", []string{
				n.Detail + " need more than five minutes for what waits. That looks like one cause: Microsoft's service, or the network of this installation.",
				"Their messages wait and go by themselves. The people of those organizations were not mailed.",
			}, "Open Health", "/operate/health",
		}
	case connector.NoticeInvitation, connector.NoticePassword:
		return sayPerson(n)
	case connector.NoticeOrderPlaced, connector.NoticeOrderConfirmed, connector.NoticeOrderDeclined:
		return sayOrder(n)
	case connector.NoticeTermEnding, connector.NoticeTermEnded, connector.NoticeQuotaNear, connector.NoticeQuotaUsed:
	}
	return sayTerm(n)
}

const invitedTo = "You are invited to "

func sayPerson(n *store.Notice) said {
	if n.Kind == connector.NoticePassword {
		return said{"Choose a new password", []string{
			"Somebody, probably you, asked for a new password of your account. The link works once, within a day.",
			"If it was not you, do nothing: your password stays as it is.",
		}, "Choose a new password", "/"}
	}
	where := n.OrganizationName
	if where == "" {
		where = "Teams Connector"
	}
	return said{invitedTo + where, []string{
		"In the Communication Services Console you configure webhooks, look at messages and watch usage.",
	}, "Open the console", "/console"}
}

func sayOrder(n *store.Notice) said {
	switch n.Kind { //nolint:exhaustive // sayOrder is for these
	case connector.NoticeOrderPlaced:
		return said{"An order waits for your approval", []string{
			"Ordered: " + n.Detail + ".", "It waits until you approve or decline it.",
		}, "Open the orders", "/operate/orders"}
	case connector.NoticeOrderDeclined:
		return said{"Your order was declined", []string{
			n.OrganizationName + " ordered the plan " + n.Plan + " of the Microsoft Teams Connector. The order was declined.", n.Detail,
		}, "Open Subscriptions", "/subscriptions"}
	}
	until := "without an end"
	if !n.Expires.IsZero() {
		until = "until " + day(n.Expires)
	}
	return said{"Your order is confirmed: " + n.InstanceName, []string{
		"The subscription of " + n.OrganizationName + " to the Microsoft Teams Connector is active, under the plan " + n.Plan + ", " + until + ".",
		"What comes next: create binding keys for your app, add the webhook of a Teams channel, and send the first message.",
	}, "Open Subscriptions", "/subscriptions"}
}

func sayTerm(n *store.Notice) said {
	s := said{button: "Open the subscription", path: "/subscriptions/" + string(n.Subscription)}
	const refused = "New messages of apps are refused with the code %s; those that were accepted still go."
	switch n.Kind {
	case connector.NoticeTermEnding:
		s.subject = n.InstanceName + " ends on " + day(n.Expires)
		s.lines = []string{
			"The subscription " + n.InstanceName + " of " + n.OrganizationName + " (plan " + n.Plan + ") ends on " + n.Expires.UTC().Format("2 January 2006, 15:04 UTC") + ".",
			"From then on new messages of apps are refused with the code subscription_expired. Renewed or upgraded before that, keys and Webhook IDs stay and nothing stops.",
		}
	case connector.NoticeTermEnded:
		s.subject = n.InstanceName + " has ended"
		s.lines = []string{
			"The subscription " + n.InstanceName + " of " + n.OrganizationName + " (plan " + n.Plan + ") ended on " + day(n.Expires) + ". " +
				fmt.Sprintf(refused, connector.SubscriptionExpired),
			"Its data stays 90 days. Renew it, and keys and Webhook IDs work again as they are.",
		}
	case connector.NoticeQuotaNear:
		s.subject = "80 % of this month's messages are used: " + n.InstanceName
		s.lines = []string{
			fmt.Sprintf("Four fifths of the %d messages a month of %s (%s, plan %s) are used.", n.MessageQuota, n.InstanceName, n.OrganizationName, n.Plan),
			"When all are used, new messages are refused until the next month begins (UTC). A larger plan helps at once; keys and Webhook IDs stay.",
		}
	default:
		s.subject = "This month's messages are used up: " + n.InstanceName
		s.lines = []string{
			fmt.Sprintf("All %d messages a month of %s (%s, plan %s) are used. ", n.MessageQuota, n.InstanceName, n.OrganizationName, n.Plan) +
				fmt.Sprintf(refused, connector.MessageQuotaExhausted),
			"They are taken again when the next month begins (UTC), or at once under a larger plan; keys and Webhook IDs stay.",
		}
	}
	return s
}

func sayStopped(about []store.Notice) said {
	n := &about[0]
	s := said{button: "Open the webhook", path: "/webhooks/" + string(n.Webhook), subject: "The webhook " + n.WebhookName + " has stopped"}
	if len(about) == 1 {
		s.lines = []string{"Messages to the webhook " + n.WebhookName + " (" + n.InstanceName + ") can't be delivered any more: " + n.Detail}
	} else {
		s.subject = fmt.Sprintf("%d webhooks of %s have stopped", len(about), n.InstanceName)
		s.lines = append([]string{"Messages to these webhooks can't be delivered any more:"}, listed(about)...)
		s.button, s.path = "Open the webhooks", "/console"
	}
	s.lines = append(s.lines,
		"What to do: look in Teams whether the workflow is there and switched on. Where it is gone, make a new one in the channel (Workflows, “Send webhook alerts to a channel”) and put its URL into the webhook by Edit: the Webhook ID stays, so apps need no change. Then send a test.",
		"The messages wait meanwhile, 14 days at most; their clock stands still.")
	return s
}

func sayBehind(about []store.Notice) said {
	n := &about[0]
	s := said{button: "Open the webhook", path: "/webhooks/" + string(n.Webhook), subject: "The queue of " + n.WebhookName + " is behind"}
	if len(about) > 1 {
		s.subject = fmt.Sprintf("The queues of %d webhooks of %s are behind", len(about), n.InstanceName)
		s.lines = listed(about)
		s.button, s.path = "Open the webhooks", "/console"
	}
	s.lines = append(s.lines,
		"The oldest message that waits there ("+n.InstanceName+") is more than five minutes old: more comes in than Microsoft's limit lets through, or Teams does not answer. All messages wait and go by themselves.",
		"What to do where it stays so: let apps send fewer messages, let the webhook combine waiting texts into one card, or use webhooks of several flow owners.")
	return s
}

// maxListed is how many webhooks a mail names.
const maxListed = 50

func listed(about []store.Notice) []string {
	var names []string
	for i := range about {
		if i == maxListed {
			names = append(names, fmt.Sprintf("and %d more", len(about)-maxListed))
			break
		}
		line := "• " + about[i].WebhookName
		if about[i].Detail != "" {
			line += ": " + about[i].Detail
		}
		names = append(names, line)
	}
	return []string{strings.Join(names, "\n")}
}

func day(t time.Time) string { return t.UTC().Format("2 January 2006") }
