# Gatehouse. "make run" starts everything, "make test" shows that it works.

.PHONY: run test test-quick test-nightly deps generate check-generated css lint test-go test-race test-e2e bench bench-revocation bench-class bench-experiments bench-growth pictures module-path

# Where Node.js is too old, tests/install.sh brings one that tests use.
export PATH := $(CURDIR)/tests/node_modules/.bin:$(PATH)

run: ## Everything on one port: http://localhost:8080
	go run ./cmd/gatehouse up

test: deps lint check-generated test-go test-e2e ## All tests; installs what they need
	@echo "All tests passed."

test-quick: ## What finds most mistakes in less than two minutes: vet, the central packages, one page of each app in Chromium
	go vet ./... ./sso/...
	sh tests/in-memory.sh go run ./tests/env/cmd/withservers sh tests/go-tests.sh quick
	cd tests && sh in-memory.sh npm run --silent e2e -- --grep @quick

test-nightly: ## The model test with twenty times as many sequences
	go run ./tests/env/cmd/withservers go test -count=1 -timeout 3h ./tests/endings -rapid.checks=3000

deps: ## What the tests need beside Go: Redis, PostgreSQL, the SQLite shell, nginx, Chromium, Node.js, a C compiler
	sh tests/install.sh

lint:
	@unformatted=$$(git ls-files '*.go' | grep -v '_templ\.go$$' | xargs gofmt -l); \
	  [ -z "$$unformatted" ] || { echo "gofmt would change:"; echo "$$unformatted"; exit 1; }
	go vet ./... ./sso/...
	go tool staticcheck ./... ./sso/...

check-generated: ## Committed generated code is what its sources give
	sh tests/check-generated.sh

test-go: ## Go tests of every package, on embedded and on real servers; concurrent packages under the race detector
	sh tests/in-memory.sh go run ./tests/env/cmd/withservers sh tests/go-tests.sh

test-race: ## The concurrent packages alone, under the race detector (which is why there is a C compiler)
	sh tests/in-memory.sh go run ./tests/env/cmd/withservers sh tests/go-tests.sh race

test-e2e: ## Playwright, in Chromium, against a running estate
	cd tests && sh in-memory.sh npm run --silent e2e

generate: css ## After a change of a .templ or .css file
	go tool templ generate

css:
	[ -d node_modules ] || npm install --no-save --no-audit --no-fund --loglevel=error
	npm run --silent css

module-path: ## Other module paths, for whoever publishes them: make module-path MODULE=example.com/login
	sh deploy/module-path.sh "$(MODULE)"

bench: ## Medians and ratios on this machine
	go run ./tests/bench
	go run ./tests/bench/ban

bench-revocation: ## How long a ban takes to reach 50 and 500 servers; draws its chart (docs/revocation.md)
	go run ./tests/bench/revocation -picture docs/pictures/revocation.svg

bench-experiments: ## What the Academy's experiments about times measure on this machine
	go run ./tests/bench/experiments

bench-class: ## Thirty learners at once in the Academy: how quick its pages and the Shop's are, and how much memory experiments take
	go test -count=1 -v ./tests/class

bench-growth: ## How much pages slow down as tables grow, on both databases
	go run ./tests/env/cmd/withservers go run ./tests/bench/growth

pictures: ## The pictures of the README, from a running estate
	cd tests && node pictures.mjs
