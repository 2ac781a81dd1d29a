#!/bin/bash
# A throw-away mail server (OpenSMTPD) for tests; to be sourced, or run with the words below.
#
#   smtp_start DIR PORT   starts it on 127.0.0.1:PORT; mails for x@anywhere go to DIR/mail/x/new/ (Maildir),
#                         those for refused@… are refused with 550
#   smtp_stop DIR         stops it
#
# As a program: tests/lib/smtp.sh start|stop DIR [PORT]; ends with 77 when there is no mail server that
# may be started. OpenSMTPD keeps its queue in /var/spool/smtpd and starts as root, so only one runs
# at a time: others wait for it. It ends with the process that started it, however that ends.

smtp_root() {
	if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo -n "$@"; fi
}

smtp_start() {
	local dir=$1 port=$2 owner=${3:-$$}
	command -v smtpd >/dev/null || PATH=$PATH:/usr/sbin
	command -v smtpd >/dev/null || return 77
	smtp_root true 2>/dev/null || return 77
	mkdir -p "$dir/mail"
	chmod 755 "$dir"
	chmod 777 "$dir/mail"
	cat >"$dir/smtpd.conf" <<-END
		listen on 127.0.0.1 port $port hostname mail.city.example
		action "keep" maildir "$dir/mail/%{rcpt.user:lowercase}" virtual { "@" = "nobody" }
		match from any for rcpt-to regex "^refused@" reject
		match from any for any action "keep"
	END
	# Held until the server has ended.
	(
		flock -w 120 9 || exit 1
		sudo=
		[ "$(id -u)" -eq 0 ] || sudo="sudo -n"
		$sudo "$(command -v smtpd)" -d -f "$dir/smtpd.conf" >"$dir/log" 2>&1 9>&- &
		echo $! >"$dir/pid"
		while kill -0 "$owner" && smtp_root kill -0 $!; do sleep 0.2; done
		smtp_root kill $!
		wait
	) 9>/tmp/machi-smtp.lock >/dev/null 2>&1 &
	local _
	for _ in $(seq 1200); do # another test may hold the lock
		(exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && return 0
		# One that is not of our tests, such as the machine's own: ours may not be started.
		grep -qs "control socket already listening" "$dir/log" && return 77
		sleep 0.1
	done
	cat "$dir/log" >&2
	return 1
}

smtp_stop() {
	local pid
	pid=$(cat "$1/pid" 2>/dev/null) || return 0
	smtp_root kill "$pid" 2>/dev/null
	local _
	for _ in $(seq 50); do
		smtp_root kill -0 "$pid" 2>/dev/null || return 0
		sleep 0.1
	done
}

if [ "${BASH_SOURCE[0]}" = "$0" ]; then
	case ${1:-} in
	start) smtp_start "$2" "$3" "$PPID" ;;
	stop) smtp_stop "$2" ;;
	*) echo "usage: $0 start|stop DIR [PORT]" >&2; exit 2 ;;
	esac
fi
