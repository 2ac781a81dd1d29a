// Network zones: from which addresses which functions answer, and with which factors.
import test from 'node:test';
import assert from 'node:assert/strict';
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { join } from 'node:path';
import { City } from '../lib/city.mjs';
import { office } from '../lib/dog.mjs';

const city = await City.start({ settings: ['--trusted-proxy', '127.0.0.9/32'] });
test.after(() => city.stop());
const own = await city.office(office);
const file = join(city.dir, 'demo/city.yaml'), plain = readFileSync(file, 'utf8');
const zones = `
zones:
  - name: lgwan
    title: {ja: 庁内, en: Office}
    addresses: [127.0.0.1/32, 127.0.0.2/32]
    functions: [staff, resident]
    except: [identity.manage, /staff/statistics]
  - name: number
    title: {ja: 番号系, en: Numbers}
    addresses: [127.0.0.3/32]
    functions: [staff]
    authentication: 2
  - name: internet
    title: {ja: 外, en: Outside}
    addresses: [0.0.0.0/0, "::/0"]
    functions: [resident]
`;
const check = () => {
	try { return city.cli('check', '--city', 'demo'); } catch (e) { return e.stdout; }
};
// A request with somebody's cookies from an address of this machine.
const from = async (localAddress, who, path, { headers = {}, method = 'GET' } = {}) => {
	const { cookies } = await city.as(who), at = new URL(path, city.url);
	return new Promise((done, fail) => http.request(at, { localAddress, method, headers: { accept: 'text/html', cookie: [...cookies].map(([k, v]) => `${k}=${v}`).join('; '), ...headers } }, (answer) => {
		let text = '';
		answer.on('data', (part) => { text += part; }).on('end', () => done({ status: answer.statusCode, text, location: answer.headers.location }));
	}).on('error', fail).end());
};

test('machi check names overlaps, holes and functions that there are not', () => {
	appendFileSync(file, '\nzones:\n  - name: a\n    addresses: [10.0.0.0/8]\n    functions: [staf]\n  - name: b\n    addresses: [10.1.0.0/16, nowhere]\n    functions: [staff]\n    authentication: 9\n    excpet: []\n');
	const said = check();
	for (const line of [/"staf" is no function/, /10\.1\.0\.0\/16 of "b" overlaps with 10\.0\.0\.0\/8 of "a"/, /"nowhere" is no range/, /authentication is 1, 2 or 3/,
		/"excpet" is not known here; did you mean except/, /some IPv4 addresses are in no zone/, /city\.yaml:\d+:/]) assert.match(said, line);
	writeFileSync(file, plain + zones);
	assert.match(check(), /^0 problems/m);
});

test('functions answer from their zones only, and the page says from where', async () => {
	for (const who of [own.clerk, 'admin', 'resident1@example.jp']) await city.as(who);
	await city.kill();
	await city.serve();
	for (const client of city.people.values()) client.base = city.url;
	assert.equal((await from('127.0.0.2', own.clerk, '/staff')).status, 200);
	assert.equal((await from('127.0.0.2', own.clerk, '/staff/statistics')).status, 403, 'except wins');
	assert.equal((await from('127.0.0.2', 'admin', '/staff/users')).status, 403);
	const outside = await from('127.0.0.4', own.clerk, '/staff');
	assert.equal(outside.status, 403);
	assert.match(outside.text, /使えるところ: 庁内, 番号系/);
	assert.match((await from('127.0.0.4', own.clerk, '/en/staff')).text, /answers from: Office, Numbers/);
	const problem = JSON.parse((await from('127.0.0.4', own.clerk, '/staff', { headers: { accept: 'application/json' } })).text);
	assert.deepEqual([problem.status, problem.code], [403, 'web.zone.refused']);
	assert.equal((await from('127.0.0.4', 'resident1@example.jp', '/my')).status, 200);
	assert.equal((await from('127.0.0.3', 'resident1@example.jp', '/my')).status, 403);
	for (const path of ['/applications/1', '/applications/1/files/0', '/applications/1/signature/package.tar', '/documents/x.pdf']) {
		const answer = JSON.parse((await from('127.0.0.4', own.clerk, path, { headers: { accept: 'application/json' } })).text);
		assert.deepEqual([answer.status, answer.code], [403, 'web.zone.refused'], `${path}: a file of a case is no way around`);
		assert.notEqual((await from('127.0.0.4', 'resident1@example.jp', path)).status, 403, path);
	}
	for (const path of ['/', '/procedures', '/account', '/healthz']) assert.equal((await from('127.0.0.4', own.clerk, path)).status, 200, path);
});

test('a zone asks for its factors', async () => {
	const asked = await from('127.0.0.3', own.clerk, '/staff');
	assert.equal(asked.status, 303);
	assert.match(asked.location, /next=/);
	assert.equal((await from('127.0.0.3', own.clerk, '/staff', { headers: { accept: 'application/json' } })).status, 403);
});

test('behind the trusted proxy the address is that of its header, from others it is not', async () => {
	const headers = (address) => ({ headers: { 'x-forwarded-for': address } });
	assert.equal((await from('127.0.0.9', own.clerk, '/staff', headers('127.0.0.2'))).status, 200);
	assert.equal((await from('127.0.0.9', own.clerk, '/staff', headers('203.0.113.7'))).status, 403);
	assert.equal((await from('127.0.0.4', own.clerk, '/staff', headers('127.0.0.2'))).status, 403, 'not believed');
});
