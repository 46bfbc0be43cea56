// Package markdown converts users' Markdown to HTML that is safe to show.
//
// goldmark parses the text: CommonMark with tables, strike-through, bare links and hard line breaks. HTML is not
// supported and is shown as plain text. Then bluemonday removes all elements except those that goldmark makes. This is
// stricter than its policy for user-generated content: no images, since the Content-Security-Policy would not load them
// (they become links), no ids, no styles.
//
// Nesting, inline markup and tables are limited (bounds.go), so that the cost of rendering stays proportional to the
// length of the text.
//
// HTML is rendered when a page is read and kept in a [Cache] in memory. It is not stored: the Markdown is the only
// source, and a stricter policy applies to all existing posts as soon as it is deployed.
package markdown
