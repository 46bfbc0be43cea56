// Package forum is the support forum: boards, threads and replies in Markdown,
// votes, search and moderation. Anyone reads; writing takes a sign-in.
//
// The forum has no table of people. Who writes is told by the ID token, and sub
// and name are stored with what they wrote. Whether an author bought the product
// that a thread is about, the shop knows: the forum asks its JSON API with an
// access token that the portal issued for that audience, once for a page, and
// shows the page without the badges when there is no answer within a second.
//
// What somebody wrote is not lost: a form that can't be taken comes back with its
// text, a guest's waits for them behind the sign-in (rp.Draft), and of two edits
// of one text the later is shown both. A form carries a key, so that sent twice it
// posts once.
//
// A sibling app may have a thread about each of its things, a lesson of the Academy, say:
// it asks /api/v1/topics/… with a token of its own, and the thread is begun once.
//
// forum.go has the route table. Each feature has a file with its handlers and a
// .templ beside it; store/ has the SQL, markdown/ makes text into safe HTML.
package forum
