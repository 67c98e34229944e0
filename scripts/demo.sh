#!/usr/bin/env bash
#
# A narrated walk: what a lock survives. It uses a cluster of its own and ends
# it; it stops with an error at the first step that is not as told.

set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
root=$(dirname "$here")
port_base=${DEMO_PORT_BASE:-17400}
dir=$(mktemp -d "${TMPDIR:-/tmp}/lockd-demo.XXXXXX")

cluster() { "$here/local-cluster.sh" "$@" --dir "$dir" --port-base "$port_base" 2>&1 | sed 's/^/    /'; }
lockctl() { "${LOCAL_CLUSTER_BIN:-$root/bin}/lockctl" "$@"; }
url() { echo "http://127.0.0.1:$((port_base + 10 * $1))"; }

finish() {
	local status=$?
	trap - EXIT
	cluster down --purge >/dev/null || true
	rm -rf -- "$dir"
	if ((status != 0)); then
		printf '\ndemo: FAILED at: %s\n' "$step" >&2
	fi
	exit "$status"
}
trap finish EXIT
trap 'exit 130' INT TERM

step='the start'
tell() {
	step=$*
	printf '\n== %s\n' "$*"
}

# expect CODE COMMAND...: shows the command and what it prints; its exit code must
# be CODE, or the demo has failed.
expect() {
	local want=$1 got=0
	shift
	printf '    $ %s\n' "$*"
	output=$("$@" 2>&1) || got=$?
	printf '%s\n' "$output" | sed 's/^/      /'
	if ((got != want)); then
		echo "    expected exit code $want, got $got" >&2
		exit 1
	fi
}

# holder_is RUN: the key is held by that run, and by it alone.
holder_is() {
	expect 0 lockctl key get deploy
	if [[ $(lockctl key get deploy -o plain | awk -F'\t' '$2 == "holds" {print $3}') != "$1" ]]; then
		echo "    expected $1 to hold it" >&2
		exit 1
	fi
}

leader() { lockctl leader show -o json | sed -n 's/.*"id": "n\([0-9]*\)".*/\1/p'; }

tell "Three nodes, each a process with its own disk"
cluster up
export LOCKD_ADDR
LOCKD_ADDR=$(url 1),$(url 2),$(url 3)
expect 0 lockctl status

tell "A run acquires the key 'deploy'"
expect 0 lockctl key acquire deploy --run-id alice --reason "release 1.4"

tell "A second run is refused, and told who holds it (exit code 75)"
expect 75 lockctl key acquire deploy --run-id bob
[[ $output == *alice* ]] || exit 1

tell "The same run may ask again: it holds it already"
expect 0 lockctl key acquire deploy --run-id alice

old=$(leader)
follower=$((old % 3 + 1))
tell "n$old leads; n$follower, a follower, forwards and answers the same"
expect 75 lockctl key acquire deploy --run-id bob --addr "$(url "$follower")"
[[ $output == *alice* ]] || exit 1

tell "The leader is killed with -9"
cluster kill "$old"

tell "The others elect a new leader, and alice still holds it"
holder_is alice
new=$(leader)
if [[ -z $new || $new == "$old" ]]; then
	echo "    expected another leader than n$old, got n$new" >&2
	exit 1
fi
echo "    n$new leads now"
expect 75 lockctl key acquire deploy --run-id bob

tell "All three are killed with -9"
for n in 1 2 3; do
	[[ $n == "$old" ]] || cluster kill "$n"
done
expect 69 lockctl key get deploy --timeout 1s

tell "They start again, and alice still holds it"
cluster up
holder_is alice

tell "A release by another run changes nothing"
expect 1 lockctl key release deploy --run-id bob
holder_is alice

tell "alice gives it back, and bob gets it, with a higher token"
expect 0 lockctl key release deploy --run-id alice
expect 0 lockctl key acquire deploy --run-id bob
holder_is bob

tell "lockctl run holds a lock while a command runs"
# shellcheck disable=SC2016 # the command's own shell expands them
expect 0 lockctl run prod/api -- sh -c 'echo "holding $LOCKD_REF with token $LOCKD_FENCE"'
[[ $output == *"holding prod/api with token "* ]] || exit 1

printf '\nThat is all. The cluster of this demo ends now.\n'
