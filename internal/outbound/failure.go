package outbound

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"syscall"
)

// Kind says what went wrong with a call that got no answer.
type Kind string

// The kinds.
const (
	KindDNS     Kind = "dns"     // the host name was not resolved
	KindConnect Kind = "connect" // no connection: refused, unreachable, too slow
	KindTLS     Kind = "tls"     // no TLS session: certificate, protocol, too slow
	KindBlocked Kind = "blocked" // the guard refused the address; nothing was dialled
	// KindUntrusted: the rules for URLs refused the target, and it is not among the
	// trusted ones (any more). It is a matter of settings; nothing was dialled.
	KindUntrusted Kind = "untrusted"
	KindTimeout   Kind = "timeout"  // connected, but no answer in time
	KindBroken    Kind = "broken"   // connected, but the connection or the answer broke
	KindShutdown  Kind = "shutdown" // the caller's context was cancelled
)

// Failure is a call without an answer.
type Failure struct {
	Kind Kind
	// Wrote reports whether the request may have reached the server. While it is
	// false, not one byte of the body has left and none will.
	Wrote bool
	// Err says more for people. It never holds the URL or what the server wrote.
	Err error
}

// stage is how far a call has come.
type stage int32

const (
	stageStart stage = iota
	stageTLS
	stageConnected
)

// failureOf turns a transport's error into a Failure.
func failureOf(ctx context.Context, at stage, wrote bool, err error) *Failure {
	kind, text := KindBroken, "the connection broke before a whole answer came"
	var blocked *blockedError
	var dns *net.DNSError
	switch {
	case errors.Is(ctx.Err(), context.Canceled):
		kind, text = KindShutdown, "the call was cancelled"
	case at == stageConnected && timedOut(err):
		kind, text = KindTimeout, "no answer came in time"
	case at == stageConnected:
	case errors.As(err, &blocked) && blocked.unsure:
		kind, text = KindConnect, blocked.why
	case errors.As(err, &blocked):
		kind, text = KindBlocked, blocked.why
	case errors.As(err, &dns):
		kind, text = KindDNS, "the host name was not resolved"
	case at == stageTLS:
		kind, text = KindTLS, "no TLS session came about"
	default:
		kind, text = KindConnect, "no connection came about"
	}
	if more := cause(err); more != "" && kind != KindBlocked && kind != KindShutdown {
		text += ": " + more
	}
	return &Failure{Kind: kind, Wrote: wrote, Err: errors.New(text)}
}

// cause names causes that are known to quote neither the URL nor the server.
func cause(err error) string {
	var (
		dns     *net.DNSError
		errno   syscall.Errno
		record  tls.RecordHeaderError
		op      *net.OpError
		invalid x509.CertificateInvalidError
		host    x509.HostnameError
		unknown x509.UnknownAuthorityError
	)
	switch {
	case errors.As(err, &dns) && dns.IsNotFound:
		return "no such host"
	case timedOut(err):
		return "time limit reached"
	case errors.As(err, &errno):
		return errno.Error()
	case errors.As(err, &record):
		return "the server does not speak TLS"
	case errors.As(err, &op) && op.Op == "remote error":
		return op.Err.Error() // a TLS alert: a number, and our word for it
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return "the certificate has expired or is not valid yet"
	case errors.As(err, &invalid):
		return "the certificate is not valid"
	case errors.As(err, &host):
		return "the certificate is for another host"
	case errors.As(err, &unknown):
		return "the certificate comes from an unknown authority"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "the server closed it"
	}
	return ""
}

func timedOut(err error) bool {
	var timeout net.Error
	return errors.As(err, &timeout) && timeout.Timeout()
}
