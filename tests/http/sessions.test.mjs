// Sessions: their cookies, that none can be planted or kept, and what a new device brings about.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { City } from '../lib/city.mjs';
import { Passkey } from '../lib/passkey.mjs';
import { totp, totpOn, totpStep } from '../lib/totp.mjs';

const password = 'machi-demo-2026';
let city;

before(async () => {
	city = await City.start({ init: ['--demo-size', '5'], mail: true, settings: ['--trusted-proxy', '127.0.0.1'] });
});
after(() => city?.stop());

const set = (answer, name) => (answer.headers.getSetCookie?.() ?? [answer.headers.get('set-cookie') ?? '']).find((line) => line.includes(`${name}=`));
// Each way that makes or raises a session; it begins with a browser that may be signed in already.
const ways = {
	password: async (client) => client.post('/login', { login: 'resident1@example.jp', password }, { follow: false }),
	passkey: async (client) => city.key.use(client),
	'step-up with a passkey': async (client) => city.key.use(client, '/account/assurance/passkey'),
};

test('behind TLS cookies are bound to the host; no script reads them, no other site sends them', async () => {
	const headers = { 'x-forwarded-proto': 'https', accept: 'application/json', 'content-type': 'application/json' };
	const answer = await city.client().request('POST', '/login', { follow: false, headers, body: JSON.stringify({ login: 'resident1@example.jp', password }) });
	const cookie = set(answer, 'session');
	assert.match(cookie, /^__Host-session=[\w-]{43}; /);
	for (const part of ['HttpOnly', 'Secure', 'SameSite=Lax', 'Path=/']) assert.ok(cookie.split('; ').includes(part), `${part} in ${cookie}`);
	assert.doesNotMatch(cookie, /domain/i);
	// Without TLS the other name is nobody's: what plain HTTP planted is not taken over it.
	const value = cookie.match(/=([\w-]{43})/)[1];
	const plain = city.client();
	plain.cookies.set('session', value);
	assert.equal((await plain.request('GET', '/account', { headers: { 'x-forwarded-proto': 'https', accept: 'application/json' } })).status, 401);
});

test('a session that was planted is not taken over, and one that was known before is worth nothing after', async () => {
	const owner = await city.client().login('resident1@example.jp');
	city.key = new Passkey(city.url);
	assert.equal((await city.key.register(owner)).status, 200);
	for (const [what, sign] of Object.entries(ways)) {
		// An attacker plants a session of their own: signing in ends it instead of sharing it.
		const attacker = await city.client().login(what === 'password' ? 'resident2@example.jp' : 'resident1@example.jp');
		const planted = attacker.cookies.get('session');
		const victim = city.client();
		victim.cookies.set('session', planted);
		const done = await sign(victim);
		assert.ok([200, 303].includes(done.status), `${what}: ${done.text}`);
		assert.notEqual(victim.cookies.get('session'), planted, what);
		assert.equal((await victim.json('/account')).json.account.login, 'resident1@example.jp', what);
		assert.equal((await attacker.json('/account')).status, 401, what);
		// A made-up one neither.
		const other = city.client();
		other.cookies.set('session', 'B'.repeat(43));
		if (!what.startsWith('step-up')) {
			await sign(other);
			assert.notEqual(other.cookies.get('session'), 'B'.repeat(43), what);
		}
	}
});

test('step-up: forms of pages that were open before are told apart, and the session keeps its age', async () => {
	const client = await city.client().login('resident3@example.jp');
	const step = totpStep(), secret = await totpOn(client, step); // the next code counts already
	const form = await client.get('/account/profile'), { created } = (await client.json('/account/sessions')).json.sessions.find((s) => s.current);
	await client.submit(await client.get('/account/assurance/totp'), '/account/assurance/totp', { code: totp(secret, step + 1) });
	const stale = await client.submit(form, '/account/profile', {}, { follow: false });
	assert.equal(stale.status, 403);
	assert.match(stale.text, /href="[^"]*"/);
	const now = (await client.json('/account/sessions')).json.sessions;
	assert.equal(now.find((s) => s.current).created, created);
	assert.equal(now.filter((s) => s.current).length, 1);
	// A level of before does not come back with the cookie of before, nor by saying so.
	assert.equal((await client.postJson('/account/assurance/totp', { code: totp(secret, step + 1), level: 3 })).status, 422);
});

test('a device that is new is told to its owner once, with passkeys as with passwords', async () => {
	const take = () => city.mailbox.take('resident1@example.jp');
	let mail;
	do mail = await take(); while (!/新しい端末/.test(mail.subject));
	const known = city.client();
	await city.key.use(known);
	const device = known.cookies.get('device');
	city.mailbox.mails.length = 0;
	const again = city.client();
	again.cookies.set('device', device);
	await city.key.use(again);
	await city.key.use(city.client()); // another new one: its mail is the next
	mail = await take();
	assert.match(mail.subject, /新しい端末/);
	const { history } = (await again.json('/account/history')).json;
	assert.equal(history[0].method, 'パスキー');
	assert.match(city.cli('verify'), /problems: 0/);
});
