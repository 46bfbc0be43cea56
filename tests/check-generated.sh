#!/bin/sh
# Generates everything that is generated into a copy of the work tree and compares: what is committed must be what the
# sources give. Needs Go, git and npm; changes nothing here.
set -eu
cd "$(dirname "$0")/.."
here=$(pwd)
[ -d node_modules ] || npm install --no-save --no-audit --no-fund --loglevel=error

copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
git ls-files -z --cached --others --exclude-standard | xargs -0 ls -d 2>/dev/null | tar -T - -cf - | tar -xf - -C "$copy"
ln -s "$here/node_modules" "$copy/node_modules"

cd "$copy"
find . -name '*_templ.go' -not -path './node_modules/*' -delete
find assets/icons assets/static -type f -delete
go tool templ generate >/dev/null 2>&1 || go tool templ generate
npm run --silent css >/dev/null

failed=0
changed() {
    echo "drift: $1" >&2
    failed=1
}
find . -name '*_templ.go' -not -path './node_modules/*' | sort > generated
(cd "$here" && find . -name '*_templ.go' -not -path '*/node_modules/*' | sort) > committed
diff committed generated >&2 || changed "other files than committed (< committed, > generated)"
while read -r file; do
    cmp -s "$file" "$here/$file" || changed "$file"
done < generated
for folder in assets/icons assets/static; do
    diff -rq "$folder" "$here/$folder" >&2 || changed "$folder"
done
[ "$failed" = 0 ] || { echo "run: go tool templ generate && npm run css, and commit the result" >&2; exit 1; }
echo "generated code is what its sources give"
