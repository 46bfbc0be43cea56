// Package provider opens portals for tests of experiments, as the main program does for the experiments themselves.
package provider
