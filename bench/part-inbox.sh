# Staff pages while a steady 50 requests a second arrive.

inbox_targets() { # PORT COOKIE: lines for bench_http, in turns
	local json=$work/inbox.json page
	for page in 'scope=all' 'scope=all&tab=done' 'scope=all&tab=waiting'; do
		curl -sf -H "Cookie: $2" -H 'Accept: application/json' "http://localhost:$1/staff?$page"
		echo
	done >"$json"
	python3 - "$json" <<-'END'
		import json, sys, urllib.parse as u
		rows = [r for line in open(sys.argv[1]) for r in json.loads(line)["rows"]]
		if not rows:
		    sys.exit("the inbox is empty")
		inbox = ["/staff", "/staff?scope=all&tab=done", "/staff?scope=mine", "/staff?scope=all&overdue=1",
		    "/staff?scope=turn", "/staff?tab=waiting&state=correction"]
		words = sorted({r["applicant"].split(" ")[0] for r in rows if r["applicant"]})
		for i in range(len(rows)):
		    r = rows[i]
		    print("inbox", inbox[i % len(inbox)])
		    if i % 4 == 3:
		        print("search", "/staff?q=" + u.quote(r["number"] or r["serial"]))
		    else:
		        print("search", "/staff?q=" + u.quote([words[i % len(words)], r["applicant"] or "", "番町"][i % 3]))
		    print("application", r["href"])
	END
}

statements() { curl -sf "http://localhost:$1/metrics" | awk '/^machi_store_statements_total/ { n += $2 } END { print n }'; }

# How many statements a page asks of the store, the second time it is asked for.
queries_of() { # PORT COOKIE PATH
	local idle before after
	curl -sf -o /dev/null -H "Cookie: $2" "http://localhost:$1$3"
	before=$(statements "$1")
	idle=$(($(statements "$1") - before)) # /metrics itself
	before=$(statements "$1")
	curl -sf -o /dev/null -H "Cookie: $2" "http://localhost:$1$3"
	after=$(statements "$1")
	echo $((after - before - idle))
}

inbox_one() { # STORE DIR
	serve "$PORT" "$2" --job-threads 0
	local cookie queries
	cookie=$(sign_in "$PORT" head1)
	inbox_targets "$PORT" "$cookie" >"$work/targets"
	say "50 requests a second for 20 s"
	# Another, idle server at the same time: in the same one it would wait behind slow pages.
	echo "control /healthz" | "$BUILD/bench_http" rate --port $((PORT + 1)) --rate 50 --seconds 20 >"$work/control" &
	local control=$!
	"$BUILD/bench_http" rate --port "$PORT" --rate 50 --seconds 20 --cookie "$cookie" <"$work/targets" >"$work/rates"
	wait "$control"
	cat "$work/control" >>"$work/rates"
	while read -r name n failed p50 p99 longest bytes; do
		queries=
		[ "$name" = control ] || queries=$(queries_of "$PORT" "$cookie" "$(awk -v n="$name" '$1 == n { print $2; exit }' "$work/targets")")
		echo "| $1, $name | **$(ratio 50 "$p99")** | $p50 | $p99 | $longest | $n | $failed | $bytes | $queries |"
	done <"$work/rates"
	stop "$server_pid"
}

large_city
small_city
serve $((PORT + 1)) "$work/small" --job-threads 0
echo
echo "### Staff pages with $(sqlite_count "$DATA") applications"
echo
echo "50 requests a second for 20 s, each timed from when it was due. Control: /healthz of another, idle server at the same time, which shows what the machine itself adds. Goal: p99 below 50 ms.${large_seconds:+ The city was made in $large_seconds s.}"
echo
echo "| store, page | goal / p99 | p50 ms | p99 ms | longest | requests | failed | bytes | statements |"
echo "|---|---:|---:|---:|---:|---:|---:|---:|---:|"
inbox_one SQLite "$DATA"
# The same city on PostgreSQL, by way of a backup.
pg=$(POSTGRES_OPTIONS="-c fsync=on -c shared_buffers=1GB" postgres_start "$work/pg") || pg=
if [ -n "$pg" ]; then
	say "the same city on PostgreSQL"
	"$machi" backup --data "$DATA" --city demo --log warn "$work/backup" >/dev/null 2>>"$work/serve.log" &&
		"$machi" restore --data "$work/pgcity" --store "$pg" --log warn "$work/backup" >/dev/null 2>>"$work/serve.log" &&
		cp "$DATA/demo/keys/master.key" "$work/pgcity/demo/keys/" && # no backup holds it
		inbox_one PostgreSQL "$work/pgcity"
	rm -rf "$work/backup"
	postgres_stop "$work/pg"
fi
stop_all
