# Helpers of bench/run; to be sourced. Uses $machi, $work, $PORT, pids.

# say TEXT: what is being done, for who waits.
say() { echo "... $*" >&2; }

# serve PORT DIR [FLAG...]: starts a server, waits until it answers; sets started_ms and server_pid.
serve() {
	local port=$1 dir=$2 line
	shift 2
	line=$("$BUILD/bench_http" start --port "$port" -- "$machi" serve --data "$dir" \
		--port "$port" --rate-limit 0 --log warn "$@" 2>>"$work/serve.log") ||
		{ tail -5 "$work/serve.log" >&2; return 1; }
	started_ms=${line% *} server_pid=${line#* }
	pids+=("$server_pid")
}

# stop PID: ends a server of ours and waits for it.
stop() {
	kill "$1" 2>/dev/null || return 0
	while kill -0 "$1" 2>/dev/null; do sleep 0.05; done
}

stop_all() {
	local p
	for p in "${pids[@]}"; do stop "$p"; done
	pids=()
}

# rss_kib PID / peak_kib PID: resident memory now and at its highest.
rss_kib() { awk '/^VmRSS/ {print $2}' "/proc/$1/status"; }
peak_kib() { awk '/^VmHWM/ {print $2}' "/proc/$1/status"; }

# wrk_rate URL [HEADER...]: requests per second with 64 connections; complains about wrong answers.
wrk_rate() {
	local url=$1 out h args=()
	shift
	for h in "$@"; do args+=(-H "$h"); done
	out=$(wrk -t2 -c64 -d"${SECONDS_EACH}s" "${args[@]}" "$url")
	! grep -E 'Non-2xx|Socket errors' <<<"$out" >&2 || echo "$url: not every answer was good" >&2
	awk '/^Requests\/sec/ {printf "%d\n", $2}' <<<"$out"
}

# middle: the median of numbers on lines.
middle() { sort -n | awk '{v[NR] = $1} END {print v[int((NR + 1) / 2)]}'; }
ratio() { awk -v a="$1" -v b="$2" 'BEGIN {printf "%.2f\n", (b > 0) ? a / b : 0}'; }
mib() { awk -v k="$1" 'BEGIN {printf "%.1f", k / 1024}'; }
thousands() { LC_ALL=en_US.UTF-8 printf "%'d" "$1" 2>/dev/null || echo "$1"; }

# demo_city DIR SIZE: a city with that many applications; prints how many seconds it took.
demo_city() {
	local start
	start=$(date +%s%N)
	"$machi" init --demo --demo-size "$2" --data "$1" >"$work/init.log" 2>&1 ||
		{ tail -5 "$work/init.log" >&2; return 1; }
	echo $((($(date +%s%N) - start) / 1000000000))
}

small_city() {
	[ -d "$work/small" ] || { say "a demo city"; demo_city "$work/small" 400 >/dev/null; }
}
large_city() {
	[ -z "$DATA" ] || return 0
	say "a city with $SIZE applications"
	large_seconds=$(demo_city "$work/large" "$SIZE")
	if [ "$COPIES" -gt 0 ]; then
		say "$COPIES copies of each"
		"$BUILD/bench_grow" --data "$work/large" --copies "$COPIES" >"$work/grow.log" 2>&1 ||
			{ tail -3 "$work/grow.log" >&2; return 1; }
		large_seconds=
	fi
	DATA=$work/large
}

# sign_in PORT LOGIN: prints the cookies of a session of that demo account.
sign_in() {
	local jar=$work/jar token
	rm -f "$jar"
	token=$(curl -sf -c "$jar" "http://localhost:$1/login" |
		sed -n 's/.*name="csrf" value="\([^"]*\)".*/\1/p' | head -1)
	curl -sf -b "$jar" -c "$jar" -o /dev/null --data-urlencode "csrf=$token" \
		--data-urlencode "login=$2" --data-urlencode password=machi-demo-2026 \
		"http://localhost:$1/login"
	awk '$6 == "session" {printf "session=%s", $7}' "$jar"
}

# sqlite_count DIR: how many applications a city on SQLite has.
sqlite_count() {
	python3 -c 'import sqlite3, sys
print("{:,}".format(sqlite3.connect("file:" + sys.argv[1] + "/demo/store.db?mode=ro", uri=True).execute("SELECT count(*) FROM application").fetchone()[0]))' "$1"
}
