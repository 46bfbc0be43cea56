// Package learner is a client that uses the pages of the Academy, as a browser without JavaScript does.
package learner
