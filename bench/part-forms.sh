# A form of 100 fields and 100 rules.
echo
echo "### A form of 100 fields and 100 rules"
echo
echo "| step | goal / p50 | p50 ms | p99 ms | goal ms |"
echo "|---|---:|---:|---:|---:|"
"$BUILD/bench_forms" --seconds 1 --json | sed 's/[{}"]//g; s/,/ /g' | while read -r name p50 p99 goal; do
	awk -v n="${name#bench:forms.}" -v a="${p50#p50_us:}" -v b="${p99#p99_us:}" -v g="${goal#goal_us:}" 'BEGIN {
		t["load"] = "loading the definition"; t["show"] = "showing a step of all 100 fields";
		t["take"] = "taking and checking a posted step"; t["check"] = "checking a submission";
		t["read"] = "answers for reading"
		printf "| %s | **%.0f** | %.3f | %.3f | %d |\n", t[n], g / a, a / 1000, b / 1000, g / 1000
	}'
done
