#!/bin/sh
# Installs what the tests need beside Go: on Debian and Ubuntu by apt-get, elsewhere it says what is missing.
set -eu
cd "$(dirname "$0")/.."

missing=
need() { # need PACKAGE COMMAND...: the package is needed when none of the commands is there
	package=$1
	shift
	for name in "$@"; do
		command -v "$name" >/dev/null 2>&1 && return 0
	done
	missing="$missing $package"
}
need redis-server redis-server
need sqlite3 sqlite3
need postgresql postgres /usr/lib/postgresql/*/bin/postgres
need pgbouncer pgbouncer /usr/sbin/pgbouncer
need nginx nginx /usr/sbin/nginx
need chromium-headless-shell chromium-headless-shell chromium chromium-browser google-chrome
need docker-compose docker-compose
need nodejs node
need npm npm
need gcc gcc cc clang

if [ -n "$missing" ]; then
	if ! command -v apt-get >/dev/null 2>&1; then
		echo "The tests need these programs, please install them:$missing" >&2
		exit 1
	fi
	sudo=
	[ "$(id -u)" = 0 ] || sudo=sudo
	echo "Installing$missing …"
	export DEBIAN_FRONTEND=noninteractive
	$sudo apt-get update -q >/dev/null
	# Debian starts services when it installs them; the tests start their own.
	$sudo apt-get install -y -q --no-install-recommends $missing >/dev/null
fi

# Not "npm ci": it wants the packages of every platform in the lock file, and not every registry has them.
[ -d node_modules ] || npm install --no-save --no-audit --no-fund --loglevel=error
[ -d tests/node_modules ] || (cd tests && npm ci --no-audit --no-fund --loglevel=error)

# Playwright and openid-client need Node.js 20, and Debian 12 has 18: the npm package of Node.js brings a newer one, which the
# Makefile puts first on PATH.
PATH="$PWD/tests/node_modules/.bin:$PATH"
if [ "$(node -p 'process.versions.node.split(".")[0]')" -lt 20 ]; then
	(cd tests && npm install --no-save --no-audit --no-fund --loglevel=error node@22)
fi
