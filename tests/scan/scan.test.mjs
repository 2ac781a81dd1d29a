// The running server as two well-known scanners see it: testssl.sh on both TLS listeners, wapiti as a resident and as a
// member of staff. A finding that explained.json does not explain fails, and so does an explanation that nothing needs.
// Slow (about ten minutes): ./test scan, make scan. MACHI_SCAN_KEEP names a folder for the scanners' reports.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { City, freePort } from '../lib/city.mjs';
import { CardAuthority, serverCertificate } from '../lib/card.mjs';
import { applyByJson, office } from '../lib/dog.mjs';

process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0'; // the scan's own certificate
const explained = JSON.parse(readFileSync(new URL('explained.json', import.meta.url)));
const seconds = { crawl: 90, attack: 15 }; // of one person, of one kind of attack
// Not: brute_login_form and buster guess words (sign-in.test.mjs has the waits), nikto and wapp fetch lists from the network.
const attacks = 'backup,blindsql,cookieflags,crlf,csp,csrf,exec,file,htaccess,http_headers,methods,permanentxss,redirect,shellshock,sql,ssrf,xss,xxe';

let work, city, ca, cardUrl, application, bait;
const taken = []; // what came to the bait: an address that the city must not fetch from
const needed = new Set();

before(async () => {
	work = process.env.MACHI_SCAN_KEEP ?? mkdtempSync(join(tmpdir(), 'machi-scan-'));
	mkdirSync(work, { recursive: true });
	const { cert, key } = serverCertificate(work), port = await freePort();
	cardUrl = `https://127.0.0.1:${port}`;
	bait = createServer((request, answer) => {
		if (!request.url.startsWith('/get_')) taken.push(request.url);
		answer.end('{}');
	}).listen(0, '127.0.0.1');
	ca = await CardAuthority.start();
	city = await City.start({
		tls: true, init: ['--demo-size', '5'], env: { MACHI_CARD_SIMULATOR: 'true' },
		settings: ['--tls-cert', cert, '--tls-key', key, '--card-port', String(port), '--card-url', cardUrl],
	});
	ca.run('trust', join(city.dir, 'demo'));
	await city.kill();
	await city.serve();
	({ id: application } = await applyByJson(await city.as('resident1@example.jp')));
});
after(async () => {
	await city?.stop();
	ca?.stop();
	bait?.close();
	if (!process.env.MACHI_SCAN_KEEP) rmSync(work, { recursive: true, force: true });
});

function run(program, words, name) {
	return new Promise((done) => {
		const log = [];
		const child = spawn(program, words, { cwd: work, env: city.env, stdio: ['ignore', 'pipe', 'pipe'] });
		for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => log.push(data));
		child.on('exit', () => {
			writeFileSync(join(work, `${name}.log`), Buffer.concat(log));
			done(Buffer.concat(log).toString());
		});
	});
}

// What is neither explained nor harmless; remembers which explanations were needed.
function unexplained(tool, findings) {
	return findings.filter(({ id, text }) => {
		const known = explained.find((e) => e.tool === tool && e.id === id && new RegExp(e.text ?? '').test(text));
		if (known) needed.add(known);
		return !known;
	});
}

async function testssl(name, url) {
	const report = join(work, `testssl-${name}.json`);
	rmSync(report, { force: true });
	const log = await run('testssl', ['--quiet', '--color', '0', '--warnings', 'off', '--nodns', 'none', '--add-ca', join(work, 'authority.crt'),
		...['-p', '-s', '-f', '-P', '-S', '-h', '-U'], '-oj', report, url], `testssl-${name}`);
	const all = JSON.parse(readFileSync(report));
	assert.ok(all.some((f) => f.id === 'TLS1_3' && f.severity === 'OK') && all.some((f) => f.id === 'ROBOT'), `testssl did not come to its end: ${log.slice(-2000)}`);
	return unexplained('testssl', all.filter((f) => !['OK', 'INFO'].includes(f.severity)).map((f) => ({ id: f.id, text: `${f.severity} ${f.finding}` })));
}

test('testssl.sh finds nothing that is not explained, on the city\'s listener and on the cards\'', { timeout: 1800e3 }, async () => {
	const found = await Promise.all([testssl('city', `${city.url}/login`), testssl('card', `${cardUrl}/`)]);
	assert.deepEqual(found, [[], []]);
});

// Every address of the API's description that can be read without more than the holes' values.
async function addresses(client, values) {
	const { paths } = (await client.json('/api/openapi.json')).json;
	return Object.entries(paths).filter(([, methods]) => methods.get)
		.map(([path]) => path.replace(/\{(\w+)\}/g, (hole, name) => values[name] ?? hole)).filter((path) => !path.includes('{'));
}

async function wapiti(name, client, values) {
	const report = join(work, `wapiti-${name}.json`), store = join(work, `wapiti-${name}`);
	rmSync(report, { force: true });
	rmSync(store, { recursive: true, force: true });
	const pages = await addresses(client, values), cookie = [...client.cookies].map(([k, v]) => `${k}=${v}`).join('; ');
	const log = await run('/usr/bin/python3', [new URL('wapiti.py', import.meta.url).pathname, '-u', `${city.url}/`, '-H', `Cookie: ${cookie}`, '-H', 'Accept-Language: ja', '-m', attacks,
		...pages.flatMap((path) => ['-s', city.url + path]),
		// What would end the scan's own session, and the same pages in another language.
		...['/logout*', '/oidc/logout*', '/account/sessions*', '/en/*', '/assets/*'].flatMap((path) => ['-x', city.url + path]),
		'-d', '1', '--max-files-per-dir', '30', '--max-scan-time', String(seconds.crawl), '--max-attack-time', String(seconds.attack),
		'--endpoint', `http://127.0.0.1:${bait.address().port}/`, '--verify-ssl', '0', '--no-bugreport', '--store-session', store, '--flush-session', '-f', 'json', '-o', report], `wapiti-${name}`);
	const { vulnerabilities, anomalies } = JSON.parse(readFileSync(report));
	const tried = Number(/found (\d+) URLs and forms/.exec(log)?.[1] ?? 0);
	assert.ok(tried >= pages.length / 2, `${tried} of ${pages.length} addresses: ${log.slice(-2000)}`);
	assert.equal((await client.get('/account', { follow: false })).status, 200, 'still signed in at the end');
	assert.deepEqual(taken, [], 'the city fetched from where it was told');
	const found = [vulnerabilities, anomalies].flatMap((kinds) => Object.entries(kinds)).flatMap(([id, list]) =>
		list.map((f) => ({ id, text: `${f.method} ${f.path} ${f.info}` })));
	return unexplained('wapiti', found);
}

test('wapiti finds nothing that is not explained, as a resident', { timeout: 1800e3 }, async () => {
	assert.deepEqual(await wapiti('resident', await city.as('resident1@example.jp'), { id: application, procedure: 'dog-registration', step: 1 }), []);
});

test('wapiti finds nothing that is not explained, as staff', { timeout: 1800e3 }, async () => {
	const { head } = await city.office(office);
	assert.deepEqual(await wapiti('staff', await city.as(head), { id: application, procedure: 'dog-registration' }), []);
	assert.deepEqual(await wapiti('admin', await city.as('admin'), { id: 1 }), []);
});

test('each explanation is needed, and stands in docs/security.md', () => {
	assert.deepEqual(explained.filter((e) => !needed.has(e)), []);
	const page = readFileSync(new URL('../../docs/security.md', import.meta.url), 'utf8');
	for (const { id } of explained) assert.ok(page.includes(id), id);
});
