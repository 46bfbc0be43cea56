#!/bin/sh
# Runs the Go tests of every package once, on the servers that withservers has started. The concurrent packages run under
# the race detector, all others without it. The second list is what the first leaves of both modules, so that no package is
# forgotten. Both runs go on at the same time, because most tests wait for time to pass rather than for a processor.
#
#   sh tests/go-tests.sh        everything
#   sh tests/go-tests.sh race   only the concurrent packages
#   sh tests/go-tests.sh rest   only the others
#   sh tests/go-tests.sh quick  the central packages, and fewer sequences of the model test
set -eu
cd "$(dirname "$0")/.."

raced=$(go list ./sso/... ./tests/sso/... ./fleet/... ./events ./web)
rest=$(go list ./... ./sso/... | grep -vxF "$raced")
# The packages that take longest begin first.
first=$(go list ./tests/endings ./tests/hostile ./portal ./portal/backchannel ./tests/class ./tests/faults)
rest="$first $(echo "$rest" | grep -vxF "$first")"

# Memory is there, processors are not: collect garbage later, leave out what only debuggers read, and do not repeat make lint's vet.
export GOGC=400
flags="-count=1 -vet=off -ldflags=-w"

# Tests start the program; it is built once for all of them.
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
go build -ldflags=-w -o "$folder/gatehouse" ./cmd/gatehouse
export GATEHOUSE_BINARY="$folder/gatehouse"

# shellcheck disable=SC2086 # lists of words
run_race() { go test -race $flags -timeout 15m -p 3 $raced; }
# shellcheck disable=SC2086
run_rest() { go test $flags -timeout 15m -p 5 $rest; }
run_quick() {
	go test -short $flags -timeout 5m -p 5 ./tests/endings ./tests ./portal/store/... ./portal/oidc ./portal/tokens ./portal/keys \
		./sso/... ./tests/sso/... ./web ./db ./components/... ./apps/shop/... ./apps/forum/...
}

case "${1:-all}" in
race) run_race ;;
rest) run_rest ;;
quick) run_quick ;;
all)
	run_race & other=$!
	trap 'kill "$other" 2>/dev/null; exit 130' INT TERM
	failed=0
	run_rest || failed=1
	wait "$other" || failed=1
	exit "$failed"
	;;
*)
	echo "usage: sh tests/go-tests.sh [race | rest | quick]" >&2
	exit 2
	;;
esac
