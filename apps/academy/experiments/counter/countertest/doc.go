// Package countertest walks through guided paths in tests, as a learner who always predicts right.
package countertest
