// Package shared is the experiment about sessions in Redis: any branch serves any request, whatever is killed, added
// or restarted, and the shared notebook is the only part that must stay available.
package shared
