#!/usr/bin/env bash
#
# A lockd cluster on this machine: real processes, ports and disks.
#
# Node N (from 1) is nN. It serves HTTP on 127.0.0.1:(base + 10*N) and its peers
# on the next port; DIR/nN/ holds its files, lockd.pid and lockd.log. Several
# clusters live side by side with another --dir and --port-base. Only processes
# that this script started for DIR are ever signalled.

set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)

readonly up_timeout_s=60
readonly stop_timeout_s=20

usage() {
	cat <<'USAGE'
usage: local-cluster.sh VERB [N] [--nodes 3] [--dir DIR] [--port-base 7400]

  up         build the binaries if they are missing or old, start every node
             that does not run, return when all of them answer /readyz
  down       end every node, keep the files; down --purge removes them too
  status     one line a node; exit 0 if all are ready, else 1
  start N    start node N, return when its client port listens
  stop N     SIGTERM: the node hands leadership over and ends; waits for it
  kill N     SIGKILL
  pause N    SIGSTOP
  resume N   SIGCONT

--dir defaults to local-cluster/ beside the go.mod. A cluster remembers its
--nodes and --port-base in DIR/cluster. LOCAL_CLUSTER_BIN names a folder with
ready binaries to use instead of building. LOCKD_* variables reach the nodes.
USAGE
}

say() { printf '%s\n' "$*" >&2; }
die() {
	say "local-cluster: $*"
	exit 1
}
die_usage() {
	say "local-cluster: $*"
	say "Try: local-cluster.sh --help"
	exit 64
}

# is_from_1_to MOST VALUE
is_from_1_to() { [[ $2 =~ ^[1-9][0-9]{0,5}$ ]] && (($2 <= $1)); }

# --- what was asked -----------------------------------------------------------

verb='' number='' nodes='' dir="$root/local-cluster" port_base='' purge=no

parse() {
	while (($#)); do
		case $1 in
		-h | --help)
			usage
			exit 0
			;;
		--nodes=* | --dir=* | --port-base=*)
			set -- "${1%%=*}" "${1#*=}" "${@:2}"
			continue
			;;
		--nodes | --dir | --port-base)
			(($# > 1)) || die_usage "$1 needs a value"
			case $1 in
			--nodes) nodes=$2 ;;
			--dir) dir=$2 ;;
			--port-base) port_base=$2 ;;
			esac
			shift 2
			continue
			;;
		--purge) purge=yes ;;
		-*) die_usage "unknown flag $1" ;;
		*)
			if [[ -z $verb ]]; then
				verb=$1
			elif [[ -z $number ]]; then
				number=$1
			else
				die_usage "unexpected argument $1"
			fi
			;;
		esac
		shift
	done
	[[ -n $verb ]] || die_usage "which verb? up, down, status, kill, stop, start, pause or resume"
}

# settle fills in what was not asked from DIR/cluster, then from the defaults,
# and refuses to treat a cluster as one of another shape.
settle() {
	local asked_nodes=$nodes asked_base=$port_base name value
	[[ -n $dir ]] || die_usage "--dir is empty"
	if [[ $verb == up ]]; then
		mkdir -p -- "$dir"
	elif [[ ! -f $dir/cluster ]]; then
		if [[ $verb == down ]]; then
			say "no cluster in $dir"
			exit 0
		fi
		die "there is no cluster in $dir: start one with 'local-cluster.sh up --dir $dir'"
	fi
	dir=$(cd -- "$dir" && pwd -P)
	if [[ -f $dir/cluster ]]; then
		while IFS='=' read -r name value; do
			case $name in
			nodes) nodes=$value ;;
			port_base) port_base=$value ;;
			esac
		done <"$dir/cluster"
		if [[ ${asked_nodes:-$nodes} != "$nodes" || ${asked_base:-$port_base} != "$port_base" ]]; then
			die "the cluster in $dir has --nodes $nodes --port-base $port_base;" \
				"for another shape take another --dir, or remove this one with 'down --purge --dir $dir'"
		fi
	fi
	nodes=${nodes:-3} port_base=${port_base:-7400}
	is_from_1_to 99 "$nodes" || die_usage "--nodes must be 1 to 99, not '$nodes'"
	is_from_1_to $((65534 - 10 * nodes)) "$port_base" ||
		die_usage "--port-base '$port_base' leaves no room for $nodes nodes below 65536"
}

need_number() {
	[[ -n $number ]] || die_usage "$verb needs the number of a node, 1 to $nodes"
	is_from_1_to "$nodes" "$number" || die_usage "there is no node '$number': 1 to $nodes"
}

# --- one node -----------------------------------------------------------------

client_port() { echo $((port_base + 10 * $1)); }
peer_port() { echo $((port_base + 10 * $1 + 1)); }
node_dir() { echo "$dir/n$1"; }

members() {
	local n list=''
	for ((n = 1; n <= nodes; n++)); do
		list+="${list:+,}n$n=127.0.0.1:$(peer_port "$n")"
	done
	echo "$list"
}

# arguments_of prints a process's arguments, one a line; nothing if it is gone
# or a zombie.
arguments_of() {
	if [[ -d /proc/self ]]; then
		{ tr '\0' '\n' <"/proc/$1/cmdline"; } 2>/dev/null || true
	else
		ps -ww -o args= -p "$1" 2>/dev/null | tr ' ' '\n' || true
	fi
}

# pid_of prints the pid of node N if it runs. A number in a pid file is not
# enough: the process must be the lockd that was started on this folder.
pid_of() {
	local pid='' file
	file=$(node_dir "$1")/lockd.pid
	[[ -f $file ]] || return 1
	read -r pid <"$file" || true
	is_pid "$pid" || return 1
	grep -Fqx -- "--data-dir=$(node_dir "$1")" < <(arguments_of "$pid") || return 1
	echo "$pid"
}

is_pid() { [[ $1 =~ ^[1-9][0-9]*$ ]]; }

# state_of prints the state of a process, as ps(1) names it: T is stopped, Z is a
# zombie; nothing if it is gone.
state_of() {
	if [[ -d /proc/self ]]; then
		sed 's/.*) //' "/proc/$1/stat" 2>/dev/null || true
	else
		ps -o state= -p "$1" 2>/dev/null || true
	fi
}

is_paused() { [[ $(state_of "$1") == [Tt]* ]]; }
has_ended() { [[ $(state_of "$1") == '' || $(state_of "$1") == [ZX]* ]]; }

listens() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# http_status prints the status code that GET PATH answers on a port, or nothing.
http_status() {
	local line=''
	{
		exec 3<>"/dev/tcp/127.0.0.1/$1" || return 0
		printf 'GET %s HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n' "$2" >&3
		read -r -t 3 line <&3 || true
	} 2>/dev/null
	exec 3>&- || true
	[[ $line == HTTP/* ]] && line=${line#* } && echo "${line%% *}"
	return 0
}

is_ready() { [[ $(http_status "$(client_port "$1")" /readyz) == 200 ]]; }

last_words() {
	say "--- last lines of $(node_dir "$1")/lockd.log"
	tail -n 8 -- "$(node_dir "$1")/lockd.log" >&2 || true
}

# launch starts node N in a process group of its own, so that neither Ctrl-C nor
# the end of the terminal reaches it.
launch() {
	local n=$1 home
	home=$(node_dir "$n")
	mkdir -p -- "$home"
	(
		set -m
		nohup "$bin/lockd" "--name=n$n" "--data-dir=$home" \
			"--listen=127.0.0.1:$(client_port "$n")" "--peer-listen=127.0.0.1:$(peer_port "$n")" \
			"--initial-cluster=$(members)" </dev/null >>"$home/lockd.log" 2>&1 &
		echo $! >"$home/lockd.pid"
	)
}

start_node() {
	local n=$1 pid port deadline=$((SECONDS + 30))
	if pid_of "$n" >/dev/null; then
		say "n$n runs already (pid $(pid_of "$n"))"
		return
	fi
	port=$(client_port "$n")
	if listens "$port" || listens "$(peer_port "$n")"; then
		die "port $port or $(peer_port "$n") is taken by another program: choose another --port-base (and --dir)"
	fi
	launch "$n"
	read -r pid <"$(node_dir "$n")/lockd.pid"
	until [[ -n $(http_status "$port" /livez) ]]; do
		if has_ended "$pid"; then # pid_of knows it only once it is lockd
			last_words "$n"
			die "n$n ended at once"
		fi
		((SECONDS < deadline)) || die "n$n does not listen on port $port"
		sleep 0.05
	done
	say "n$n started (pid $pid, http://127.0.0.1:$port)"
}

running() {
	pid_of "$1" || die "n$1 does not run: start it with 'local-cluster.sh start $1'"
}

await_end() {
	local n=$1 deadline=$((SECONDS + $2))
	while pid_of "$n" >/dev/null; do
		((SECONDS < deadline)) || return 1
		sleep 0.05
	done
	rm -f -- "$(node_dir "$n")/lockd.pid"
}

# --- verbs --------------------------------------------------------------------

ensure_binaries() {
	bin=${LOCAL_CLUSTER_BIN:-}
	if [[ -n $bin ]]; then
		bin=$(cd -- "$bin" && pwd -P)
		[[ -x $bin/lockd ]] || die "LOCAL_CLUSTER_BIN: there is no lockd in $bin"
		return
	fi
	bin=$root/bin
	if is_fresh "$bin/lockd" && is_fresh "$bin/lockctl"; then
		return
	fi
	command -v go >/dev/null || die "the binaries must be built, but there is no 'go': install Go (https://go.dev/dl)"
	say "building $bin/lockd and $bin/lockctl"
	local fresh
	mkdir -p -- "$bin"
	fresh=$(mktemp -d "$bin/.build.XXXXXX")
	if ! (cd "$root" && go build -o "$fresh/" ./cmd/lockd ./cmd/lockctl); then
		rm -rf -- "$fresh"
		die "the build failed"
	fi
	touch -- "$fresh/lockd" "$fresh/lockctl"
	mv -f -- "$fresh/lockd" "$fresh/lockctl" "$bin/"
	rmdir -- "$fresh"
}

is_fresh() {
	[[ -x $1 ]] || return 1
	local newer
	newer=$(find "$root" \( -name .git -o -path "$bin" -o -path "$dir" \) -prune -o \
		\( -name '*.go' -o -name '*.yaml' -o -name go.mod -o -name go.sum \) -newer "$1" -print -quit)
	[[ -z $newer ]]
}

verb_up() {
	local n pid deadline
	ensure_binaries
	printf 'nodes=%s\nport_base=%s\n' "$nodes" "$port_base" >"$dir/cluster"
	for ((n = 1; n <= nodes; n++)); do
		if pid=$(pid_of "$n") && is_paused "$pid"; then
			kill -CONT "$pid"
			say "n$n resumed"
		fi
		start_node "$n"
	done
	deadline=$((SECONDS + up_timeout_s))
	for ((n = 1; n <= nodes; n++)); do
		until is_ready "$n"; do
			if ! pid_of "$n" >/dev/null; then
				last_words "$n"
				die "n$n ended"
			fi
			if ((SECONDS >= deadline)); then
				last_words "$n"
				die "n$n does not answer /readyz within $up_timeout_s s"
			fi
			sleep 0.05
		done
	done
	say "$nodes of $nodes nodes are ready"
}

verb_down() {
	local n pid pids='' failed=no
	for ((n = 1; n <= nodes; n++)); do
		if pid=$(pid_of "$n"); then
			kill -TERM "$pid" 2>/dev/null || true
			kill -CONT "$pid" 2>/dev/null || true
			pids+=" $n"
		fi
	done
	for n in $pids; do
		if ! await_end "$n" "$stop_timeout_s"; then
			say "n$n does not end: killing it"
			if pid=$(pid_of "$n"); then kill -KILL "$pid" 2>/dev/null || true; fi
			await_end "$n" 5 || failed=yes
		fi
	done
	[[ $failed == no ]] || die "not every node ended"
	for ((n = 1; n <= nodes; n++)); do
		rm -f -- "$(node_dir "$n")/lockd.pid"
		[[ $purge == no ]] || rm -rf -- "$(node_dir "$n")"
	done
	if [[ $purge == yes ]]; then
		rm -f -- "$dir/cluster"
		rmdir -- "$dir" 2>/dev/null || true
		say "down; $dir is purged"
	else
		say "down; the files stay in $dir"
	fi
}

verb_status() {
	local n pid state ready all=0
	printf '%-5s %-8s %-8s %-24s %s\n' NODE PID STATE URL READY
	for ((n = 1; n <= nodes; n++)); do
		pid=- state=down ready=no
		if pid=$(pid_of "$n"); then
			state=running
			if is_paused "$pid"; then
				state=paused
			elif is_ready "$n"; then
				ready=yes
			fi
		fi
		[[ $ready == yes ]] || all=1
		printf '%-5s %-8s %-8s %-24s %s\n' "n$n" "${pid:--}" "$state" "http://127.0.0.1:$(client_port "$n")" "$ready"
	done
	return $all
}

verb_start() {
	need_number
	ensure_binaries
	start_node "$number"
}

verb_stop() {
	local pid
	need_number
	pid=$(running "$number")
	is_paused "$pid" && die "n$number is paused: 'local-cluster.sh resume $number' first, or kill it"
	kill -TERM "$pid"
	await_end "$number" "$stop_timeout_s" || die "n$number did not end within $stop_timeout_s s: see $(node_dir "$number")/lockd.log"
	say "n$number stopped"
}

verb_kill() {
	local pid
	need_number
	pid=$(running "$number")
	kill -KILL "$pid"
	await_end "$number" 5 || die "n$number did not end"
	say "n$number killed"
}

verb_pause() {
	local pid
	need_number
	pid=$(running "$number")
	kill -STOP "$pid"
	say "n$number paused"
}

verb_resume() {
	local pid
	need_number
	pid=$(running "$number")
	kill -CONT "$pid"
	say "n$number resumed"
}

parse "$@"
case $verb in
up | down | status | start | stop | kill | pause | resume) ;;
*) die_usage "unknown verb $verb" ;;
esac
[[ $purge == no || $verb == down ]] || die_usage "--purge goes with down"
settle
case $verb in
up | down | status) [[ -z $number ]] || die_usage "$verb takes no node number" ;;
esac
bin=$root/bin
"verb_$verb"
