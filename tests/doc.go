// Package tests holds the tests of the whole repository rather than of one package: the allowed imports, that both
// databases have the same migrations, that the committed files are the generated ones. Its subfolders hold the servers
// that tests run on (env), the tests of sso that need them (sso), a whole estate to test (estate), third-party clients
// against it (flows), a browser (e2e), failures of its parts (faults), and benchmarks (bench).
package tests
