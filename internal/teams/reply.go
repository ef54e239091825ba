package teams

import (
	"bytes"
	"encoding/json"
	"regexp"
	"strconv"
	"strings"

	"github.com/teamsconnector/teamsconnector/internal/connector"
)

// reply is what the body of an answer says.
type reply struct {
	empty bool
	code  string // of {"error":{"code":...}}
	// words are what it says to people: the message of a JSON error, or all of a
	// text. Other JSON says nothing: it may be an echo of what was posted.
	words string
}

// maxRead is how much of a body is read for what it says.
const maxRead = 8 << 10

// errorCode finds the code in a body that is cut off or not quite JSON. Inside
// a quoted text the quotes would be escaped.
var errorCode = regexp.MustCompile(`"code"\s*:\s*"([A-Za-z0-9_.]{1,80})"`)

func read(body []byte) reply {
	body = bytes.TrimSpace(body)
	r := reply{empty: len(body) == 0}
	switch whole := decoded(body).(type) {
	case nil:
		body = body[:min(len(body), maxRead)]
		if m := errorCode.FindSubmatch(body); m != nil {
			r.code = string(m[1])
		}
		r.words = string(body)
	case string:
		r.words = whole
	case float64:
		r.words = string(body)
	case map[string]any:
		inner, ok := whole["error"].(map[string]any)
		if !ok {
			inner = map[string]any{"code": whole["code"], "message": whole["message"]}
		}
		r.code, _ = inner["code"].(string)
		r.words, _ = inner["message"].(string)
		if s, ok := whole["error"].(string); ok {
			r.words = s
		}
	}
	r.words = r.words[:min(len(r.words), maxRead)]
	return r
}

// decoded reads a body as JSON; nil: it is none.
func decoded(body []byte) any {
	var v any
	if json.Unmarshal(body, &v) != nil {
		return nil
	}
	return v
}

// says reports whether the words are in what the body says, in any case.
func (r reply) says(words string) bool {
	return strings.Contains(strings.ToLower(r.words), words)
}

// What to do about a webhook that doesn't work any more.
const (
	kept     = " The messages are kept and go on then."
	newURL   = "Copy the webhook's URL from Power Automate again and put it behind this webhook (teamsconnector webhook edit)." + kept
	askOwner = "Ask the team's owner or the Microsoft 365 administrator who may post there, then let the webhook go on (teamsconnector webhook resume)." + kept
)

// advice is what an error code of the flow's front door means.
type advice struct {
	verdict connector.Verdict
	reason  connector.Reason
	detail  string
}

// codes lists the error codes of Workflows and Logic Apps. [obs] 2026-11:
// glpi-webhook issue 51, apprise issue 1405, bbot; [doc] Logic Apps and Power
// Automate troubleshooting.
var codes = map[string]advice{
	"WorkflowTriggerIsNotEnabled": {
		connector.VerdictGone, connector.ReasonDisabled,
		"The flow is turned off. Its owner can turn it on again in Power Automate (a flow turns itself off after 90 days without a message, or 14 days of failures); then let the webhook go on (teamsconnector webhook resume)." + kept,
	},
	"MissingApiVersionParameter": {
		connector.VerdictGone, connector.ReasonBadRequest,
		"The webhook's URL was cut off: it lacks its part after the question mark. " + newURL,
	},
	"TriggerInputSchemaMismatch": {
		connector.VerdictRefused, connector.ReasonSchema,
		"The flow's trigger expects another shape of message. Make the flow from a template that posts to a channel when a webhook request is received, or clear its trigger's schema.",
	},
	"DirectApiAuthorizationRequired": {
		connector.VerdictGone, connector.ReasonUnauthorized,
		"The flow takes messages only from signed-in users, or the URL lost its signature. Set the trigger's \"Who can trigger the flow?\" to \"Anyone\", save the flow, copy its URL again (it has changed) and replace it here." + kept,
	},
	"DirectApiInvalidAuthorizationScheme": {
		connector.VerdictGone, connector.ReasonUnauthorized,
		"The flow wants callers who sign in with Microsoft Entra. Set the trigger's \"Who can trigger the flow?\" to \"Anyone\", copy its URL again and replace it here." + kept,
	},
	"DirectApiInvalidAuthorizationSignature": {connector.VerdictGone, connector.ReasonUnauthorized, badSignature},
	"MisMatchingOAuthClaims": {
		connector.VerdictGone, connector.ReasonUnauthorized,
		"The flow takes messages only from certain users or tenants. Set the trigger's \"Who can trigger the flow?\" to \"Anyone\", copy its URL again and replace it here." + kept,
	},
	"DirectApiRequestHasMoreThanOneAuthorization": {
		connector.VerdictRefused, connector.ReasonInternal,
		"The request carried a second way to sign in beside the URL's signature. That is a fault of this service or of a gateway before Teams: tell the operator.",
	},
	"AuthorizationFailed": {
		connector.VerdictGone, connector.ReasonForbidden,
		"Microsoft forbids posting through this webhook. " + askOwner,
	},
	"WorkflowNotFound": {
		connector.VerdictGone, connector.ReasonNotFound,
		"The flow doesn't exist any more: it was deleted, or made again under another URL. " + newURL,
	},
	"WorkflowTriggerVersionNotFound": {
		connector.VerdictGone, connector.ReasonNotFound,
		"The flow's trigger doesn't exist any more: the flow was changed. " + newURL,
	},
	"WorkflowTriggerNotFound": {
		connector.VerdictGone, connector.ReasonNotFound,
		"The flow's trigger doesn't exist any more: the flow was changed. " + newURL,
	},
}

const badSignature = "The signature in the webhook's URL is not valid: the URL was cut off, or the flow was made again or its access changed, which gives it a new one. " + newURL

// named reads an error that the body names, whatever the status of the 4xx.
func named(said reply) (connector.Outcome, bool) {
	a, ok := codes[said.code]
	switch {
	case said.code == "WorkflowTriggerIsNotEnabled" && said.says("'deleted'"):
		a.detail = "The flow was deleted. Make a new webhook in the channel and replace the URL here." + kept
	case said.code == "WorkflowTriggerIsNotEnabled" && said.says("'suspended'"):
		a.detail = "The flow is suspended: its plan, its license or its connection no longer allows it to run. Its owner sees why in Power Automate and can turn it on again; then let the webhook go on (teamsconnector webhook resume)." + kept
	case said.code == "DirectApiInvalidAuthorizationScheme" && said.says("sas authentication scheme"):
		a.detail = "Your tenant forbids webhook URLs with a signature (SAS). Ask the Power Platform administrator to allow them for this environment, then let the webhook go on (teamsconnector webhook resume)." + kept
	case ok:
	case said.code != "":
		return connector.Outcome{}, false
	case said.says("does not match any known api routes"):
		a = advice{connector.VerdictGone, connector.ReasonNotFound, "The URL's path is not one that Microsoft serves any more: the flow has moved to a new address. " + newURL}
	case said.says("invalid webhook url"):
		a = advice{connector.VerdictGone, connector.ReasonNotFound, "The Office 365 connector doesn't know this URL. " + newURL}
	case said.says("authorization signature is not valid"):
		a = advice{connector.VerdictGone, connector.ReasonUnauthorized, badSignature}
	default:
		return connector.Outcome{}, false
	}
	return connector.Outcome{Verdict: a.verdict, Reason: a.reason, Detail: a.detail}, true
}

// teamsStatus is how the retired connector reports what Teams answered to it.
// [obs] msteams-docs issues 4145, 8539, 10178; pymsteams issue 146.
var teamsStatus = regexp.MustCompile(`(?i)teams endpoint returned http error ([0-9]{3})`)

// legacy reads an error in the text of a 2xx. Where Teams itself answered with
// a server error the post was not made.
func legacy(said reply) (connector.Outcome, bool) {
	if m := teamsStatus.FindStringSubmatch(said.words); m != nil {
		status, _ := strconv.Atoi(m[1]) // three digits
		return relayed(status), true
	}
	switch {
	case said.says("invalid webhook url"), said.says("connector configuration not found"):
		return outcome(connector.VerdictGone, connector.ReasonNotFound, "The Office 365 connector doesn't know this URL. "+newURL), true
	case said.says("bad payload"), said.says("summary or text is required"), said.says("invalid webhook request"):
		return outcome(connector.VerdictRefused, connector.ReasonBadRequest, "The connector refused this message. Teams' own words say why."), true
	case said.says("webhook message delivery failed"), said.says("error contacting microsoft teams"), exception.MatchString(said.words):
		return outcome(connector.VerdictRetry, connector.ReasonServerError, "The connector answered with an error instead of posting. The message is tried again."), true
	}
	return connector.Outcome{}, false
}

// exception is the name of a .NET exception at the start of a text.
var exception = regexp.MustCompile(`^(System|Microsoft)\.[A-Za-z.]*Exception\b`)

// relayed is what a status means that Teams gave to the connector.
func relayed(status int) connector.Outcome {
	switch {
	case status == 429:
		return outcome(connector.VerdictThrottled, connector.ReasonThrottled, "Teams asked to send more slowly (error 429). The message goes on by itself.")
	case status == 413:
		return tooLarge("error 413")
	case status == 401 || status == 403:
		return outcome(connector.VerdictGone, connector.ReasonForbidden, "Teams forbids posting through this webhook (error %d): the tenant or the team doesn't allow it. "+askOwner, status)
	case status == 404 || status == 410:
		return outcome(connector.VerdictGone, connector.ReasonNotFound, "Teams doesn't know this webhook's channel any more (error %d). "+newURL, status)
	case status == 408 || status >= 500:
		return outcome(connector.VerdictRetry, connector.ReasonServerError, "Teams failed behind the connector (error %d). The message is tried again.", status)
	}
	return outcome(connector.VerdictRefused, connector.ReasonBadRequest, "Teams refused this message (error %d). Teams' own words say why.", status)
}
