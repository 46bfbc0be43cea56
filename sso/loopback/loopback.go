package loopback

import (
	"context"
	"net"
	"strings"
	"time"
)

// dialTimeout is the timeout of one connection attempt.
const dialTimeout = 5 * time.Second

// Dial returns a DialContext for http.Transport. When domain is "localhost" or ends in ".localhost", it connects domain
// and every name below it to 127.0.0.1 (RFC 6761 §6.3), which browsers and curl do by themselves and Go's resolver does
// not. All other names are dialled as usual.
func Dial(domain string) func(ctx context.Context, network, addr string) (net.Conn, error) {
	dialer := &net.Dialer{Timeout: dialTimeout, KeepAlive: 30 * time.Second}
	domain = strings.ToLower(strings.TrimSuffix(domain, "."))
	if !under(domain, "localhost") {
		return dialer.DialContext
	}
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		host, port, err := net.SplitHostPort(addr)
		if err == nil && under(strings.ToLower(strings.TrimSuffix(host, ".")), domain) {
			addr = net.JoinHostPort("127.0.0.1", port)
		}
		return dialer.DialContext(ctx, network, addr)
	}
}

// under reports whether name is domain or a name below it.
func under(name, domain string) bool {
	return name == domain || strings.HasSuffix(name, "."+domain)
}
