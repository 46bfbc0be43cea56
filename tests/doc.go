// Package tests holds what is tested of the whole repository rather than of one package: who may import whom, that
// both databases have the same migrations, that what is committed is what is generated. Below it are the servers
// that tests run on (env), a whole estate to try (estate), other people's clients against it (flows), a browser in
// front of it (e2e), what happens when parts of it die (faults), and what it costs (bench).
package tests
