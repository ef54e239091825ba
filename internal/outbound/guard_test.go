package outbound_test

import (
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/teamsconnector/teamsconnector/internal/outbound"
)

func TestOnlyGlobalUnicastIsAllowed(t *testing.T) {
	for _, s := range []string{
		"1.1.1.1", "8.8.8.8", "13.107.6.171", "52.112.0.1", "100.63.255.255", "100.128.0.1", "172.32.0.0", "192.0.1.0",
		"192.167.255.255", "198.17.255.255", "198.20.0.0", "223.255.255.255", "168.63.129.17", "2603:1020::1", "2606:4700::1111", "2a01:111::1",
	} {
		if !outbound.Allowed(netip.MustParseAddr(s)) {
			t.Errorf("%s is refused", s)
		}
	}
	for _, s := range []string{
		"0.0.0.0", "0.255.255.255", "10.0.0.0", "10.255.255.255", "100.64.0.0", "100.127.255.255", "127.0.0.1", "127.255.255.255",
		"168.63.129.16", "169.254.0.0", "169.254.169.254", "172.16.0.0", "172.31.255.255", "192.0.0.192", "192.0.2.1", "192.88.99.1",
		"192.168.0.0", "192.168.255.255", "198.18.0.0", "198.19.255.255", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.255",
		"240.0.0.1", "255.255.255.255",
		"::", "::1", "::ffff:8.8.8.8", "::8.8.8.8", "::ffff:0:808:808", "64:ff9b::808:808", "64:ff9b:1::808:808", "100::1", "100:0:0:1::1",
		"2001::1", "2001:0:808:808::1", "2001:1ff::1", "2001:2::1", "2001:20::1", "2001:db8::1", "2002:808:808::1", "2620:4f:8000::1",
		"3fff::1", "4000::1", "5f00::1", "fc00::1", "fd00:ec2::254", "fe80::1", "fe80::5efe:808:808", "fec0::1", "ff02::1",
		"2a01:111::5efe:808:808", "2a01:111::200:5efe:808:808", "2a01:111::1%eth0", "fe80::1%eth0",
	} {
		if outbound.Allowed(netip.MustParseAddr(s)) {
			t.Errorf("%s is allowed", s)
		}
	}
	if outbound.Allowed(netip.Addr{}) {
		t.Error("no address at all is allowed")
	}
}

// The data holds literal addresses, which the guard must judge, and names and
// forms, of which each must be refused although every name here leads to loopback.
func TestSSRFListIsRefused(t *testing.T) {
	data, err := os.ReadFile(shared(t, "badinput/ssrf.json"))
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct{ Expect, URL, Why string }
	if err := json.Unmarshal(data, &cases); err != nil {
		t.Fatal(err)
	}
	c := newClient(t, outbound.Options{
		DialTimeout: 200 * time.Millisecond,
		Resolver:    nameServer(t, func(string) netip.Addr { return netip.MustParseAddr("127.0.0.1") }),
	})

	for _, tc := range cases {
		var literal netip.Addr
		if u, err := url.Parse(tc.URL); err == nil {
			literal, _ = netip.ParseAddr(u.Hostname()) // not an address: a name
		}
		if tc.Expect == "allow" {
			if literal.IsValid() && !outbound.Allowed(literal) {
				t.Errorf("%s (%s) is refused", tc.URL, tc.Why)
			}
			continue
		}
		if literal.IsValid() && outbound.Allowed(literal) {
			t.Errorf("%s (%s) is allowed", tc.URL, tc.Why)
			continue // and never dialled
		}
		req, err := outbound.NewRequest(http.MethodPost, tc.URL, []byte("{}"))
		if err != nil {
			continue
		}
		_, failure := c.Do(t.Context(), req)
		if failure == nil || failure.Wrote || !slices.Contains([]outbound.Kind{outbound.KindBlocked, outbound.KindUntrusted, outbound.KindDNS}, failure.Kind) {
			t.Errorf("%s (%s): got %+v, want it blocked", tc.URL, tc.Why, failure)
		}
	}
	t.Logf("fixtures: ssrf: %d cases", len(cases))
}

func TestNameThatChangesItsAddressIsBlocked(t *testing.T) {
	var asked atomic.Int32
	resolver := nameServer(t, func(string) netip.Addr {
		if asked.Add(1) == 1 {
			return netip.MustParseAddr("8.8.8.8") // what a check of the name would see
		}
		return netip.MustParseAddr("169.254.169.254")
	})
	if ips, err := resolver.LookupNetIP(t.Context(), "ip4", "rebind.example"); err != nil || ips[0].Unmap() != netip.MustParseAddr("8.8.8.8") {
		t.Fatalf("the first answer is %v, %v", ips, err)
	}

	_, failure := newClient(t, outbound.Options{Resolver: resolver, DialTimeout: 200 * time.Millisecond}).Do(t.Context(), newRequest(t, "https://rebind.example/x"+query, "body"))

	wantFailure(t, failure, outbound.KindBlocked, false)
	if !strings.Contains(failure.Err.Error(), "169.254.169.254") {
		t.Errorf("the failure does not say which address was refused: %v", failure.Err)
	}
}

func TestAddressOfThisMachineIsBlocked(t *testing.T) {
	resolver := nameServer(t, func(string) netip.Addr { return netip.MustParseAddr("203.0.113.7") })
	list := []net.Addr{&net.IPNet{IP: net.ParseIP("203.0.113.7"), Mask: net.CIDRMask(24, 32)}}
	for claim, tc := range map[string]struct {
		own  func() ([]net.Addr, error)
		kind outbound.Kind
		text string
	}{
		"own address":       {func() ([]net.Addr, error) { return list, nil }, outbound.KindBlocked, "203.0.113.7 is an address of this machine"},
		"unknown addresses": {func() ([]net.Addr, error) { return nil, errors.New("denied") }, outbound.KindConnect, "can't be listed"},
	} {
		c := newClient(t, outbound.Options{Resolver: resolver, DialTimeout: 200 * time.Millisecond})
		c.Own(tc.own)

		_, failure := c.Do(t.Context(), newRequest(t, "https://me.example/x", "body"))

		t.Log(claim)
		wantFailure(t, failure, tc.kind, false)
		if !strings.Contains(failure.Err.Error(), tc.text) {
			t.Errorf("got %v", failure.Err)
		}
	}
}

func TestOnlyHTTPSAt443IsCalled(t *testing.T) {
	resolver := nameServer(t, func(string) netip.Addr { return netip.MustParseAddr("127.0.0.1") })
	c := newClient(t, outbound.Options{Resolver: resolver, Trusted: []string{"http://127.0.0.1:9911", "https://gw.example:8443", "not an origin", "ftp://x.example"}})

	for _, u := range []string{
		"http://teams.example/", "http://teams.example:443/", "https://teams.example:8443/", "https://teams.example:80/", "ftp://x.example/",
		"https://user:pw@teams.example/", "https://127.0.0.1:9911/", "http://127.0.0.1:9912/", "http://127.0.0.1/", "http://localhost:9911/",
		"https://gw.example/", "http://gw.example:8443/", "https://gw.example.:8443/",
	} {
		_, failure := c.Do(t.Context(), newRequest(t, u, "body"))
		want := outbound.KindUntrusted
		if u == "https://gw.example/" { // a good URL, whose name leads to this machine
			want = outbound.KindBlocked
		}
		t.Log(u)
		wantFailure(t, failure, want, false)
	}
}

func TestOriginReadsOnlyOrigins(t *testing.T) {
	for raw, want := range map[string]string{
		"http://127.0.0.1:9911": "http://127.0.0.1:9911", "https://GW.Example": "https://gw.example:443", "http://gw.example/": "http://gw.example:80",
		"https://[2001:DB8::1]:8443": "https://[2001:db8::1]:8443",
	} {
		if got, err := outbound.Origin(raw); err != nil || got != want {
			t.Errorf("%s: got %q, %v, want %q", raw, got, err, want)
		}
	}
	for _, raw := range []string{"", "gw.example", "//gw.example", "ftp://gw.example", "https://gw.example/path", "https://u:p@gw.example", "https://gw.example?x", "https://gw.example#x", "https://gw.example:x", "https:gw.example", "https://", "https:// gw"} {
		if got, err := outbound.Origin(raw); err == nil {
			t.Errorf("%q is taken for the origin %q", raw, got)
		}
	}
}

func FuzzAllowed(f *testing.F) {
	for _, s := range []string{"8.8.8.8", "::ffff:127.0.0.1", "64:ff9b::a00:1", "2a01:111::1", "2001:0:a00:1::", "2002:a00:1::"} {
		a := netip.MustParseAddr(s)
		f.Add(a.AsSlice(), "")
	}
	f.Add([]byte{254, 128, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}, "eth0")
	f.Fuzz(func(t *testing.T, b []byte, zone string) {
		addr, _ := netip.AddrFromSlice(b)
		addr = addr.WithZone(zone)
		if !outbound.Allowed(addr) {
			return
		}
		if !addr.IsGlobalUnicast() || addr.IsPrivate() || addr.Is4In6() || addr.Zone() != "" {
			t.Errorf("%v is allowed", addr)
		}
	})
}
