# shellcheck shell=bash
# A throw-away PostgreSQL for tests; to be sourced.
#
#   MACHI_TEST_PG=$(postgres_start DIR)   makes a cluster, starts it, prints the URL of a database
#   postgres_stop DIR                     stops it and removes it
#
# POSTGRES_PARENT=DIR makes it there instead of in /tmp (a small disk to fill).
#
# It listens on a socket in its own folder only, so any number can run side by side. It does not wait
# for the disk; POSTGRES_OPTIONS="-c fsync=on" makes it do so, for benchmarks.

postgres_bin() {
	local bin
	for bin in /usr/lib/postgresql/*/bin; do :; done
	[ -x "$bin/initdb" ] && echo "$bin"
}

# PostgreSQL refuses to run as root.
postgres_as() {
	if [ "$(id -u)" -eq 0 ]; then
		setpriv --reuid=postgres --regid=postgres --init-groups env -u PGHOST -u PGPORT "$@"
	else
		env -u PGHOST -u PGPORT "$@"
	fi
}

postgres_start() {
	local bin home log
	bin=$(postgres_bin) || { echo "PostgreSQL is not installed" >&2; return 1; }
	# Not below DIR: the user postgres may not be allowed to walk there.
	home=$(mktemp -d "${POSTGRES_PARENT:-/tmp}/machi-pg.XXXXXX") || return 1
	echo "$home" >"$1.home"
	[ "$(id -u)" -ne 0 ] || chown postgres: "$home"
	log=$home/log
	(
		cd /tmp &&
			postgres_as "$bin/initdb" -D "$home/data" -U machi -A trust -E UTF8 --locale=C.UTF-8 -N &&
			postgres_as "$bin/pg_ctl" -D "$home/data" -l "$log" -w -t 60 -o \
				"-c listen_addresses='' -c unix_socket_directories='$home' -c fsync=off -c max_connections=300 ${POSTGRES_OPTIONS:-}" start &&
			postgres_as "$bin/createdb" -h "$home" -U machi machi
	) >"$1.out" 2>&1 || { cat "$1.out" "$log" >&2; return 1; }
	echo "postgresql:///machi?host=$home&user=machi"
}

postgres_stop() {
	local home
	home=$(cat "$1.home" 2>/dev/null) || return 0
	postgres_as "$(postgres_bin)/pg_ctl" -D "$home/data" -m immediate stop >/dev/null 2>&1
	rm -rf "$home" "$1.home" "$1.out"
}
