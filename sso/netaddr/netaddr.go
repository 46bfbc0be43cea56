package netaddr

import "net/netip"

// Network returns what counts as one address: an IPv4 address, or the /64 that an IPv6 subscriber gets. It returns what
// is no address as it is.
func Network(address string) string {
	a, err := netip.ParseAddr(address)
	if err != nil {
		return address
	}
	if a = a.Unmap().WithZone(""); a.Is4() {
		return a.String()
	}
	return netip.PrefixFrom(a, 64).Masked().String()
}
