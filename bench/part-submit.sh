# Durable submissions per second: the whole way of an application, and a store's write alone.

submit_rows() { # STORE FILE
	awk -v store="$1" '
		$1 == "ours" { ours[$2] = $3 }
		$1 == "raw" { raw[$2] = $3 }
		$1 == "pgbench" { bench[$2] = $3 }
		END {
			if (raw[64])
				printf "| %s | **%.2f** | **%.1f** | %d | %d | %d | %d | %d |\n", store, ours[64] / raw[64], ours[64] / raw[1], ours[1], ours[8], ours[64], raw[1], raw[64]
			else
				printf "| **%.2f** | **%.2f** | **%.2f** | %d | %d | %d | %d | %d | %d |\n", ours[1] / bench[1], ours[8] / bench[8], ours[64] / bench[64], ours[1], ours[8], ours[64], bench[1], bench[8], bench[64]
		}' "$2"
}

small_city
say "submissions on SQLite"
"$BUILD/bench_submit" --raw --seconds "$SECONDS_EACH" --data "$work/small" --log warn >"$work/submit" 2>>"$work/serve.log" ||
	tail -3 "$work/serve.log" >&2
pg=$(POSTGRES_OPTIONS="-c fsync=on -c shared_buffers=256MB" postgres_start "$work/pg") || pg=
if [ -n "$pg" ]; then
	say "submissions on PostgreSQL"
	"$machi" init --demo --demo-size 400 --data "$work/pgsmall" --store "$pg" >"$work/init.log" 2>&1 &&
		"$BUILD/bench_submit" --seconds "$SECONDS_EACH" --data "$work/pgsmall" --log warn \
			--script "$work/submit.sql" >"$work/submit.pg" 2>>"$work/serve.log"
	for clients in 1 8 64; do
		say "pgbench with $clients clients"
		pgbench -n -M prepared -c "$clients" -j 2 -T "$SECONDS_EACH" -f "$work/submit.sql" "$pg" 2>>"$work/serve.log" |
			awk -v c="$clients" '/^tps/ { print "pgbench", c, $3 }' >>"$work/submit.pg"
	done
fi
echo
echo "### Durable submissions per second"
echo
echo "A draft and its submission with all checks, numbers, journal entries, search words and jobs, in one durable write. Raw: the same rows, indexes and search words by prepared statements alone, one by one and 64 in a commit. Goals at 64 clients: 0.5 of grouped, 10 times one by one."
echo
echo "| store | 64 clients / raw grouped | 64 clients / raw one by one | 1 client | 8 | 64 | raw 1 | raw 64 |"
echo "|---|---:|---:|---:|---:|---:|---:|---:|"
submit_rows SQLite "$work/submit"
if [ -s "$work/submit.pg" ]; then
	echo
	echo "On PostgreSQL, and pgbench writing the same rows in one transaction:"
	echo
	echo "| 1 client / pgbench | 8 | 64 | 1 client | 8 | 64 | pgbench 1 | 8 | 64 |"
	echo "|---:|---:|---:|---:|---:|---:|---:|---:|---:|"
	submit_rows PostgreSQL "$work/submit.pg"
fi
echo
echo "The store alone, and pgbench with an equal transaction:"
echo
echo '```'
"$BUILD/bench_store" --seconds 1 --rounds 2 --dir "$work" ${pg:+--postgres "$pg"}
echo '```'
postgres_stop "$work/pg"
