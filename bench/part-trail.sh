# What the note in the trail adds to a staff page: processor time of the server.
cpu_ms() { awk -v hz="$(getconf CLK_TCK)" '{ print ($14 + $15) * 1000 / hz }' "/proc/$1/stat"; }

small_city
serve "$PORT" "$work/small" --job-threads 0
cookie=$(sign_in "$PORT" head1)
page=$(curl -sf -H "Cookie: $cookie" -H 'Accept: application/json' "http://localhost:$PORT/staff?scope=all" |
	python3 -c 'import json, sys; print(json.load(sys.stdin)["rows"][0]["href"])')
say "staff pages with their notes"
asked=$((ROUNDS * 1000))
before=$(cpu_ms "$server_pid")
for _ in $(seq "$asked"); do echo "url = http://localhost:$PORT$page"; echo 'output = /dev/null'; done |
	curl -sf -H "Cookie: $cookie" -K -
sleep 1.5 # the last notes are written
after=$(cpu_ms "$server_pid")
stop_all
each=$(awk -v a="$before" -v b="$after" -v n="$asked" 'BEGIN { printf "%.1f", (b - a) * 1000 / n }')
mkdir "$work/trail"
echo
echo "### Readings noted: what a note adds to a staff page"
echo
echo "Processor time of the server for the page of an application ($asked times), and for a note alone with its share of the write and of the journal's entry. Goal: under 5 %."
echo
echo "| notes in a second | note / page without it | note, µs | page with it, µs |"
echo "|---:|---:|---:|---:|"
"$BUILD/bench_trail" "$work/trail" | while read -r batch us; do
	awk -v b="$batch" -v n="$us" -v p="$each" 'BEGIN { printf "| %d | **%.1f %%** | %.1f | %.0f |\n", b, 100 * n / (p - n), n, p }'
done
