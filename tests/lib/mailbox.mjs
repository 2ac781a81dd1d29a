// A mail server in the test's own process: takes every mail and keeps it. For a real one: smtp.sh.
import { createServer } from 'node:net';
import { until } from './city.mjs';

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
	static async open() {
		const box = new Mailbox();
		box.mails = [];
		box.sockets = new Set();
		box.server = createServer((socket) => {
			let input = '', data = null, to = [];
			const say = (line) => socket.write(`${line}\r\n`);
			socket.setEncoding('latin1');
			socket.on('error', () => {});
			box.sockets.add(socket);
			socket.on('close', () => box.sockets.delete(socket));
			say('220 mailbox');
			socket.on('data', (chunk) => {
				input += chunk;
				for (let at; (at = input.indexOf('\r\n')) >= 0;) {
					const line = input.slice(0, at);
					input = input.slice(at + 2);
					if (data !== null) {
						if (line !== '.') {
							data += `${line.replace(/^\./, '')}\r\n`;
							continue;
						}
						box.mails.push({ to, ...parse(data) });
						data = null;
						to = [];
						say('250 kept');
					} else if (/^EHLO|^HELO/i.test(line)) say('250 mailbox');
					else if (/^RCPT TO:/i.test(line)) {
						to.push(/<([^>]*)>/.exec(line)?.[1]);
						say('250 ok');
					} else if (/^DATA/i.test(line)) {
						data = '';
						say('354 go on');
					} else if (/^QUIT/i.test(line)) {
						say('221 bye');
						socket.end();
					} else say('250 ok');
				}
			});
		});
		await new Promise((done) => box.server.listen(0, '127.0.0.1', done));
		box.port = box.server.address().port;
		return box;
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
