// Package cookies reads cookies of which a browser sends several of one name. It does so if one was set for another
// path or for the whole domain, and another site of the domain can set one that comes first (RFC 6265 §5.4, §8.6).
package cookies
