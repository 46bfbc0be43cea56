// Package luascript runs Lua scripts in Redis that write even when its memory is full (maxmemory with noeviction), for
// the few writes that must succeed then: that a user was signed out.
package luascript
