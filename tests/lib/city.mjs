// A city for a test: its own data directory, store and port; and a client with a cookie jar.
import { File } from 'node:buffer';
import { spawn, execFileSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, rmSync, readFileSync, openSync, closeSync } from 'node:fs';
import { createServer } from 'node:net';
import { Mailbox } from './mailbox.mjs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

export const root = resolve(import.meta.dirname ?? new URL('.', import.meta.url).pathname, '../..');
globalThis.File ??= File; // Debian's Node.js 18 has it there only

export const machi = resolve(process.env.MACHI_BIN ?? join(root, 'build/machi'));
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
export function newDatabase() {
	const base = process.env.MACHI_TEST_PG;
	if (!base) throw new Error('MACHI_TEST_PG is not set');
	const name = `machi_${process.pid}_${++databases}`;
	execFileSync('psql', [base, '-qc', `CREATE DATABASE ${name}`]);
	const url = new URL(base);
	url.pathname = `/${name}`;
	return url.href;
}

export class City {
	// options: store (sqlite, postgres), storeUrl and dir (of one's own), init (words for machi init),
	// settings (flags of serve), env, host (the name that people use: passkeys want one), tls (settings name a certificate)
	static async start(options = {}) {
		const city = new City();
		city.host = options.host ?? '127.0.0.1';
		city.scheme = options.tls ? 'https' : 'http';
		city.dir = options.dir ?? mkdtempSync(join(tmpdir(), 'machi-test-'));
		city.storeUrl = options.storeUrl ?? ((options.store ?? storeKind) === 'postgres' ? newDatabase() : 'sqlite:store.db');
		if (options.mail) city.mailbox = await Mailbox.open();
		city.env = { ...process.env, MACHI_STORE: city.storeUrl, ...options.env };
		city.settings = [...city.mailbox?.settings ?? [], ...options.settings ?? []];
		city.cli('init', ...(options.init ?? ['--demo-size', '40']));
		await city.serve();
		return city;
	}

	// Runs a command of machi on this city's data and gives its standard output.
	cli(command, ...words) {
		return execFileSync(machi, [command, '--data', this.dir, ...words], { env: this.env, encoding: 'utf8', maxBuffer: 1 << 28 });
	}

	// Takes a backup into a new folder, and gives another city that is restored from it; not served yet.
	restored(target) {
		this.cli('backup', target);
		const dir = mkdtempSync(join(tmpdir(), 'machi-restored-'));
		const other = Object.assign(new City(), { dir, env: { ...this.env }, settings: [] });
		other.storeUrl = other.env.MACHI_STORE = this.storeUrl.startsWith('postgres') ? newDatabase() : 'sqlite:store.db';
		other.cli('restore', target); // the backup names its city
		this.giveMaster(other);
		return other;
	}

	// No backup holds the master key: who restores one brings it from where it is kept.
	giveMaster(other, name = 'demo') {
		copyFileSync(join(this.dir, 'demo/keys/master.key'), join(other.dir, name, 'keys/master.key'));
	}

	// ill: it serves, but is not well
	async serve({ ill = false } = {}) {
		this.code = undefined; // stopped before, perhaps
		this.port = await freePort();
		this.url = `${this.scheme ?? 'http'}://${this.host ?? '127.0.0.1'}:${this.port}`;
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
				if ((await fetch(`${this.url}/healthz`)).ok !== ill) return;
			} catch { /* not listening yet */ }
			if (i > 600) throw new Error(`serve is not ready:\n${this.log()}`);
			await pause(50);
		}
	}

	// Changes the store behind the server's back: time that has passed, a copy of a key.
	sql(statement) {
		if (storeKind === 'postgres') return execFileSync('psql', ['-qAtX', '-c', statement, this.storeUrl], { encoding: 'utf8' });
		return execFileSync('sqlite3', ['-cmd', '.timeout 10000', join(this.dir, 'demo/store.db'), statement], { encoding: 'utf8' });
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
		this.mailbox?.close();
		rmSync(this.dir, { recursive: true, force: true });
		if (this.code !== 0 && this.code !== 'SIGKILL') throw new Error(`serve ended with ${this.code}:\n${log.slice(-8000)}`);
	}

	client(options) {
		return new Client(this.url, options);
	}

	// A client that is signed in, the same one each time; each sign-in costs a password hash.
	async as(login) {
		this.people ??= new Map();
		if (!this.people.has(login)) this.people.set(login, await this.client().login(login));
		return this.people.get(login);
	}

	// Somebody says why they look at an application beyond their own work.
	async why(login, id, reason = '確認') {
		const done = await (await this.as(login)).postJson('/staff/reason', { subject: `application:${id}`, reason });
		if (done.status >= 400) throw new Error(`reason of ${login}: ${done.status} ${done.text}`);
	}

	// The administrator enters the mail address of a member of staff.
	async giveMail(login, mail) {
		const admin = await this.as('admin');
		const { id } = (await admin.json(`/staff/users?q=${login}`)).json.users.find((u) => u.login === login);
		const form = `/staff/users/${id}/edit`;
		await admin.submit(await admin.get(form), form, { mail });
	}

	// The demo city's people of a department: {clerk, clerk2, chief, chief2, head, division}, each a login.
	async office(department) {
		if (!this.offices) {
			const admin = await this.as('admin');
			this.offices = new Map();
			for (let n = 1; ; n++) {
				const { users } = (await admin.json(`/staff/users?q=clerk${n}-1`)).json;
				const clerk = users.find((u) => u.login === `clerk${n}-1`);
				if (!clerk) break;
				this.offices.set(clerk.posts[0].department, n);
			}
		}
		const n = this.offices.get(department);
		if (!n) throw new Error(`nobody works in ${department}: ${[...this.offices.keys()]}`);
		return { clerk: `clerk${n}-1`, clerk2: `clerk${n}-2`, chief: `chief${n}-1`, chief2: `chief${n}-2`, head: `head${n}`, division: `division${n}` };
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

// Each Set-Cookie line; Debian's Node.js gives them joined by commas.
function setCookies(headers) {
	if (headers.getSetCookie) return headers.getSetCookie();
	return (headers.get('set-cookie') ?? '').split(/, (?=[^;,]+=)/).filter(Boolean);
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
			headers: { accept: 'text/html,*/*;q=0.8', cookie: [...this.cookies].map(([k, v]) => `${k}=${v}`).join('; '), ...headers },
		});
		for (const line of setCookies(answer.headers)) {
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

	// The form token of this session; before signing in only a page with a form has one.
	async token() {
		return (await this.json('/login')).json.csrf ?? forms((await this.get('/login')).text).flatMap((f) => f.fields).find(([name]) => name === 'csrf')[1];
	}

	// Posts fields (object or array of pairs); a Blob value makes it multipart. Without a field csrf
	// a fresh token is taken; csrf: null sends none.
	async post(path, fields = {}, options = {}) {
		const pairs = Array.isArray(fields) ? [...fields] : Object.entries(fields);
		if (!pairs.some(([name]) => name === 'csrf')) pairs.push(['csrf', await this.token()]);
		const multipart = options.multipart || pairs.some(([, value]) => value instanceof Blob);
		const body = multipart ? new FormData() : new URLSearchParams();
		for (const [name, value] of pairs) {
			if (value === null || value === undefined) continue;
			if (value instanceof Blob) body.append(name, value, value.name ?? 'file');
			else body.append(name, value);
		}
		return this.request('POST', path, { ...options, body });
	}

	// Sends JSON as a program would, with the session's form token.
	async postJson(path, body, options = {}) {
		const headers = { accept: 'application/json', 'content-type': 'application/json', ...options.headers };
		if (!headers.authorization && (this.cookies.has('session') || this.cookies.has('__Host-session'))) headers['x-csrf-token'] ??= await this.token();
		return this.request('POST', path, { follow: false, ...options, body: JSON.stringify(body), headers });
	}

	// Fills in the page's form whose action contains `action`, and sends it as a browser would.
	// values: what the person changes; undefined leaves a field out; a date fills its parts.
	async submit(page, action, given = {}, options = {}) {
		const form = forms(page.text).find((f) => f.method === 'post' && f.action.includes(action));
		if (!form) throw new Error(`no form ${action} on ${page.url} (${page.status}): ${forms(page.text).map((f) => f.action)}`);
		const values = Object.fromEntries(Object.entries(given).flatMap(([name, value]) => !form.names.has(name) && form.names.has(`${name}.year`)
			? ['era', 'year', 'month', 'day'].map((part, i) => [`${name}.${part}`, ['', ...value.split('-')][i]]) : [[name, value]]));
		const names = Object.keys(values);
		const pairs = form.fields.filter(([name]) => !names.includes(name));
		for (const [name, value] of Object.entries(values)) {
			if (!options.loose && !form.names.has(name)) throw new Error(`no field ${name} on ${page.url}: ${[...form.names]}`);
			for (const one of Array.isArray(value) ? value : [value]) if (one !== undefined) pairs.push([name, one]);
		}
		return this.post(form.action || page.url, pairs, { multipart: form.multipart, ...options });
	}

	async login(login, password = 'machi-demo-2026') {
		const page = await this.submit(await this.get('/login'), '/login', { login, password }, { follow: false });
		if (page.status !== 303) throw new Error(`sign-in of ${login}: ${page.status} ${page.text.slice(0, 2000)}`);
		return this;
	}
}

const entities = { amp: '&', lt: '<', gt: '>', quot: '"', '#39': "'", '#x27': "'", '#x2F': '/' };
const plain = (text) => text.replace(/&(#?\w+);/g, (all, name) => entities[name] ?? (name[0] === '#' ? String.fromCodePoint(Number(name.slice(1).replace(/^x/i, '0x'))) : all));

function attributes(tag) {
	return Object.fromEntries([...tag.matchAll(/([\w:-]+)(?:="([^"]*)")?/g)].map(([, name, value]) => [name, plain(value ?? '')]));
}

// The forms of an HTML page as a browser would send them untouched.
export function forms(html) {
	return [...html.matchAll(/<form\b([^>]*)>([\s\S]*?)<\/form>/g)].map(([, head, inside]) => {
		const form = attributes(head), fields = [], names = new Set();
		for (const [, tag, rest, body] of inside.matchAll(/<(textarea|select)\b([^>]*)>([\s\S]*?)<\/\1>/g)) {
			const a = attributes(rest);
			if (!a.name) continue;
			names.add(a.name);
			if (tag === 'textarea') fields.push([a.name, plain(body ?? '').replace(/^\n/, '')]);
			else {
				const options = [...(body ?? '').matchAll(/<option\b([^>]*)>([^<]*)/g)].map(([, o, label]) => ({ ...attributes(o), label: plain(label) }));
				const chosen = options.find((o) => 'selected' in o) ?? options[0];
				if (chosen) fields.push([a.name, chosen.value ?? chosen.label]);
			}
		}
		for (const [, rest] of inside.matchAll(/<input\b([^>]*)>/g)) {
			const a = attributes(rest);
			if (!a.name || 'disabled' in a) continue;
			names.add(a.name);
			if (/^(submit|button|file|image)$/.test(a.type ?? '')) continue;
			if (/^(radio|checkbox)$/.test(a.type ?? '') && !('checked' in a)) continue;
			fields.push([a.name, a.value ?? (/^(radio|checkbox)$/.test(a.type ?? '') ? 'on' : '')]);
		}
		for (const [, rest] of inside.matchAll(/<button\b([^>]*)>/g)) {
			const a = attributes(rest);
			if (a.name) names.add(a.name);
		}
		return { action: form.action ?? '', method: (form.method ?? 'get').toLowerCase(), multipart: form.enctype === 'multipart/form-data', fields, names };
	});
}

// Text of a page without its tags.
export const words = (html) => plain(html.replace(/<(script|style)[\s\S]*?<\/\1>/g, ' ').replace(/<[^>]+>/g, ' ')).replace(/\s+/g, ' ');
