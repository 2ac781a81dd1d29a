// Commands and the server are told to end, or are killed, at any time: what they leave can be gone on with.
import test from 'node:test';
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { City, freePort, machi, newDatabase, storeKind, until } from '../lib/city.mjs';
import { unpack, versions } from '../lib/old-store.mjs';

const newStore = () => storeKind === 'postgres' ? newDatabase() : 'sqlite:store.db';

function newFolder(t, store = newStore()) {
	const dir = mkdtempSync(join(tmpdir(), 'machi-stopped-'));
	const city = Object.assign(new City(), { dir, env: { ...process.env, MACHI_STORE: store }, settings: [], storeUrl: store });
	t.after(() => {
		city.process?.kill('SIGKILL');
		rmSync(dir, { recursive: true, force: true });
	});
	return city;
}

// Runs a command, ends it by the signal when `when` is true of what it wrote to standard error, and gives its end.
async function ended(city, signal, when, ...words) {
	const p = spawn(machi, words, { env: city.env, stdio: ['ignore', 'ignore', 'pipe'] });
	let text = '', open = true;
	p.stderr.on('data', (bytes) => { text += bytes; });
	const end = new Promise((done) => p.on('exit', (code, by) => { open = false; done(code ?? by); }));
	await until(() => !open || when(text), `${words[0]}: its middle`);
	p.kill(signal);
	return { end: await end, text };
}

test('a request that does not end does not keep the server', async (t) => {
	const city = await City.start({ settings: ['--stop-timeout', '0'] });
	t.after(() => city.process.kill('SIGKILL'));
	const resident = await city.as('resident1@example.jp');
	const store = join(city.dir, 'demo/store.db');
	const lock = storeKind === 'postgres' ? spawn('psql', ['-qAt', city.storeUrl], { stdio: ['pipe', 'pipe', 'ignore'] })
		: spawn('sqlite3', [store], { stdio: ['pipe', 'pipe', 'ignore'] });
	t.after(() => lock.kill('SIGKILL'));
	const locked = new Promise((done) => lock.stdout.once('data', done));
	lock.stdin.write(storeKind === 'postgres' ? 'BEGIN; LOCK TABLE application IN ACCESS EXCLUSIVE MODE; SELECT 1;\n' : '.timeout 9000\nBEGIN IMMEDIATE;\n.shell echo 1\n');
	await locked;
	const headers = { 'x-csrf-token': await resident.token() };
	const answer = resident.postJson('/procedures/dog-registration/apply', {}, { headers }).catch((e) => e);
	// Besides the one that asks; several times, because the one before counts until its answer is taken.
	const watch = city.client();
	const inFlight = async () => Number(/^machi_http_requests_in_flight (\d+)$/m.exec((await watch.get('/metrics')).text)[1]);
	let seen = 0;
	await until(async () => (seen = await inFlight() > 1 ? seen + 1 : 0) > 3, 'the request');
	assert.equal(await city.kill('SIGTERM'), 1);
	assert.match(city.log(), /serve\.stop.*what was acknowledged is on disk/);
	assert.ok(await answer instanceof Error, 'it was not acknowledged');
	lock.kill('SIGKILL');
	city.settings = []; // it may take its time to stop now
	await city.serve();
	assert.match(city.cli('verify'), /^problems: 0$/m);
	await city.stop();
});

for (const signal of ['SIGTERM', 'SIGINT', 'SIGKILL']) test(`${signal} while the demo city is made`, async (t) => {
	const city = newFolder(t), words = ['serve', '--data', city.dir, '--port', String(await freePort()), '--demo'];
	const half = () => existsSync(join(city.dir, 'demo/city.yaml'));
	assert.equal((await ended(city, signal, half, ...words)).end, signal);
	assert.ok(half(), 'there is a half of it');
	// It is not served as if it were whole.
	await assert.rejects(city.serve(), /machi init was ended before its end/);
	if (storeKind === 'postgres') {
		// A database is nothing that machi removes.
		assert.throws(() => city.cli('init', '--demo-size', '20'), /empty its database/);
		city.env.MACHI_STORE = newStore();
		rmSync(join(city.dir, 'demo'), { recursive: true });
	}
	city.cli('init', '--demo-size', '20');
	assert.match(city.cli('verify'), /^problems: 0$/m);
	assert.throws(() => city.cli('init', '--demo-size', '20'), /is there already/);
});

test('a demo city does not go into the store of another city', async (t) => {
	const city = newFolder(t);
	city.cli('init', '--demo-size', '20');
	if (storeKind === 'sqlite') city.env.MACHI_STORE = `sqlite:${city.dir}/demo/store.db`;
	assert.throws(() => city.cli('init', '--demo-size', '20', '--city', 'other'), /has tables already/);
	await city.serve();
	await city.kill();
});

test('killed in the middle of a restore: it is no city, and what to remove is said', async (t) => {
	const city = newFolder(t), backup = join(city.dir, 'backup.tar');
	city.cli('init', '--demo-size', '300');
	city.cli('backup', backup);
	const other = newFolder(t);
	const half = () => existsSync(join(other.dir, 'demo/keys')) && readdirSync(join(other.dir, 'demo/keys')).length > 0;
	const { end } = await ended(other, 'SIGKILL', half, 'restore', '--data', other.dir, backup);
	assert.equal(end, 'SIGKILL');
	await assert.rejects(other.serve(), /no city in/);
	assert.throws(() => other.cli('restore', backup), /if a restore left them that failed, remove them first/);
	rmSync(join(other.dir, 'demo'), { recursive: true });
	if (storeKind === 'postgres') other.env.MACHI_STORE = newStore();
	other.cli('restore', backup);
	city.giveMaster(other);
	assert.match(other.cli('verify'), /^problems: 0$/m);
});

test('killed in the middle of a backup: the next one is made, whole', async (t) => {
	const city = newFolder(t), backup = join(city.dir, 'backup.tar');
	city.cli('init', '--demo-size', '300');
	const half = () => readdirSync(city.dir).some((name) => name.startsWith('backup.tar.part-'));
	for (const signal of ['SIGTERM', 'SIGKILL']) {
		assert.equal((await ended(city, signal, half, 'backup', '--data', city.dir, backup)).end, signal);
		assert.ok(!existsSync(backup));
		for (const name of readdirSync(city.dir)) if (name.startsWith('backup.tar.part-')) rmSync(join(city.dir, name));
	}
	city.cli('backup', backup);
	assert.ok(existsSync(backup));
});

for (const version of versions) test(`killed again and again while the store of schema ${version} is migrated`, async (t) => {
	const city = newFolder(t);
	unpack(version, city.dir, city.env.MACHI_STORE);
	for (let ms = 5; ; ms *= 1.5) {
		const p = spawn(machi, ['migrate', '--data', city.dir], { env: city.env, stdio: 'ignore' });
		const end = new Promise((done) => p.on('exit', (code, signal) => done(code ?? signal)));
		const timer = setTimeout(() => p.kill('SIGKILL'), ms);
		const code = await end;
		clearTimeout(timer);
		if (code === 0) break;
		assert.equal(code, 'SIGKILL');
	}
	assert.match(city.cli('verify'), /^problems: 0$/m);
});
