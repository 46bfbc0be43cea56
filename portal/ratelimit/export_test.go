package ratelimit

// Known tells whether the browser with that cookie has signed in to account before.
func (l *Limiter) Known(cookie string, account Account) bool {
	_, known := l.readDeviceCookie(cookie, account)
	return known
}
