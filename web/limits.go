package web

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"
)

// MaxBody is the maximum size of a request's body, in bytes.
const MaxBody = 1 << 20

// limits returns middleware that gives each request except streams a deadline, limits its body, parses its form early,
// so that an invalid one is refused before a handler reads part of it, and refuses cross-site form posts
// (http.CrossOriginProtection).
func (s *server) limits() (echo.MiddlewareFunc, error) {
	guard := http.NewCrossOriginProtection()
	for _, path := range s.AllowCrossOrigin {
		if !strings.HasPrefix(path, "/") {
			return nil, fmt.Errorf("web: %q is not a path", path)
		}
	}
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			r := c.Request()
			if !slices.Contains(s.AllowCrossOrigin, r.URL.Path) {
				if err := guard.Check(r); err != nil {
					return Fail(http.StatusForbidden, "cross_site", "This request came from another site, so we blocked it. Go to this site and try again there.").WithCause(err)
				}
			}
			if !slices.Contains(s.Streams, r.URL.Path) {
				ctx, cancel := context.WithTimeout(r.Context(), RequestTimeout)
				defer cancel()
				r = r.WithContext(ctx)
				c.SetRequest(r)
			}
			if r.Body != nil && r.Body != http.NoBody {
				limit := int64(MaxBody)
				if own, ok := s.MaxBodies[r.URL.Path]; ok {
					limit = own
				}
				if r.ContentLength > limit {
					return errTooLarge(limit)
				}
				r.Body = http.MaxBytesReader(c.Response(), r.Body, limit)
				if strings.HasPrefix(r.Header.Get(echo.HeaderContentType), echo.MIMEApplicationForm) {
					if err := r.ParseForm(); err != nil {
						if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
							return errTooLarge(limit)
						}
						return Fail(http.StatusBadRequest, "bad_form", "We couldn't read the form. Go back, reload the page and try again.").WithCause(err)
					}
				}
			}
			return next(c)
		}
	}, nil
}

func errTooLarge(limit int64) *Error {
	return Fail(http.StatusRequestEntityTooLarge, "too_large", fmt.Sprintf("Requests can be at most %d MiB.", limit>>20))
}

// trustedIP returns an extractor of the client's IP address that uses X-Forwarded-For only if a trusted proxy sent it.
func trustedIP(proxies []netip.Prefix) echo.IPExtractor {
	if len(proxies) == 0 {
		return echo.ExtractIPDirect()
	}
	opts := []echo.TrustOption{echo.TrustLoopback(false), echo.TrustLinkLocal(false), echo.TrustPrivateNet(false)}
	for _, p := range proxies {
		opts = append(opts, echo.TrustIPRange(&net.IPNet{
			IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen()),
		}))
	}
	return echo.ExtractIPFromXFFHeader(opts...)
}
