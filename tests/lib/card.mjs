// Test cards of the simulator, and browsers that have one.
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import https from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { machi, words } from './city.mjs';

export class CardAuthority {
	static async start() {
		const ca = new CardAuthority();
		ca.dir = mkdtempSync(join(tmpdir(), 'machi-card-ca-'));
		ca.run('init');
		ca.process = spawn(machi, ['simulate', 'card-ca', 'serve', ca.dir, '--port', '0'], { stdio: ['ignore', 'pipe', 'inherit'] });
		const line = await new Promise((done) => ca.process.stdout.once('data', (data) => done(String(data))));
		ca.url = /http:\S+/.exec(line)[0];
		return ca;
	}

	run(verb, ...rest) {
		return execFileSync(machi, ['simulate', 'card-ca', verb, this.dir, ...rest], { encoding: 'utf8' });
	}

	card(name, ...rest) {
		this.run('card', name, '--key', 'ec', ...rest);
		return name;
	}

	file(card, name) {
		return join(this.dir, 'cards', card, name);
	}

	pem(card, kind = 'authentication') {
		return readFileSync(this.file(card, `${kind}.crt`), 'utf8');
	}

	sign(card, bytes) {
		const path = join(this.dir, 'to-sign');
		writeFileSync(path, bytes);
		this.run('sign', card, path, '--out', `${path}.p7s`);
		return readFileSync(`${path}.p7s`);
	}

	stop() {
		this.process.kill();
		rmSync(this.dir, { recursive: true, force: true });
	}
}

// A certificate for the city's own listener on this machine, and the authority that issued it.
export function serverCertificate(dir) {
	const file = (name) => join(dir, name), [authority, cert, key] = ['authority.crt', 'server.crt', 'server.key'].map(file);
	const make = (keyFile, out, ...words) => execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes',
		'-keyout', keyFile, '-out', out, '-days', '90', ...words], { stdio: 'ignore' });
	make(file('authority.key'), authority, '-subj', '/CN=test authority');
	make(key, cert, '-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1', '-addext', 'basicConstraints=critical,CA:false',
		'-addext', 'extendedKeyUsage=serverAuth', '-CA', authority, '-CAkey', file('authority.key'));
	return { cert, key, authority };
}

// One GET with a card, as a browser does that was asked for a certificate: {status, text, headers}.
export function getWithCard(url, ca, card, kind = 'authentication') {
	return new Promise((done, fail) => {
		const rq = https.get(url, {
			rejectUnauthorized: false, agent: false, headers: { accept: 'application/json' },
			...card ? { cert: readFileSync(ca.file(card, `${kind}.crt`)), key: readFileSync(ca.file(card, `${kind}.key`)) } : {},
		}, (answer) => {
			let text = '';
			answer.on('data', (part) => { text += part; });
			answer.on('end', () => done({ status: answer.statusCode, headers: answer.headers, text }));
		});
		rq.on('error', fail);
	});
}

// The whole way: the page, the card's listener, and back; gives the last page.
export async function useCard(client, ca, card, { page = '/login/card', password = 'machi-demo-2026', present = (url) => getWithCard(url, ca, card) } = {}) {
	const begin = await client.json(page);
	const shown = await present(begin.json.card_href);
	if (shown.status !== 200) return shown;
	const { href } = JSON.parse(shown.text);
	let done = await client.get(new URL(href).pathname + new URL(href).search, { follow: false });
	if (password && done.text.includes('/account/card/link'))
		done = await client.submit(done, '/account/card/link', { password }, { follow: false });
	return { status: done.status, location: done.location, text: done.text, words: words(done.text) };
}
