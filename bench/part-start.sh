# Time to the first good answer of /healthz, memory, sizes.

start_one() { # NAME DIR
	local i idle times=$work/times
	: >"$times"
	for i in 1 2 3 4 5; do
		serve "$PORT" "$2"
		echo "$started_ms" >>"$times"
		[ "$i" = 5 ] || stop "$server_pid"
	done
	sleep 1
	idle=$(rss_kib "$server_pid")
	wrk_rate "http://127.0.0.1:$PORT/procedures/dog-registration" >/dev/null
	local cookie
	cookie=$(sign_in "$PORT" head1)
	wrk_rate "http://127.0.0.1:$PORT/staff" "Cookie: $cookie" >/dev/null
	echo "| $1 | **$(ratio 300 "$(middle <"$times")")** | **$(ratio 65536 "$idle")** |" \
		"$(middle <"$times") | $(mib "$idle") | $(mib "$(peak_kib "$server_pid")") |"
	stop "$server_pid"
}

small_city
large_city
say "start-up and memory"
echo
echo "### Start and memory"
echo
echo "Until /healthz answers 200; resident memory after it and at most while 64 connections read pages and the inbox. Goals: 300 ms, 64 MiB idle."
echo
echo "| city | goal / ms | goal / idle | start ms | idle MiB | under load MiB |"
echo "|---|---:|---:|---:|---:|---:|"
start_one "demo, 400 applications" "$work/small"
start_one "$(sqlite_count "$DATA") applications" "$DATA"
echo
strip -o "$work/stripped" "$machi"
serve "$PORT" "$work/small"
echo "| size | bytes |"
echo "|---|---:|"
echo "| program, stripped | $(stat -c %s "$work/stripped") |"
for page in / /procedures/dog-registration /assets/machi.css; do
	echo "| $page on the wire, gzip | $(curl -s -H 'Accept-Encoding: gzip' "http://localhost:$PORT$page" | wc -c) |"
done
stop_all
