package mail

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/textproto"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	gomail "github.com/wneessen/go-mail"

	"github.com/teamsconnector/teamsconnector/internal/connector"
)

// unreached is a mail server that can't be talked to, or that does not let us in:
// no mail is at fault, so all are tried again.
func unreached(err error) connector.Outcome {
	o := connector.Outcome{Verdict: connector.VerdictRetry, Reason: connector.ReasonConnect}
	var answer *textproto.Error
	var dns *net.DNSError
	switch {
	case errors.As(err, &answer):
		o.Reason, o.HTTPStatus, o.Answer = connector.ReasonServerError, answer.Code, clean(answer.Msg)
		o.Detail = "The mail server answered " + strconv.Itoa(answer.Code) + " before a mail could be given to it. It is tried again."
		if answer.Code/10 == 53 { // RFC 4954, 6
			o.Reason = connector.ReasonUnauthorized
			o.Detail = "The mail server does not take user and password (" + strconv.Itoa(answer.Code) + "). Check smtp-url; until then it is tried again."
		}
	case errors.As(err, &dns):
		o.Reason, o.Detail = connector.ReasonDNS, "The mail server's name was not found. Check smtp-url; until then it is tried again."
	case notTrusted(err):
		o.Reason, o.Detail = connector.ReasonTLS, "There is no TLS session with the mail server: "+clean(err.Error())+". It is tried again."
	case strings.Contains(err.Error(), "STARTTLS"):
		o.Reason, o.Detail = connector.ReasonTLS, "The mail server offers no STARTTLS. Use smtps://, or add ?starttls=optional to smtp-url where its network is trusted."
	case strings.Contains(err.Error(), "SMTP Auth"), strings.Contains(err.Error(), "SMTP AUTH"):
		o.Reason, o.Detail = connector.ReasonUnauthorized, "The mail server offers no way to sign in that does not show the password. Use smtps:// or STARTTLS, or leave user and password out of smtp-url."
	case timedOut(err):
		o.Detail = "The mail server did not answer in time. It is tried again."
	default:
		o.Detail = "The mail server can't be reached. It is tried again. Cause: " + clean(err.Error()) + "."
	}
	return o
}

func notTrusted(err error) bool {
	var record tls.RecordHeaderError
	var verify *tls.CertificateVerificationError
	var unknown x509.UnknownAuthorityError
	var host x509.HostnameError
	var alert tls.AlertError
	return errors.As(err, &record) || errors.As(err, &verify) || errors.As(err, &unknown) || errors.As(err, &host) || errors.As(err, &alert)
}

// broken is what came of a mail that was being given to the server and was not
// taken for certain. Only a connection that ends after the whole mail was written
// leaves open whether it was (RFC 5321, 4.2.5): it goes again under the same Message-ID.
func broken(ctx context.Context, err error) connector.Outcome {
	o := connector.Outcome{Verdict: connector.VerdictRetry, Reason: connector.ReasonBroken}
	var at *gomail.SendError
	if !errors.As(err, &at) {
		o.Detail = "The mail could not be given to the mail server. It is tried again."
		return o
	}
	o.HTTPStatus = at.ErrorCode()
	code := strconv.Itoa(o.HTTPStatus)
	switch {
	case o.HTTPStatus >= 500 && at.Reason == gomail.ErrSMTPMailFrom:
		o.Reason, o.Detail = connector.ReasonForbidden, "The mail server does not take mails from this sender ("+code+"). Check mail-from; until then it is tried again."
	case o.HTTPStatus >= 500:
		o.Verdict, o.Reason, o.Detail = connector.VerdictRefused, connector.ReasonBadRequest, "The mail server refused the mail ("+code+"). Check the address."
	case o.HTTPStatus >= 400:
		o.Reason, o.Detail = connector.ReasonServerError, "The mail server does not take the mail now ("+code+"). It is tried again."
	case at.Reason == gomail.ErrSMTPDataClose:
		o.Verdict = connector.VerdictUncertain
		o.Detail = "The connection ended before the mail server said whether it took the mail. It goes again, so it may arrive twice."
	default:
		o.Detail = "The connection to the mail server ended before it had the whole mail. It is tried again."
	}
	switch {
	case o.HTTPStatus > 0:
		o.Answer = clean(at.Error())
	case ctx.Err() != nil:
		o.Reason = connector.ReasonShutdown
	case timedOut(err):
		o.Reason = connector.ReasonTimeout
	}
	return o
}

// clean makes one line of another's words, at most connector.MaxAnswer bytes.
func clean(s string) string {
	s = oneLine(s)
	for len(s) > connector.MaxAnswer {
		_, size := utf8.DecodeLastRuneInString(s)
		s = s[:len(s)-size]
	}
	return s
}

// oneLine leaves nothing of a text that could begin another header.
func oneLine(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
	return strings.Join(strings.Fields(s), " ")
}
