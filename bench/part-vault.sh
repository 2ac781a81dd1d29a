# What sealing the fields of a list of 1,000 records costs, against AES-256-GCM of the same bytes.
say "1,000 values sealed and opened"
mkdir "$work/vault"
echo
echo "### Fields that are kept sealed: 1,000 values of twelve digits"
echo
echo "Processor time against OpenSSL's AES-256-GCM of the same bytes with one context whose key is set once (the limit)."
echo
echo "| | limit / machi | machi, µs for 1,000 | limit, µs for 1,000 |"
echo "|---|---:|---:|---:|"
"$BUILD/bench_vault" "$work/vault" | while read -r what us limit; do
	awk -v w="$what" -v u="$us" -v l="$limit" 'BEGIN { printf "| %s | **%.0f %%** | %.0f | %.0f |\n", w, 100 * l / u, u, l }'
done
