// Package assets serves the static files of the pages: the style sheet, the scripts, the typeface, the marks of the
// apps and the icons that components draw inline. Everything is embedded in the binary.
//
// Each file is served under a name that contains the hash of its content (app.css becomes /assets/app.3f2a9c1b.css), so
// that browsers may cache it without expiry and a new release is never mixed with an old one. During a rolling release
// a page of a new replica may request a file from an old one, which does not have it: the answer is 404 and not cached.
//
// The files under static/ and icons/ are built by "npm run css" (see build.mjs) and committed, so that Gatehouse runs
// without Node. Change src/ and run it again.
package assets
