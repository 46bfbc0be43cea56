// Package forum is the support forum: boards, threads and replies in Markdown, votes, search and moderation. Guests can
// read; writing requires a sign-in.
//
// The forum has no users table. The author of a post is the user of the ID token, and sub and name are stored with the
// post. Whether an author bought the product that a thread is about is known to the shop: the forum calls its JSON API,
// once per page, with an access token that the portal issued for that audience. If the shop does not answer within a
// second, the page is shown without the badges.
//
// Texts are not lost: a form with errors is shown again with its text, a guest's text is kept during the sign-in
// (rp.Draft), and the later of two concurrent edits is answered with both texts. A form carries a key, so that sending
// it twice creates one post. A script keeps a text that was typed and not sent in the browser.
//
// Authors can delete their posts and take that back for ten minutes; moderators still see the text. The author of a
// thread accepts a reply as its answer. The forum remembers how far signed-in people have read their last threads, and
// tells them which of the threads that they follow have new replies. People report posts to the moderators, whose queue
// is /moderation/reports.
//
// A person has a handle, which others mention with "@", and an inbox: mentions, quotes, replies in followed threads,
// accepted answers and what moderators did. The number of unread ones goes to the headers of all apps (package unread).
// Images are uploaded, converted (package picture) and served by the forum; remote ones are links.
//
// A sibling app may have a thread for each of its items, such as a lesson of the Academy: it calls /api/v1/topics/…
// with an access token of its own, and the thread is created once.
//
// forum.go has the route table. Each feature has a file with its handlers and a .templ file of the same name; store/
// has the SQL, and markdown/ converts Markdown to safe HTML.
package forum
