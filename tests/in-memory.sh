#!/bin/sh
# Runs a command whose temporary files are in memory, where there is room for them: on a disk, creating and removing the tests'
# databases takes half of the processors' time.
#
#   sh tests/in-memory.sh COMMAND [ARGUMENT]…
set -eu
needed=4194304 # KiB; the tests use at most 2.5 GiB at a time

available() { df -Pk /dev/shm 2>/dev/null | awk 'NR == 2 { print $4 }'; }
may_execute() { # tests build programs in their folders
	printf '#!/bin/sh\n' >"$1/probe" && chmod 700 "$1/probe" && "$1/probe" 2>/dev/null
}

[ "$(available || echo 0)" -ge "$needed" ] 2>/dev/null || exec "$@"
folder=$(mktemp -d /dev/shm/gatehouse-tests-XXXXXX) || exec "$@"
trap 'rm -rf "$folder"' EXIT
chmod 755 "$folder" # PostgreSQL runs under an account of its own
may_execute "$folder" || { rm -rf "$folder"; exec "$@"; }
trap : INT TERM # the command ends first
TMPDIR=$folder "$@"
