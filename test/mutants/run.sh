#!/usr/bin/env bash
# Breaks the product on purpose, one patch at a time in a copy of the tree, and
# prints which layer of the tests sees it and how soon. Arguments name patches;
# without any, all are run. Exits with 1 unless each was seen in its time.
set -euo pipefail

root=$(cd "$(dirname "$0")/../.." && pwd)
folder=$root/test/mutants
copy=$(mktemp -d)
log=$(mktemp)
trap 'rm -rf "$copy" "$log"' EXIT

# What git would take: tracked files and new ones, not what is ignored.
(cd "$root" && git ls-files -co --exclude-standard -z | while IFS= read -r -d '' file; do
	[ -e "$file" ] && printf '%s\0' "$file"
done | tar -cf - --null -T -) | tar -xf - -C "$copy"

header() { sed -n "s/^# $1: //p" "$2" | head -n 1; }

if [ $# -eq 0 ]; then
	set -- "$folder"/*.patch
fi
failed=0
printf '%-30s %-16s %7s %7s  %-10s %s\n' mutant layer seconds limit verdict what
for patch in "$@"; do
	[ -e "$patch" ] || patch=$folder/${patch%.patch}.patch
	name=$(basename "$patch" .patch)
	what=$(sed -n '1s/^# //p' "$patch")
	command=$(header 'caught by' "$patch")
	limit=$(header within "$patch")
	limit=${limit%s}
	layer=$(grep -oE '\./[a-z/]+' <<<"$command" | tail -n 1)
	seconds=-
	if ! (cd "$copy" && patch -p1 -s -f --no-backup-if-mismatch <"$patch") >"$log" 2>&1; then
		verdict=STALE
	elif ! (cd "$copy" && go test -count=1 -run '^$' "$layer") >"$log" 2>&1; then
		verdict=BROKEN
	else
		began=$(date +%s)
		code=0
		(cd "$copy" && timeout -k 5 "$limit" bash -c "$command") >"$log" 2>&1 || code=$?
		seconds=$(($(date +%s) - began))
		case $code in
		0) verdict=SURVIVED ;;
		124 | 137) verdict='TOO LATE' ;;
		*) verdict=caught ;;
		esac
	fi
	(cd "$copy" && sed -n 's,^+++ b/,,p' "$patch" | while read -r file; do cp "$root/$file" "$file"; done)
	printf '%-30s %-16s %7s %7s  %-10s %s\n' "$name" "${layer#./}" "$seconds" "$limit" "$verdict" "$what"
	if [ "$verdict" != caught ]; then
		failed=1
		sed 's/^/    /' "$log" | tail -n 5
	fi
done
exit $failed
