// Programs and operators: the interface that is every page, backup, reload, stopping, and being killed.
import test from 'node:test';
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { connect } from 'node:tls';
import { City, freePort, machi, newDatabase, root, storeKind, until } from '../lib/city.mjs';
import { certificate } from '../lib/mailbox.mjs';
import { applyByJson, dog, idOf, nested, owner, place } from '../lib/dog.mjs';

const city = await City.start();
test.after(() => city.stop());

test('openapi.json lists every route, and each can be asked for', async () => {
	const anybody = city.client();
	const api = (await anybody.json('/api/openapi.json')).json;
	assert.match(api.openapi, /^3\.1/);
	const pay = api.paths['/staff/applications/{id}/payment'].post;
	assert.deepEqual(pay.requestBody.content['application/json'].schema.required, ['yen', 'method']);
	assert.ok(pay['x-moves'].some((m) => m.verb === 'pay' && m.from === 'payment' && m.to === 'granted' && m.who === 'cashier'));
	assert.match(api.paths['/applications/{id}/correct'].post.description, /null takes a value away/);
	const paths = Object.keys(api.paths);
	for (const path of ['/', '/procedures', '/procedures/{id}/apply', '/applications/{id}/steps/{step}', '/staff/applications/{id}/accept', '/verify/{code}', '/journal/inclusion', '/my'])
		assert.ok(paths.includes(path), path);
	// No route answers with an error of the server, whoever asks.
	for (const login of [null, 'resident1@example.jp', 'clerk1-1', 'operator', 'admin']) {
		const client = login ? await city.as(login) : anybody;
		for (const path of paths.filter((p) => api.paths[p].get)) {
			const page = await client.json(path.replace(/\{(\w+)\*?\}/g, (all, name) => (name === 'id' && path.startsWith('/procedures') ? 'dog-registration' : '1')), { follow: false });
			assert.ok(page.status < 500, `${login} ${path}: ${page.status} ${page.text.slice(0, 200)}`);
		}
	}
	for (const [path, item] of Object.entries(api.paths)) for (const [method, operation] of Object.entries(item)) if (/^(get|post|put|delete)$/.test(method)) assert.ok(operation.summary || operation.description, `${method} ${path}`);
});

test('conditional requests, compression and the security headers', async () => {
	const anybody = city.client();
	const page = await anybody.get('/procedures');
	const etag = page.headers.get('etag');
	assert.ok(etag);
	const again = await anybody.get('/procedures', { headers: { 'if-none-match': etag } });
	assert.equal(again.status, 304);
	assert.equal(again.bytes.length, 0);
	assert.equal((await anybody.get('/en/procedures', { headers: { 'if-none-match': etag } })).status, 200);
	const packed = await anybody.get('/', { headers: { 'accept-encoding': 'gzip' } });
	assert.equal(packed.headers.get('content-encoding'), 'gzip');
	assert.match(page.headers.get('content-security-policy'), /default-src 'none'|default-src 'self'/);
	assert.doesNotMatch(page.headers.get('content-security-policy'), /unsafe/);
	assert.equal(page.headers.get('x-content-type-options'), 'nosniff');
	const own = await (await city.as('resident1@example.jp')).get('/my');
	assert.match(own.headers.get('cache-control'), /no-store|private/);
	assert.equal((await anybody.request('PUT', '/procedures')).status, 405);
});

test('problems are documents that a program can read', async () => {
	const resident = await city.as('resident1@example.jp');
	const begun = await resident.postJson('/procedures/dog-registration/apply', {});
	const id = idOf(begun.location);
	const answer = await resident.postJson(`/applications/${id}/steps/2`, nested({ ...dog, 'dog.breed': '' }));
	assert.equal(answer.status, 422);
	assert.equal(answer.headers.get('content-type'), 'application/problem+json');
	const { type, title, status, errors } = answer.json;
	assert.match(type, /^urn:/);
	assert.ok(title);
	assert.equal(status, 422);
	assert.deepEqual(errors.map((e) => e.field), ['dog.breed']);
	assert.ok(errors[0].detail);
	const denied = await resident.json('/staff/jobs');
	assert.equal(denied.status, 403);
	assert.equal(denied.headers.get('content-type'), 'application/problem+json');
	assert.equal((await city.client().json('/my')).status, 401);
});

test('a backup taken while it runs, restored, is the same city', async () => {
	const resident = await city.as('resident5@example.jp');
	const { id, receipt } = await applyByJson(resident);
	// What makes the city what it is stands beside its store.
	const beside = { 'custom/roles.yaml': 'roles:\n  - name: reader\n    title: {ja: 閲覧, en: Reader}\n    permissions: [application.read]\n',
		'custom/packs/deep/er/note.txt': 'x', 'trust/note.txt': 'y', 'custom/.hidden': 'z' };
	for (const [name, text] of Object.entries(beside)) {
		mkdirSync(dirname(join(city.dir, 'demo', name)), { recursive: true });
		writeFileSync(join(city.dir, 'demo', name), text);
	}
	const target = join(city.dir, 'backup'), other = city.restored(target);
	test.after(() => other.process?.kill('SIGKILL'));
	// Only an empty store is filled.
	assert.throws(() => other.cli('restore', target), /store|tables already/);
	// Its settings are those of the city, but for the store.
	const settings = (where) => readFileSync(join(where, 'demo', 'city.yaml'), 'utf8').split('\n').filter(Boolean);
	assert.deepEqual(settings(other.dir), [...settings(city.dir).filter((line) => !line.startsWith('store:')), `store: "${other.env.MACHI_STORE}"`]);
	for (const [name, text] of Object.entries(beside)) {
		const there = join(other.dir, 'demo', name);
		if (name.includes('.hidden')) assert.ok(!existsSync(there));
		else assert.equal(readFileSync(there, 'utf8'), text);
	}
	assert.match(other.cli('check', '--city', 'demo'), /^0 problems/m);
	assert.match(other.cli('verify'), /^problems: 0$/m);
	if (storeKind === 'sqlite') { // a file that was changed is named
		const blobs = join(other.dir, 'demo', 'blobs');
		const [file] = readdirSync(blobs).flatMap((two) => (/^[0-9a-f]{2}$/.test(two) ? readdirSync(join(blobs, two)).map((rest) => join(blobs, two, rest)) : []));
		const bytes = readFileSync(file);
		writeFileSync(file, Buffer.concat([bytes, Buffer.from('x')]));
		assert.throws(() => other.cli('verify'), (e) => e.status === 3 && /^problems: 1\nfirst damage: attachment [0-9a-f]+… of \S+ was changed$/m.test(e.stdout));
		writeFileSync(file, bytes);
	}
	await other.serve();
	const again = await other.client().login('resident5@example.jp');
	assert.equal((await again.json(`/applications/${id}`)).json.application.number, receipt);
	await other.stop();
});

test('a backup that names no city, another name, and settings that are there', () => {
	const target = join(city.dir, 'backup'), dir = mkdtempSync(join(tmpdir(), 'machi-restored-'));
	test.after(() => rmSync(dir, { recursive: true }));
	const other = Object.assign(new City(), { dir, env: { ...city.env } });
	other.env.MACHI_STORE = storeKind === 'postgres' ? newDatabase() : 'sqlite:store.db';
	const manifest = join(target, 'manifest.json'), text = readFileSync(manifest, 'utf8');
	writeFileSync(manifest, JSON.stringify({ ...JSON.parse(text), city: undefined }));
	assert.throws(() => other.cli('restore', target), /does not say of which city it is; say --city/);
	writeFileSync(manifest, JSON.stringify({ ...JSON.parse(text), city: '../demo' }));
	assert.throws(() => other.cli('restore', target), /--city takes small letters/);
	writeFileSync(manifest, text);
	assert.deepEqual(readdirSync(dir), []);
	// The store of the city's own settings is filled, and they stay as they are.
	mkdirSync(join(dir, 'north'));
	const settings = `name: {ja: 北市, en: North}\nstore: "${other.env.MACHI_STORE.replace('store.db', 'north.db')}"\n`;
	writeFileSync(join(dir, 'north', 'city.yaml'), settings);
	delete other.env.MACHI_STORE;
	assert.match(other.cli('restore', '--city', 'north', target), /master key [0-9a-f]{16}, which was at file:keys\/master\.key/);
	assert.deepEqual(readdirSync(join(dir, 'north', 'keys')).filter((name) => name.startsWith('master')), [], 'a backup holds no master key');
	assert.throws(() => other.cli('verify', '--city', 'north'), /master key [0-9a-f]{16} is not at hand/);
	city.giveMaster(other, 'north');
	assert.equal(readFileSync(join(dir, 'north', 'city.yaml'), 'utf8'), settings);
	assert.equal(readdirSync(join(dir, 'north')).includes('north.db'), storeKind === 'sqlite');
	assert.match(other.cli('verify', '--city', 'north'), /^problems: 0$/m);
});

test('a wrong setting is told with its place, and nothing starts', () => {
	const run = (...words) => spawnSync(machi, [...words, '--data', city.dir], { env: city.env, encoding: 'utf8' });
	for (const [flag, value] of [['--port', 'http'], ['--port', '99999'], ['--timeout', '-1'], ['--job-threads', '99999999999']]) {
		const { status, stderr } = run('serve', flag, value);
		assert.equal(status, 2);
		assert.match(stderr, new RegExp(`${flag}: a number from 0 to \\d+ is wanted, not "${value}"`));
	}
	const settings = join(city.dir, 'demo', 'city.yaml'), text = readFileSync(settings, 'utf8');
	writeFileSync(settings, `${text}second-factor:\n  staff: requird\n`);
	const { status, stderr } = run('serve');
	writeFileSync(settings, text);
	assert.equal(status, 1);
	assert.match(stderr, /city\.yaml:\d+: second-factor\.staff: required\|optional is wanted, not "requird"/);
});

test('the journal is named after the address, once', async () => {
	const dir = mkdtempSync(join(tmpdir(), 'machi-named-'));
	const other = Object.assign(new City(), { dir, env: { ...city.env, MACHI_STORE: storeKind === 'postgres' ? newDatabase() : 'sqlite:store.db' }, settings: [] });
	test.after(() => other.process?.kill('SIGKILL'));
	for (const url of ['city.example', 'ftp://city.example', 'https://', 'https://city example'])
		assert.throws(() => other.cli('init', '--base-url', url), /--base-url is the address that people use/);
	other.cli('init', '--base-url', 'https://www.city.example/');
	const shown = other.cli('check', '--city', 'city');
	assert.match(shown, /^base-url: https:\/\/www\.city\.example$/m);
	assert.match(shown, /^journal: www\.city\.example\/journal$/m);
	await other.serve();
	assert.match((await other.client().get('/journal/checkpoint')).text, /^www\.city\.example\/journal\n/);
	await other.stop();
	assert.match(city.cli('check', '--city', 'demo'), /^base-url: not set.*\njournal: named after its key/m);
});

test('a definition that is changed while it runs: a broken one is refused, running applications keep theirs', async () => {
	const resident = await city.as('resident6@example.jp');
	const begun = await resident.postJson('/procedures/dog-registration/apply', {});
	const id = idOf(begun.location);
	const folder = join(city.dir, 'demo', 'custom', 'packs', 'resident', 'procedures'), file = join(folder, 'dog-registration.yaml');
	const source = readFileSync(join(root, 'packs/resident/procedures/dog-registration.yaml'), 'utf8');
	mkdirSync(folder, { recursive: true });
	const title = async () => (await city.client().json('/procedures/dog-registration')).json.title;
	writeFileSync(file, source.replace('title: {ja: 犬の登録', 'title: {ja: [犬の'));
	city.process.kill('SIGHUP');
	await until(() => /city\.reload/.test(city.log()), 'the refusal');
	assert.equal(await title(), '犬の登録');
	assert.match(city.log(), /dog-registration\.yaml/);
	const before = city.log().length;
	writeFileSync(file, source.replace('title: {ja: 犬の登録', 'title: {ja: 飼い犬の登録').replace('amount: 3000', 'amount: 4500')
		.replace('      - id: breed\n', '      - {id: weight, type: number, label: {ja: 体重, en: Weight}, required: true}\n      - id: breed\n'));
	city.process.kill('SIGHUP');
	await until(() => /city\.reload/.test(city.log().slice(before)), 'the reload');
	assert.equal(await title(), '飼い犬の登録');
	// The old draft goes on as it was begun.
	for (const [step, answers] of [[1, owner], [2, dog], [3, place]]) {
		const answer = await resident.postJson(`/applications/${id}/steps/${step}`, nested(answers));
		assert.ok(answer.status < 300, answer.text);
	}
	const sent = await resident.postJson(`/applications/${id}/submit`, {});
	assert.ok(sent.status < 300, sent.text);
	assert.equal((await resident.json(`/applications/${id}`)).json.application.fee.yen, 3000);
	// A new one is asked for more.
	const fresh = idOf((await resident.postJson('/procedures/dog-registration/apply', {})).location);
	const answer = await resident.postJson(`/applications/${fresh}/steps/2`, nested(dog));
	assert.deepEqual(answer.json.errors.map((e) => e.field), ['dog.weight']);
	rmSync(folder, { recursive: true });
	city.process.kill('SIGHUP');
	await until(async () => await title() === '犬の登録', 'the built-in one');
});

test('a renewed TLS certificate counts on SIGHUP, a broken one never', async () => {
	const port = await freePort(), first = certificate('city.example'), second = certificate('city.example');
	const met = () => new Promise((done) => {
		const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false }, () => {
			const pem = socket.getPeerCertificate().raw.toString('base64');
			socket.destroy();
			done(pem);
		}).on('error', () => done(null));
	});
	const raw = (pair) => pair.cert.toString().replace(/-----[^-]*-----|\s/g, '');
	await city.kill();
	const server = spawn(machi, ['serve', '--data', city.dir, '--port', String(port), '--tls-cert', first.file, '--tls-key', first.keyFile],
		{ env: city.env, stdio: ['ignore', 'ignore', 'pipe'] });
	let log = '';
	server.stderr.on('data', (text) => { log += text; });
	try {
		await until(async () => await met() === raw(first), 'the first certificate');
		writeFileSync(first.file, second.cert); // its key is not there yet
		server.kill('SIGHUP');
		await until(() => /web\.reload.*cert\.pem/.test(log), 'the refusal');
		assert.equal(await met(), raw(first));
		writeFileSync(first.keyFile, second.key);
		server.kill('SIGHUP');
		await until(async () => await met() === raw(second), 'the second certificate');
	} finally {
		const ended = new Promise((done) => server.on('exit', done));
		server.kill('SIGTERM');
		assert.equal(await ended, 0);
		first.remove();
		second.remove();
		await city.serve();
		city.people.clear(); // they know the old port
	}
});

test('a second server of the same city', async () => {
	const second = Object.assign(new City(), { dir: city.dir, env: city.env, settings: [] });
	test.after(() => second.process?.kill('SIGKILL'));
	if (storeKind === 'postgres') {
		const resident = await city.as('resident5@example.jp');
		const { id, receipt } = await applyByJson(resident);
		await second.serve();
		const there = await second.client().login('resident5@example.jp');
		assert.equal((await there.json(`/applications/${id}`)).json.application.number, receipt);
		await second.kill();
	} else {
		await assert.rejects(second.serve(), new RegExp(`another process \\(${city.process.pid}\\) serves this store`));
	}
	assert.equal((await city.client().get('/healthz')).status, 200);
});

test('SIGTERM finishes what is in flight', async () => {
	const resident = await city.as('resident7@example.jp');
	const pending = Array.from({ length: 8 }, () => resident.postJson('/procedures/dog-registration/apply', {}).catch((e) => e));
	await new Promise((done) => setTimeout(done, 60));
	const code = await city.kill('SIGTERM');
	assert.equal(code, 0);
	for (const answer of await Promise.all(pending)) {
		// Taken and answered whole, or not taken at all: refused, or 503 on a kept connection.
		if (answer instanceof Error) assert.match(String(answer.cause?.code ?? answer.cause ?? answer), /ECONNREFUSED|ECONNRESET|closed|UND_ERR_SOCKET/);
		else assert.ok(answer.status < 300 || answer.status === 503, `${answer.status}`);
	}
	assert.match(city.cli('verify'), /^problems: 0$/m);
	city.code = undefined;
	await city.serve();
	city.people.clear();
});

test('killed in the middle of load, several times: every acknowledged submission is there', { timeout: 120000 }, async () => {
	const acknowledged = [];
	for (let round = 0; round < 4; round++) {
		city.people?.clear();
		const people = await Promise.all(['resident8', 'resident9', 'resident10', 'resident11'].map((who) => city.client().login(`${who}@example.jp`)));
		let going = true;
		const load = people.map(async (client, i) => {
			while (going) {
				try {
					const { id, receipt } = await applyByJson(client);
					acknowledged.push([i, id, receipt]);
				} catch (e) {
					if (going) throw e;
				}
			}
		});
		await new Promise((done) => setTimeout(done, 900 + 300 * round));
		going = false;
		assert.equal(await city.kill('SIGKILL'), 'SIGKILL');
		await Promise.all(load);
		city.code = undefined;
		await city.serve();
	}
	assert.ok(acknowledged.length >= 4, `${acknowledged.length} in all`);
	const people = await Promise.all(['resident8', 'resident9', 'resident10', 'resident11'].map((who) => city.client().login(`${who}@example.jp`)));
	for (const [i, id, receipt] of acknowledged) {
		const { application } = (await people[i].json(`/applications/${id}`)).json;
		assert.equal(application.number, receipt);
		assert.equal(application.state, 'submitted');
	}
	assert.equal(new Set(acknowledged.map(([, , receipt]) => receipt)).size, acknowledged.length);
	assert.match(city.cli('verify'), /^problems: 0$/m);
});
