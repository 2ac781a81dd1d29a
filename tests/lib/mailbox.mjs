// A mail server in the test's own process: takes every mail and keeps it. For a real one: smtp.sh (its TLS fails
// with the OpenSSL of Debian 12, so TLS and passwords are tested here).
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer as createTlsServer, TLSSocket } from 'node:tls';
import { until } from './city.mjs';

// A certificate for a host name, signed by itself: {key, cert, file, remove()}.
export function certificate(host) {
	const dir = mkdtempSync(join(tmpdir(), 'machi-cert-'));
	const [key, file] = [join(dir, 'key.pem'), join(dir, 'cert.pem')];
	execFileSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '30', '-subj', `/CN=${host}`,
		'-addext', `subjectAltName=DNS:${host}`, '-keyout', key, '-out', file], { stdio: 'ignore' });
	return { key: readFileSync(key), cert: readFileSync(file), file, keyFile: key, remove: () => rmSync(dir, { recursive: true }) };
}

function decodeWords(text) {
	return text.replace(/\r\n[ \t]/g, ' ').replace(/\?=\s+=\?/g, '?==?')
		.replace(/=\?utf-8\?([bq])\?([^?]*)\?=/gi, (_, kind, word) => kind.toLowerCase() === 'b'
			? Buffer.from(word, 'base64').toString('utf8')
			: Buffer.from(word.replace(/_/g, ' ').replace(/=([0-9a-f]{2})/gi, (__, hex) => String.fromCharCode(parseInt(hex, 16))), 'latin1').toString('utf8'));
}

// The parts that a test looks at: subject and text.
function parse(data) {
	const at = data.indexOf('\r\n\r\n');
	const head = data.slice(0, at);
	const header = (name) => new RegExp(`^${name}: ((?:.*\r\n[ \t])*.*)`, 'im').exec(head)?.[1] ?? '';
	let text = data.slice(at + 4);
	if (/base64/i.test(header('Content-Transfer-Encoding'))) text = Buffer.from(text, 'base64').toString('utf8');
	else if (/quoted-printable/i.test(header('Content-Transfer-Encoding'))) {
		text = Buffer.from(text.replace(/=\r\n/g, '').replace(/=([0-9a-f]{2})/gi, (_, hex) => String.fromCharCode(parseInt(hex, 16))), 'latin1').toString('utf8');
	} else text = Buffer.from(text, 'latin1').toString('utf8');
	return { subject: decodeWords(header('Subject')), text };
}

export class Mailbox {
	// tls: a certificate, for STARTTLS, or for the whole connection with implicit. user "name:password":
	// only that one may send, and only over TLS.
	static async open({ tls, implicit, user } = {}) {
		const box = new Mailbox();
		box.mails = [];
		box.lines = []; // what clients said, each {line, secure}
		box.sockets = new Set();
		const take = (socket) => box.talk(socket, { tls, user, secure: Boolean(implicit) });
		box.server = implicit ? createTlsServer(tls, take) : createServer(take);
		box.server.on('connection', (socket) => {
			box.sockets.add(socket);
			socket.on('error', () => {}).on('close', () => box.sockets.delete(socket));
		});
		await new Promise((done) => box.server.listen(0, '127.0.0.1', done));
		box.port = box.server.address().port;
		return box;
	}

	talk(socket, { tls, user, secure, again }) {
		let input = '', data = null, to = [], known = !user, asked = false;
		const say = (line) => socket.write(`${line}\r\n`, 'latin1');
		const answer = (text) => {
			const [, name, word] = Buffer.from(text, 'base64').toString('utf8').split('\0');
			asked = false;
			known = secure && `${name}:${word}` === user;
			say(known ? '235 welcome' : '535 5.7.8 wrong user or password');
		};
		const hear = (line) => {
			this.lines.push({ line, secure });
			if (asked) return answer(line);
			const [, verb, rest] = /^(\S*) ?(.*)$/s.exec(line);
			switch (verb.toUpperCase()) {
			case 'EHLO':
				for (const one of ['mailbox', ...tls && !secure ? ['STARTTLS'] : [], ...user && secure ? ['AUTH PLAIN'] : []]) say(`250-${one}`);
				return say('250 8BITMIME');
			case 'STARTTLS':
				if (!tls || secure) return say('503 not here');
				socket.removeAllListeners('data');
				socket.setEncoding();
				say('220 go on');
				return this.talk(new TLSSocket(socket, { isServer: true, ...tls }), { tls, user, secure: true, again: true });
			case 'AUTH': // RFC 4954: the answer comes with it, or on the next line
				asked = true;
				return rest.includes(' ') ? answer(rest.split(' ')[1]) : say('334 ');
			case 'MAIL':
				return say(known ? '250 ok' : '530 5.7.0 who are you');
			case 'RCPT':
				to.push(/<([^>]*)>/.exec(line)?.[1]);
				return say('250 ok');
			case 'DATA':
				data = '';
				return say('354 go on');
			case 'QUIT':
				say('221 bye');
				return socket.end();
			default:
				return say('250 ok');
			}
		};
		socket.on('error', () => {});
		socket.setEncoding('latin1');
		if (!again) say('220 mailbox');
		socket.on('data', (chunk) => {
			input += chunk;
			for (let at; (at = input.indexOf('\r\n')) >= 0;) {
				const line = input.slice(0, at);
				input = input.slice(at + 2);
				if (data === null) hear(line);
				else if (line !== '.') data += `${line.replace(/^\./, '')}\r\n`;
				else {
					this.mails.push({ to, secure, ...parse(data) });
					data = null;
					to = [];
					say('250 kept');
				}
			}
		});
	}

	// The flags of machi serve that send mails here.
	get settings() {
		return ['--smtp-url', `smtp://127.0.0.1:${this.port}`, '--smtp-from', 'city@city.example.jp'];
	}

	// Waits for a mail to somebody that has not been taken yet, and takes it.
	async take(to) {
		return until(() => {
			const at = this.mails.findIndex((mail) => mail.to.includes(to));
			return at >= 0 && this.mails.splice(at, 1)[0];
		}, `a mail to ${to}`);
	}

	// Waits for a mail to somebody whose text fits the pattern, and gives the match; the mail stays.
	async find(to, pattern) {
		return until(() => this.mails.filter((mail) => mail.to.includes(to)).map((mail) => pattern.exec(mail.text)).find(Boolean),
			`a mail to ${to} with ${pattern}`);
	}

	close() {
		this.server.close();
		for (const socket of this.sockets) socket.destroy();
	}
}
