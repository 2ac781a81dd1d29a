// The server's own defences, for people's browsers and for programs: headers, cookies, limits, and what a hostile
// address or field may not do. Addresses and fields are read from the routing tables, so a new page is tried by itself.
import test from 'node:test';
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import https from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { City, words } from '../lib/city.mjs';
import { serverCertificate } from '../lib/card.mjs';
import { dog, idOf, owner, photo, place } from '../lib/dog.mjs';

process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0'; // the city's own certificate
const dir = mkdtempSync(join(tmpdir(), 'machi-defence-')), { cert, key } = serverCertificate(dir);
// One token in twenty seconds for what changes something: whoever spends theirs waits for the rest of the test.
const city = await City.start({ tls: true, init: ['--demo-size', '5'], settings: ['--tls-cert', cert, '--tls-key', key] });
const limited = await City.start({ init: ['--demo-size', '5'], settings: ['--rate-limit', '1', '--upload-application', '2000', '--upload-day', '3000'] });
test.after(async () => {
	await city.stop();
	await limited.stop();
	rmSync(dir, { recursive: true, force: true });
});
const { paths } = (await city.client().json('/api/openapi.json')).json;
const addresses = (method) => Object.entries(paths).filter(([, operations]) => operations[method]);
const people = [city.client(), await city.as('resident1@example.jp'), await city.as('admin')];
const whose = (path) => people[path.startsWith('/staff') ? 2 : 1];

test('pages, JSON, refusals and files say how a browser shall treat them', async () => {
	const resident = people[1];
	for (const [client, path, status, options] of [[people[0], '/', 200], [resident, '/my', 200], [resident, '/nothing', 404], [people[0], '/assets/machi.css', 200],
		[people[0], '/staff/users', 401, { headers: { accept: 'application/json' } }], [resident, '/my', 200, { headers: { accept: 'application/json' } }]]) {
		const { headers, status: got } = await client.get(path, { follow: false, ...options });
		assert.equal(got, status, path);
		assert.equal(headers.get('x-content-type-options'), 'nosniff', path);
		assert.equal(headers.get('referrer-policy'), 'same-origin', path);
		assert.equal(headers.get('cross-origin-resource-policy'), 'same-origin', path);
		assert.match(headers.get('strict-transport-security'), /max-age=31536000/, path);
		assert.equal(headers.get('server'), null, path);
		if (!/text\/html/.test(headers.get('content-type'))) continue;
		const policy = headers.get('content-security-policy');
		assert.match(policy, /default-src 'self'.*object-src 'none'.*base-uri 'none'.*form-action 'self'.*frame-ancestors 'none'/, path);
		assert.doesNotMatch(policy, /unsafe|\*/, path);
		assert.equal(headers.get('cross-origin-opener-policy'), 'same-origin', path);
		assert.match(headers.get('permissions-policy'), /geolocation=\(\)/, path);
	}
	assert.equal((await resident.get('/my')).headers.get('cache-control'), 'private, no-store');
});

test('under TLS every cookie is for this host alone, unseen by scripts, and not sent by other sites', async () => {
	const client = city.client(), set = [];
	const seen = (page) => set.push(...[page.headers.get('set-cookie') ?? ''].join().split(/, (?=[^;,]+=)/).filter(Boolean));
	seen(await client.get('/?lang=ja'));
	const form = await client.get('/login');
	seen(form);
	seen(await client.submit(form, '/login', { login: 'resident1@example.jp', password: 'machi-demo-2026' }, { follow: false }));
	const names = set.map((line) => line.split('=')[0]);
	for (const name of ['__Host-lang', '__Host-csrf', '__Host-session', '__Host-device']) assert.ok(names.includes(name), `${name}: ${names}`);
	for (const line of set) assert.match(line, /^__Host-[a-z-]+=[^;]*; Path=\/; Max-Age=\d+; HttpOnly; SameSite=Lax; Secure$/);
	assert.equal((await client.get('/my', { follow: false })).status, 200);
	// What a neighbour under the same domain can plant (it cannot set __Host-) is not looked at.
	const planted = city.client();
	planted.cookies.set('session', client.cookies.get('__Host-session'));
	assert.equal((await planted.get('/my', { follow: false })).status, 303);
});

test('TLS 1.2 and 1.3 with forward secrecy and authenticated encryption, nothing older', async () => {
	const hello = (options) => new Promise((done) => {
		https.get(`${city.url}/healthz`, { rejectUnauthorized: false, agent: false, ...options }, (answer) => {
			done(`${answer.socket.getProtocol()} ${answer.socket.getCipher().name}`);
			answer.resume();
		}).on('error', () => done('refused'));
	});
	assert.match(await hello({}), /^TLSv1\.3 /);
	assert.match(await hello({ maxVersion: 'TLSv1.2' }), /^TLSv1\.2 ECDHE-.*(GCM|CHACHA20)/);
	for (const options of [{ minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' }, { maxVersion: 'TLSv1.2', ciphers: 'AES128-GCM-SHA256' },
		{ maxVersion: 'TLSv1.2', ciphers: 'ECDHE-ECDSA-AES128-SHA' }]) assert.equal(await hello(options), 'refused', JSON.stringify(options));
});

// What stands in a hole or a field. The last one is what an answer's header would take apart.
const hostile = ['../../../../etc/passwd', '..%2f..%2f..%2fetc%2fpasswd', '%2e%2e/%2e%2e/etc/passwd', '..\\..\\etc\\passwd', '/etc/passwd', '....//etc/passwd',
	'%252e%252e%252fetc%252fpasswd', '\0', '%c0%ae%c0%ae/', '-1', '99999999999999999999', 'x\r\nX-Injected: 1\r\n\r\n<b>'];
function harmless(answer, what) {
	assert.ok(answer.status < 500, `${what}: ${answer.status} ${answer.text.slice(0, 300)}`);
	assert.equal(answer.headers.get('x-injected'), null, what);
	assert.doesNotMatch(answer.text, /root:[^\n]*:0:0:/, what);
	if (answer.location) assert.match(answer.location, /^\/(?![/\\])/, `${what} leads to ${answer.location}`);
}

test('no hole of an address leads out of its place, or into the answer\'s header', async () => {
	let tried = 0;
	for (const [path] of addresses('get').filter(([name]) => name.includes('{'))) for (const value of hostile) {
		const plain = value.includes('%') ? value : encodeURIComponent(value);
		const answer = await whose(path).get(path.replace(/\{[^}]+\}/g, plain), { follow: false });
		harmless(answer, `${path} ${JSON.stringify(value)}`);
		tried++;
	}
	assert.ok(tried > 400, `${tried}`);
});

test('no field of a query does either, and none leads to another site', async () => {
	const away = ['https://evil.example/', '//evil.example/', '/\\evil.example/', '\\/evil.example', '/%09/evil.example', 'javascript:alert(1)', 'https:evil.example'];
	let tried = 0;
	for (const [path, { get }] of addresses('get').filter(([name]) => !name.includes('{'))) {
		const names = [...new Set(['next', 'url', 'redirect', 'format', ...(get.parameters ?? []).map((p) => p.name)])];
		for (const value of [...hostile, ...away]) {
			harmless(await whose(path).get(`${path}?${new URLSearchParams(names.map((name) => [name, value]))}`, { follow: false }), `${path} ${JSON.stringify(value)}`);
			tried++;
		}
	}
	assert.ok(tried > 500, `${tried}`);
});

test('writing has a limit for each account, wherever it comes from, and nobody else waits', async () => {
	const [one, other] = [await limited.as('resident1@example.jp'), await limited.as('resident2@example.jp')];
	const write = (client) => client.postJson('/my/readings/ask', { text: '' }, { headers: { 'x-csrf-token': client.form } });
	for (const client of [one, other]) client.form = await client.token();
	const answers = [];
	for (let i = 0; i < 155; i++) answers.push(await write(one));
	const refused = answers.filter((a) => a.status === 429);
	assert.ok(refused.length >= 1 && answers.slice(0, 100).every((a) => a.status === 422), `${answers.map((a) => a.status)}`);
	assert.ok(Number(refused[0].headers.get('retry-after')) >= 1);
	assert.equal(refused[0].json.status, 429);
	assert.equal((await write(other)).status, 422, 'another account at the same address');
	assert.equal((await one.get('/my')).status, 200, 'reading goes on');
});

test('exports have a narrower one', async () => {
	const head = await limited.as('division1');
	const answers = [];
	for (let i = 0; i < 33; i++) answers.push((await head.get('/staff/export.csv?from=2000-01-01&until=2000-01-02')).status);
	assert.ok(answers.slice(0, 25).every((status) => status === 200) && answers.at(-1) === 429, `${answers}`);
});

test('files have a limit for each application and for each resident a day, said where they were added', async () => {
	const resident = await limited.as('resident3@example.jp'); // a photo is 931 bytes
	const draft = async () => {
		let page = await resident.submit(await resident.get('/procedures/dog-registration'), '/apply');
		page = await resident.submit(page, '/steps/1', owner);
		page = await resident.submit(page, '/steps/2', dog);
		return resident.submit(page, '/steps/3', place);
	};
	let page = await draft();
	const full = await resident.submit(page, '/steps/4', { 'attachments.photo': [1, 2, 3].map((n) => photo(`${n}.png`)) });
	assert.equal(full.status, 422);
	assert.match(words(full.text), /「3\.png」は受け取れません。1つの申請に付けられるファイルの合計をこえます/);
	assert.match(full.text, /2\.png/, 'what fitted is kept');
	assert.equal((await resident.json(`/applications/${idOf(page.url)}/steps/4`)).status, 200);
	// Taking them away makes room in the application, not in the day.
	page = await draft();
	page = await resident.submit(page, '/steps/4', { 'attachments.photo': photo('4.png') });
	assert.match(page.url, /confirm/);
	page = await draft();
	const over = await resident.submit(page, '/steps/4', { 'attachments.photo': photo('5.png') });
	assert.equal(over.status, 422);
	assert.match(words(over.text), /「5\.png」は、今日はもう受け取れません/);
	const english = limited.client({ lang: 'en' });
	english.cookies = resident.cookies;
	assert.match(words((await english.submit(await english.get(page.url), '/steps/4', { 'attachments.photo': photo('5.png') })).text), /cannot be taken any more today/);
	// Tomorrow they are taken again.
	limited.sql('UPDATE upload_day SET day = \'2020-01-01\'');
	assert.match((await resident.submit(page, '/steps/4', { 'attachments.photo': photo('5.png') })).url, /confirm/);
});
