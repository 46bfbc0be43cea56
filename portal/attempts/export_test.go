package attempts

// Known tells whether the browser with that cookie has signed in to account before.
func (l *Limiter) Known(cookie, account string) bool {
	_, known := l.device(cookie, account)
	return known
}
