# Durable submissions per second.
say "submissions"
echo
echo "### Durable submissions per second"
echo
url=$(POSTGRES_OPTIONS="-c fsync=on -c shared_buffers=256MB" postgres_start "$work/pg") || url=
echo '```'
"$BUILD/bench_store" --seconds 1 --rounds 2 --dir "$work" ${url:+--postgres "$url"}
echo '```'
postgres_stop "$work/pg"
