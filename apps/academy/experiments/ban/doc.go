// Package ban is the experiment with a ban on up to 500 servers: each has its own listener, the real token check, and
// its own mirror of the denylist, which follows the run's Redis over its own connection.
//
//	ban ── Write ──▶ Redis ──▶ 500 mirrors ── confirm ──▶ Await: all but … confirmed, the slowest in … ms
//	                              ▲
//	traffic: the learner's card and another user's, in real HTTP requests, all the time
package ban
