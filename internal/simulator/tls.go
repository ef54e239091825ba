package simulator

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"net"
	"time"
)

// TLS makes a configuration for a listener of this Teams on the given hosts and
// the pool that trusts it. ExpiredTLS, while armed, is served at the handshake.
func (s *Simulator) TLS(hosts ...string) (*tls.Config, *x509.CertPool, error) {
	now := time.Now()
	a, err := newAuthority(now)
	if err != nil {
		return nil, nil, err
	}
	good, err := a.issue(hosts, now.Add(-time.Hour), now.AddDate(1, 0, 0))
	if err != nil {
		return nil, nil, err
	}
	expired, err := a.issue(hosts, now.AddDate(-1, 0, 0), now.Add(-time.Hour))
	if err != nil {
		return nil, nil, err
	}
	pool := x509.NewCertPool()
	pool.AddCert(a.cert)
	handshakes := 0
	// No HTTP/2: the faults need the connection itself.
	with := func(c tls.Certificate) *tls.Config {
		return &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"}, Certificates: []tls.Certificate{c}}
	}
	config := with(*good)
	config.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		handshakes++
		c := newChance(s.opts.Seed, "handshake", handshakes)
		strikes := func(in *injection) bool { return in.Fault == ExpiredTLS && (in.Rate == 0 || c.happens(in.Rate)) }
		if s.takeLocked(strikes) == nil {
			return with(*good), nil
		}
		s.changedLocked()
		return with(*expired), nil
	}
	return config, pool, nil
}

// authority is a certificate authority for one listener.
type authority struct {
	cert   *x509.Certificate
	key    *ecdsa.PrivateKey
	serial int64
}

func newAuthority(now time.Time) (*authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make the authority's key: %w", err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Simulated Teams"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: now.AddDate(-2, 0, 0), NotAfter: now.AddDate(2, 0, 0), KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return nil, fmt.Errorf("sign the authority: %w", err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("read the authority: %w", err)
	}
	return &authority{cert: cert, key: key, serial: 1}, nil
}

func (a *authority) issue(hosts []string, from, to time.Time) (*tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make a key: %w", err)
	}
	a.serial++
	template := &x509.Certificate{
		SerialNumber: big.NewInt(a.serial), Subject: pkix.Name{CommonName: "Simulated Teams"}, NotBefore: from, NotAfter: to,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	for _, h := range hosts {
		if ip := net.ParseIP(h); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, h)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, &key.PublicKey, a.key)
	if err != nil {
		return nil, fmt.Errorf("sign a certificate: %w", err)
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, nil
}
