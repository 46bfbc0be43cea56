#!/bin/sh
# Renames the two Go modules, for whoever publishes them: MODULE and MODULE/sso in go.mod, imports, scripts and documents.
#
#   sh deploy/module-path.sh example.com/login
set -eu
cd "$(dirname "$0")/.."
new=${1:?usage: sh deploy/module-path.sh MODULE}
old=$(sed -n 's/^module //p' go.mod)
case $new in
*[!A-Za-z0-9._~/-]* | /* | */ | *//*) echo "not a module path: $new" >&2; exit 2 ;;
*.*) ;;
*) echo "a module path begins with a host name, such as example.com: $new" >&2; exit 2 ;;
esac
pattern=$(printf %s "$old" | sed 's/[.]/\\./g')
git grep -lzF "$old" -- '*.go' '*.templ' '*.md' '*.js' '*.sh' '*go.mod' |
	xargs -0 sed -i.before-rename -E "s#(^|[^A-Za-z0-9._/-])$pattern(/|@|=|\"|[[:space:]]|\$)#\\1$new\\2#g"
find . -name '*.before-rename' -delete
git ls-files -z -- '*.go' | xargs -0 gofmt -w # imports are sorted by path
