# Pages made for each request and pages kept in memory, against nginx and the same bytes in a file.

pages_nginx() { # PORT: serves $work/www
	mkdir -p "$work/nginx"
	cat >"$work/nginx/nginx.conf" <<-END
		worker_processes 2;
		pid $work/nginx/pid;
		error_log $work/nginx/error.log;
		daemon off;
		events { worker_connections 1024; }
		http {
		  access_log off; sendfile on; tcp_nopush on; open_file_cache max=100;
		  keepalive_requests 100000000;
		  default_type text/html;
		  client_body_temp_path $work/nginx; proxy_temp_path $work/nginx;
		  fastcgi_temp_path $work/nginx; uwsgi_temp_path $work/nginx; scgi_temp_path $work/nginx;
		  server { listen 127.0.0.1:$1; root $work/www; }
		}
	END
	chmod 755 "$work" # nginx's workers run as another user
	nginx -p "$work/nginx" -c "$work/nginx/nginx.conf" 2>/dev/null &
	pids+=($!)
	local i
	for i in $(seq 100); do
		curl -sf -o /dev/null "http://localhost:$1/front.html" && return
		sleep 0.05
	done
	echo "nginx does not start" >&2
	return 1
}

pages_one() { # NAME PATH FILE
	local i made kept file
	: >"$work/made" >"$work/kept" >"$work/file"
	for i in $(seq "$ROUNDS"); do
		say "$1, round $i of $ROUNDS"
		made=$(wrk_rate "http://127.0.0.1:$PORT$2")
		file=$(wrk_rate "http://127.0.0.1:$((PORT + 2))/$3")
		kept=$(wrk_rate "http://127.0.0.1:$((PORT + 1))$2")
		echo "$made" >>"$work/made"
		echo "$kept" >>"$work/kept"
		echo "$file" >>"$work/file"
		ratio "$made" "$file" >>"$work/made.ratio"
		ratio "$kept" "$file" >>"$work/kept.ratio"
	done
	echo "| $1 | **$(middle <"$work/made.ratio")** | **$(middle <"$work/kept.ratio")** |" \
		"$(middle <"$work/made") | $(middle <"$work/kept") | $(middle <"$work/file") |" \
		"$(stat -c %s "$work/www/$3") |"
	rm -f "$work"/*.ratio
}

small_city
cp -r "$work/small" "$work/second" # a city on SQLite has one server at a time
serve "$PORT" "$work/small" --page-cache false --job-threads 0
serve $((PORT + 1)) "$work/second" --job-threads 0
mkdir -p "$work/www"
curl -sf -o "$work/www/front.html" "http://localhost:$PORT/"
curl -sf -o "$work/www/procedure.html" "http://localhost:$PORT/procedures/dog-registration"
pages_nginx $((PORT + 2))
echo
echo "### Pages"
echo
echo "Against nginx with the same bytes in a file; wrk with 2 threads and 64 connections. Goals: 0.5 made for each request, 0.8 kept."
echo
echo "| page | made / nginx | kept / nginx | made, requests/s | kept | nginx | bytes |"
echo "|---|---:|---:|---:|---:|---:|---:|"
pages_one "front page" / front.html
pages_one "procedure page" /procedures/dog-registration procedure.html
stop_all
