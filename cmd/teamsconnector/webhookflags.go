package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/teamsconnector/teamsconnector/internal/admin"
	"github.com/teamsconnector/teamsconnector/internal/connector"
)

// webhookFlags are the flags of webhook add and edit, as they were typed.
type webhookFlags struct {
	name, url, urlFile, instance string
	flowOwner, profile, payload  string
	order, onUnclear             string
	combine, urgent              bool
	messageLife                  time.Duration
	asJSON, onlyID               bool
}

// add adds the flags; nameFlag is that of the name.
func (f *webhookFlags) add(flags *pflag.FlagSet, nameFlag, nameUse string) {
	flags.StringVar(&f.name, nameFlag, "", nameUse)
	flags.StringVar(&f.url, "url", "", "the webhook's URL as copied from Teams, or - to read it from standard input")
	flags.StringVar(&f.urlFile, "url-file", "", "file with the webhook's URL")
	flags.StringVar(&f.flowOwner, "flow-owner", "", "the person whose Teams connection posts; webhooks of one flow owner share Microsoft's limit")
	flags.StringVar(&f.profile, "profile", "", "Microsoft's limits for it: flow-bot, post-as-user, logic-app, office-365 or none (default: by the kind of URL)")
	flags.StringVar(&f.payload, "payload", "adaptive", "shape of plain texts: adaptive (every flow template takes it) or text")
	flags.BoolVar(&f.combine, "combine", true, "put waiting texts into one card when Microsoft's limit is short")
	flags.StringVar(&f.order, "order", "best-effort", "best-effort, or guaranteed where the flow's trigger has a concurrency of 1")
	flags.StringVar(&f.onUnclear, "on-unclear", "repeat", "after an attempt without an answer: repeat (the channel may show it twice) or ask (a person decides)")
	flags.BoolVar(&f.urgent, "urgent", false, "goes first among the webhooks of its flow owner")
	flags.DurationVar(&f.messageLife, "message-life", 0, "how long a message may wait when the app does not say, such as 2h; 0 for 24h")
	flags.BoolVar(&f.asJSON, "json", false, "for programs")
}

// any reports whether something was given that can be changed.
func (f *webhookFlags) any(flags *pflag.FlagSet) bool {
	return slices.ContainsFunc([]string{
		"new-name", "url", "url-file", "flow-owner", "profile", "payload", "combine", "order", "on-unclear", "urgent", "message-life",
	}, flags.Changed)
}

// fields takes over what was given.
func (f *webhookFlags) fields(flags *pflag.FlagSet, nameFlag string) (r admin.WebhookFields, err error) {
	given := func(name string) bool { return flags.Changed(name) }
	if given(nameFlag) {
		r.Name = &f.name
	}
	if given("flow-owner") {
		r.FlowOwner = &f.flowOwner
	}
	if given("combine") {
		r.Combine = &f.combine
	}
	if given("urgent") {
		r.Urgent = &f.urgent
	}
	if given("message-life") {
		r.MessageLife = &f.messageLife
	}
	if r.Profile, err = word(flags, "profile", connector.ParseProfile, "flow-bot", "post-as-user", "logic-app", "office-365", "none"); err != nil {
		return r, err
	}
	if r.Payload, err = word(flags, "payload", connector.ParsePayload, "adaptive", "text"); err != nil {
		return r, err
	}
	if r.Order, err = word(flags, "order", connector.ParseOrder, "best-effort", "guaranteed"); err != nil {
		return r, err
	}
	r.OnUnclear, err = word(flags, "on-unclear", connector.ParseOnUnclear, "repeat", "ask")
	return r, err
}

// word reads a flag that takes one of a few words; nil: it was not given.
func word[T any](flags *pflag.FlagSet, name string, parse func(string) (T, bool), words ...string) (*T, error) {
	if !flags.Changed(name) {
		return nil, nil //nolint:nilnil // not given is no error
	}
	text := flags.Lookup(name).Value.String()
	v, ok := parse(text)
	if !ok {
		last := len(words) - 1
		return nil, usageError(fmt.Errorf("--%s is %q: it should be %s or %s", name, text, strings.Join(words[:last], ", "), words[last]))
	}
	return &v, nil
}
