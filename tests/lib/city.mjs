// A city for a test: its own data directory, store and port; and a client with a cookie jar.
import { spawn, execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, readFileSync, openSync, closeSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

export const machi = resolve(process.env.MACHI_BIN ?? 'build/machi');
export const storeKind = process.env.MACHI_TEST_STORE ?? 'sqlite';
let databases = 0;

export function freePort() {
	return new Promise((done, fail) => {
		const server = createServer();
		server.on('error', fail);
		server.listen(0, '127.0.0.1', () => {
			const { port } = server.address();
			server.close(() => done(port));
		});
	});
}

// A new database on the test cluster, as a URL.
function newDatabase() {
	const base = process.env.MACHI_TEST_PG;
	if (!base) throw new Error('MACHI_TEST_PG is not set');
	const name = `machi_${process.pid}_${++databases}`;
	execFileSync('psql', [base, '-qc', `CREATE DATABASE ${name}`]);
	const url = new URL(base);
	url.pathname = `/${name}`;
	return url.href;
}

export class City {
	// options: store (sqlite, postgres), init (words for machi init), settings (flags of serve), env
	static async start(options = {}) {
		const city = new City();
		city.dir = mkdtempSync(join(tmpdir(), 'machi-test-'));
		city.storeUrl = (options.store ?? storeKind) === 'postgres' ? newDatabase() : 'sqlite:store.db';
		city.env = { ...process.env, MACHI_STORE: city.storeUrl, ...options.env };
		city.settings = options.settings ?? [];
		city.cli('init', ...(options.init ?? ['--demo']));
		await city.serve();
		return city;
	}

	// Runs a command of machi on this city's data and gives its standard output.
	cli(command, ...words) {
		return execFileSync(machi, [command, '--data', this.dir, ...words], { env: this.env, encoding: 'utf8', maxBuffer: 1 << 28 });
	}

	async serve() {
		this.port = await freePort();
		this.url = `http://127.0.0.1:${this.port}`;
		this.logFile = join(this.dir, 'log');
		const log = openSync(this.logFile, 'a');
		this.process = spawn(machi, ['serve', '--data', this.dir, '--port', String(this.port),
			'--base-url', this.url, '--rate-limit', '0', ...this.settings], { env: this.env, stdio: ['ignore', log, log] });
		closeSync(log);
		this.exited = new Promise((done) => this.process.on('exit', (code, signal) => {
			this.code = code ?? signal;
			done(this.code);
		}));
		for (let i = 0; ; i++) {
			if (this.code !== undefined) throw new Error(`serve stopped with ${this.code}:\n${this.log()}`);
			try {
				if ((await fetch(`${this.url}/healthz`)).ok) return;
			} catch { /* not listening yet */ }
			if (i > 600) throw new Error(`serve is not ready:\n${this.log()}`);
			await pause(50);
		}
	}

	log() {
		return readFileSync(this.logFile, 'utf8');
	}

	async kill(signal = 'SIGTERM') {
		this.process.kill(signal);
		return this.exited;
	}

	// Stops the server, and fails when it did not stop cleanly (sanitizers report at the end).
	async stop() {
		if (this.code === undefined) await this.kill();
		const log = this.log();
		rmSync(this.dir, { recursive: true, force: true });
		if (this.code !== 0 && this.code !== 'SIGKILL') throw new Error(`serve ended with ${this.code}:\n${log.slice(-8000)}`);
	}

	client(options) {
		return new Client(this.url, options);
	}
}

// Waits until fn gives something true; for what jobs do in the background.
export async function until(fn, what = 'it', tries = 400) {
	for (let i = 0; i < tries; i++) {
		const value = await fn();
		if (value) return value;
		await pause(50);
	}
	throw new Error(`${what} did not happen`);
}

// One person's browser without a screen: cookies are kept, redirects are followed by hand.
export class Client {
	constructor(url, { lang = '' } = {}) {
		this.base = url;
		this.lang = lang;
		this.cookies = new Map();
	}

	async request(method, path, { body, headers = {}, follow = true } = {}) {
		const url = new URL(path.startsWith('/') && this.lang && !path.startsWith(`/${this.lang}/`) ? `/${this.lang}${path}` : path, this.base);
		const answer = await fetch(url, {
			method, body, redirect: 'manual',
			headers: { cookie: [...this.cookies].map(([k, v]) => `${k}=${v}`).join('; '), ...headers },
		});
		for (const line of answer.headers.getSetCookie?.() ?? []) {
			const [pair] = line.split(';');
			const at = pair.indexOf('=');
			const [name, value] = [pair.slice(0, at), pair.slice(at + 1)];
			if (value === '' || /max-age=0/i.test(line)) this.cookies.delete(name);
			else this.cookies.set(name, value);
		}
		const text = Buffer.from(await answer.arrayBuffer());
		const page = {
			status: answer.status, headers: answer.headers, url: url.pathname + url.search, bytes: text,
			location: answer.headers.get('location'),
			get text() { return text.toString('utf8'); },
			get json() { return JSON.parse(text.toString('utf8')); },
		};
		if (follow && page.status === 303 && page.location) return this.get(page.location, { headers });
		return page;
	}

	get(path, options) {
		return this.request('GET', path, options);
	}

	async json(path, options = {}) {
		return this.request('GET', path, { ...options, headers: { accept: 'application/json', ...options.headers } });
	}

	// The CSRF token for this session; before signing in only a page with a form has one.
	async token(path = '/login') {
		const { csrf } = (await this.json(path)).json;
		return csrf ?? (await this.get(path)).text.match(/name="csrf" value="([^"]+)"/)?.[1];
	}

	// Posts a form as a browser would. fields: object or array of pairs; a Blob value makes it multipart.
	async post(path, fields = {}, options = {}) {
		const pairs = Array.isArray(fields) ? fields : Object.entries(fields);
		if (!pairs.some(([name]) => name === 'csrf')) pairs.push(['csrf', options.token ?? await this.token()]);
		const multipart = pairs.some(([, value]) => value instanceof Blob);
		const body = multipart ? new FormData() : new URLSearchParams();
		for (const [name, value] of pairs) {
			if (value instanceof Blob) body.append(name, value, value.name ?? 'file');
			else body.append(name, value);
		}
		return this.request('POST', path, { ...options, body });
	}

	async login(login, password) {
		const page = await this.post('/login', { login, password }, { follow: false });
		if (page.status !== 303) throw new Error(`sign-in of ${login}: ${page.status} ${page.text.slice(0, 2000)}`);
		return this;
	}
}
