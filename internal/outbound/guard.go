package outbound

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"time"
)

// Everything that is not global unicast is refused. The tables follow the IANA
// registries of special-purpose addresses (iana.org/assignments/iana-ipv4-special-registry
// and iana-ipv6-special-registry, 2026-11), with those blocks too that the registries
// call globally reachable but behind which no webhook can be.
var (
	refusedV4 = []netip.Prefix{
		netip.MustParsePrefix("0.0.0.0/8"),        // this network
		netip.MustParsePrefix("10.0.0.0/8"),       // private
		netip.MustParsePrefix("100.64.0.0/10"),    // carrier-grade NAT, Alibaba's metadata
		netip.MustParsePrefix("127.0.0.0/8"),      // loopback
		netip.MustParsePrefix("168.63.129.16/32"), // Azure's host agent: learn.microsoft.com/azure/virtual-network/what-is-ip-address-168-63-129-16
		netip.MustParsePrefix("169.254.0.0/16"),   // link-local, metadata
		netip.MustParsePrefix("172.16.0.0/12"),    // private
		netip.MustParsePrefix("192.0.0.0/24"),     // IETF protocols, Oracle's metadata
		netip.MustParsePrefix("192.0.2.0/24"),     // documentation
		netip.MustParsePrefix("192.31.196.0/24"),  // AS112
		netip.MustParsePrefix("192.52.193.0/24"),  // AMT
		netip.MustParsePrefix("192.88.99.0/24"),   // 6to4 relays
		netip.MustParsePrefix("192.168.0.0/16"),   // private
		netip.MustParsePrefix("192.175.48.0/24"),  // AS112
		netip.MustParsePrefix("198.18.0.0/15"),    // benchmarks
		netip.MustParsePrefix("198.51.100.0/24"),  // documentation
		netip.MustParsePrefix("203.0.113.0/24"),   // documentation
		netip.MustParsePrefix("224.0.0.0/4"),      // multicast
		netip.MustParsePrefix("240.0.0.0/4"),      // class E, broadcast
	}

	// globalV6 is all of IPv6 that is given out as global unicast. Outside of it are
	// v4-mapped, v4-compatible, SIIT (::ffff:0:0:0/96), NAT64 (64:ff9b::/96 and
	// 64:ff9b:1::/48), discard, unique local, link-local and multicast addresses.
	globalV6 = netip.MustParsePrefix("2000::/3")

	refusedV6 = []netip.Prefix{
		netip.MustParsePrefix("2001::/23"),         // IETF protocols: Teredo, benchmarks, ORCHID, AMT
		netip.MustParsePrefix("2001:db8::/32"),     // documentation
		netip.MustParsePrefix("2002::/16"),         // 6to4
		netip.MustParsePrefix("2620:4f:8000::/48"), // AS112
		netip.MustParsePrefix("3fff::/20"),         // documentation
	}
)

// Allowed reports whether an address may be dialled: a global unicast address
// without a zone, which hides no IPv4 address inside.
func Allowed(addr netip.Addr) bool {
	if !addr.IsValid() || addr.Zone() != "" {
		return false
	}
	if addr.Is4() {
		return !within(refusedV4, addr)
	}
	return globalV6.Contains(addr) && !within(refusedV6, addr) && !isatap(addr)
}

func within(list []netip.Prefix, addr netip.Addr) bool {
	for _, p := range list {
		if p.Contains(addr) {
			return true
		}
	}
	return false
}

// isatap reports whether an address ends as RFC 5214 builds it from an IPv4 one:
// 0000:5efe or 0200:5efe before the last 32 bits.
func isatap(addr netip.Addr) bool {
	b := addr.As16()
	return (b[8] == 0 || b[8] == 2) && b[9] == 0 && b[10] == 0x5e && b[11] == 0xfe
}

// blockedError says why an address is not called.
type blockedError struct {
	why string
	// unsure: the guard couldn't judge. That is no verdict on the target, and may pass.
	unsure bool
}

func (e *blockedError) Error() string { return e.why }

// ownLife is how long the list of this machine's addresses is believed.
const ownLife = 5 * time.Second

// guard refuses addresses at the last moment before the connection, when the
// name is resolved: a name that changes its answer after it was checked gains nothing.
type guard struct {
	allow func(netip.Addr) bool

	mu   sync.Mutex
	list func() ([]net.Addr, error) // of this machine's addresses
	own  map[netip.Addr]bool
	till time.Time
}

func newGuard() *guard { return &guard{allow: Allowed, list: net.InterfaceAddrs} }

// control is a net.Dialer's ControlContext.
func (g *guard) control(_ context.Context, _, address string, _ syscall.RawConn) error {
	target, err := netip.ParseAddrPort(address)
	if err != nil {
		return &blockedError{why: "the address to dial has an unknown form"}
	}
	addr := target.Addr()
	if !g.allow(addr) {
		return &blockedError{why: fmt.Sprintf("%v is not a public address", addr)}
	}
	own, err := g.owns(addr)
	if err != nil {
		return &blockedError{why: "this machine's own addresses can't be listed, so none can be told from them (is AF_NETLINK denied?)", unsure: true}
	}
	if own {
		return &blockedError{why: fmt.Sprintf("%v is an address of this machine", addr)}
	}
	return nil
}

// owns reports whether an address belongs to an interface of this machine.
func (g *guard) owns(addr netip.Addr) (bool, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if now := time.Now(); now.After(g.till) {
		list, err := g.list()
		if err != nil {
			return false, err
		}
		g.own = make(map[netip.Addr]bool, len(list))
		for _, a := range list {
			if p, err := netip.ParsePrefix(a.String()); err == nil {
				g.own[p.Addr().Unmap()] = true
			}
		}
		g.till = now.Add(ownLife)
	}
	return g.own[addr], nil
}
