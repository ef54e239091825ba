package main

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"github.com/teamsconnector/teamsconnector/internal/outbound"
)

// netConfig is where the service listens, how it is reached and whom it trusts.
type netConfig struct {
	listen, adminListen string
	publicURL           string // without a slash at its end; empty: not told
	tlsCert, tlsKey     string // files; both or neither
	trustedProxies      []netip.Prefix
	trustTargets        []string // origins
	apiRate             float64  // calls a second of one pair of keys; 0: no limit
}

func netSettings() []setting {
	return []setting{
		{
			name: "listen", of: faceServe, value: defaultListen, usage: "where apps and people reach the service",
			apply: func(c *config, v []string) error { return address(&c.net.listen, v) },
		},
		{
			name: "admin-listen", of: faceServe, value: defaultAdminListen,
			usage: "where /metrics, /debug/pprof, /healthz and /readyz are served; keep it private",
			apply: func(c *config, v []string) error { return address(&c.net.adminListen, v) },
		},
		{
			name: "public-url", of: faceServe, usage: "the address by which people reach the service, for links: https://connector.contoso.com",
			apply: func(c *config, v []string) error { return origin(&c.net.publicURL, v) },
		},
		{
			name: "tls-cert", of: faceServe, usage: "file with the certificate chain in PEM; needs tls-key",
			apply: func(c *config, v []string) error { c.net.tlsCert = one(v); return nil },
		},
		{
			name: "tls-key", of: faceServe, usage: "file with the certificate's private key in PEM; needs tls-cert",
			apply: applyTLSKey,
		},
		{
			name: "trusted-proxies", of: faceServe, many: true, usage: "network of a proxy whose X-Forwarded-For is believed: 10.0.0.0/8; may be repeated",
			apply: applyTrustedProxies,
		},
		{
			name: "api-rate", of: faceServe, usage: "calls a second that one pair of binding keys may make, such as 50; 0 or absent: no limit",
			apply: func(c *config, v []string) error { return callRate(&c.net.apiRate, v) },
		},
		{
			name: "trust-target", of: faceTargets, many: true,
			usage: "origin that may be a webhook's target although it is not Microsoft's, not https or not public: http://127.0.0.1:9911; may be repeated",
			apply: applyTrustTargets,
		},
	}
}

const (
	defaultListen      = "127.0.0.1:8080"
	defaultAdminListen = "127.0.0.1:9090"
)

// address reads host:port; the host may be empty (all addresses) and the port 0 (any free one).
func address(into *string, values []string) error {
	host, port, err := net.SplitHostPort(one(values))
	if err != nil {
		return errors.New("an address is host:port, such as 127.0.0.1:8080, or :8080 for all of the machine's addresses")
	}
	if n, err := strconv.Atoi(port); err != nil || n < 0 || n > 65535 {
		return errors.New("the port is a number from 0 (any free one) to 65535")
	}
	if strings.ContainsAny(host, "/ ") {
		return errors.New("an address is host:port without a scheme, such as 127.0.0.1:8080")
	}
	*into = one(values)
	return nil
}

// origin reads scheme://host[:port]; absent is fine.
func origin(into *string, values []string) error {
	raw := one(values)
	if raw == "" {
		return nil
	}
	u, err := url.Parse(raw)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.Opaque != "" {
		return errors.New("it should be an origin such as https://connector.contoso.com or http://127.0.0.1:9911")
	}
	if u.User != nil || u.RawQuery != "" || u.Fragment != "" || u.Path != "" && u.Path != "/" {
		return errors.New("it should be an origin only: scheme, host and port, without path, query or user")
	}
	if port := u.Port(); port != "" {
		if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
			return errors.New("the port is a number from 1 to 65535")
		}
	}
	*into = u.Scheme + "://" + strings.ToLower(u.Host)
	return nil
}

// applyTLSKey stands after tls-cert in the table, so it can see both.
func applyTLSKey(c *config, v []string) error {
	c.net.tlsKey = one(v)
	switch {
	case c.net.tlsCert == "" && c.net.tlsKey == "":
		return nil
	case c.net.tlsCert == "":
		return errors.New("tls-cert is missing; TLS needs both")
	case c.net.tlsKey == "":
		return errors.New("it is missing, but tls-cert is set; TLS needs both")
	}
	if _, err := tls.LoadX509KeyPair(c.net.tlsCert, c.net.tlsKey); err != nil {
		return fmt.Errorf("certificate and key can't be used: %w", err)
	}
	return nil
}

func applyTrustedProxies(c *config, v []string) error {
	for _, raw := range v {
		prefix, err := netip.ParsePrefix(raw)
		if err != nil {
			addr, addrErr := netip.ParseAddr(raw)
			if addrErr != nil {
				return errors.New("each one should be a network such as 10.0.0.0/8, or an address")
			}
			prefix = netip.PrefixFrom(addr, addr.BitLen())
		}
		c.net.trustedProxies = append(c.net.trustedProxies, prefix.Masked())
	}
	return nil
}

// callRate reads calls a second; absent is no limit.
func callRate(into *float64, values []string) error {
	raw := one(values)
	if raw == "" {
		return nil
	}
	n, err := strconv.ParseFloat(raw, 64)
	if err != nil || !(n >= 0 && n <= 1e6) { // NaN is no number to compare
		return errors.New("it should be a number of calls a second from 0 (no limit) to 1000000, such as 50")
	}
	*into = n
	return nil
}

func applyTrustTargets(c *config, v []string) error {
	for _, raw := range v {
		var target string
		if err := origin(&target, []string{raw}); err != nil {
			return err
		}
		if target == "" {
			continue
		}
		if _, err := outbound.Origin(target); err != nil { // the transport would never match it
			return err
		}
		c.net.trustTargets = append(c.net.trustTargets, target)
	}
	return nil
}

// loopback reports whether an address can be reached from this machine only.
func loopback(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return false
	}
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}
