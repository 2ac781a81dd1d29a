// Accounts from outside: the whole program, real mails, `machi user`, and the journal at the end.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { City } from '../lib/city.mjs';
import { Mailbox } from '../lib/mailbox.mjs';
import { totp } from '../lib/totp.mjs';

const password = 'udon to olive no shima';
let city, box, boss;

// The link in a mail, as a path of this city.
function link(mail) {
	const url = mail.text.match(/https?:\/\/\S+\/(?:confirm|password\/reset)\/\S+/)[0];
	assert.ok(url.startsWith(city.url), url);
	return url.slice(city.url.length);
}

async function post(client, path, fields, options = {}) {
	return client.post(path, fields, { follow: false, ...options });
}

const signIn = (login, secret = password) => city.client().login(login, secret);

async function register(mail, { prefix = '', family = '香川', given = '花子' } = {}) {
	const client = city.client();
	const sent = await post(client, `${prefix}/register`, { 'name.family': family, 'name.given': given, mail, password });
	assert.equal(sent.location, `${prefix}/register/sent`);
	const path = link(await box.take(mail));
	const done = await post(client, path, { password });
	assert.equal(done.status, 303, done.text);
	return client;
}

before(async () => {
	box = await Mailbox.open();
	city = await City.start({ init: ['--name', '試験市', '--name-en', 'Testville'], settings: [...box.settings, '--log', 'debug'] });
	// The first administrator comes from the command line, while the server runs.
	boss = city.cli('user', 'add-staff', 'boss', '--name', '管理 一郎', '--generate').match(/password: (\S+)/)[1];
	city.cli('user', 'grant', 'boss', '--role', 'identity_admin');
});

after(async () => {
	await city?.stop();
	box?.close();
});

test('a resident registers by mail, in Japanese and in English', async () => {
	const client = await register('hanako@example.jp');
	const account = (await client.json('/account')).json;
	assert.equal(account.profile.name.family, '香川');
	assert.equal((await client.get('/account')).status, 200);

	const sent = await post(city.client(), '/en/register', { 'name.family': 'Smith', 'name.given': 'John', mail: 'john@example.jp', password });
	assert.equal(sent.location, '/en/register/sent');
	const mail = await box.take('john@example.jp');
	assert.match(mail.subject, /Testville/);
	assert.match(mail.text, /\/en\/confirm\//);
	assert.doesNotMatch(mail.text, /[ぁ-ん]/);

	// Whoever tries the same address gets the same answer; its owner is told.
	const again = await post(city.client(), '/register', { 'name.family': 'x', 'name.given': 'y', mail: 'hanako@example.jp', password });
	assert.equal(again.location, '/register/sent');
	assert.match((await box.take('hanako@example.jp')).subject, /すでに登録/);
});

test('a new device is told by mail, a known one is not', async () => {
	const client = await register('device@example.jp');
	await post(client, '/logout', {});
	assert.equal((await post(client, '/login', { login: 'device@example.jp', password })).status, 303);
	await signIn('device@example.jp');
	assert.match((await box.take('device@example.jp')).subject, /新しい端末/);
	assert.equal(box.mails.filter((mail) => mail.to.includes('device@example.jp')).length, 0);
});

test('signing in leads to the page that was asked for', async () => {
	await register('back@example.jp');
	const client = city.client();
	const asked = await client.get('/account/history', { follow: false });
	assert.equal(asked.status, 303);
	const form = await client.get(asked.location);
	const next = form.text.match(/name="next" value="([^"]+)"/)[1];
	assert.equal((await post(client, '/login', { login: 'back@example.jp', password, next })).location, '/account/history');
});

test('a forgotten password: every session ends, the link works once', async () => {
	const other = await register('forgot@example.jp');
	const client = city.client();
	assert.equal((await post(client, '/password/reset', { login: 'nobody@example.jp' })).location, '/password/reset/sent');
	assert.equal((await post(client, '/password/reset', { login: 'forgot@example.jp' })).location, '/password/reset/sent');
	const path = link(await box.take('forgot@example.jp'));
	assert.equal((await post(client, path, { password: 'quite another password' })).location, '/login');
	assert.equal((await other.json('/account')).status, 401);
	assert.equal((await post(client, path, { password: 'quite another password' })).status, 404);
	assert.match((await box.take('forgot@example.jp')).subject, /パスワード/);
	await signIn('forgot@example.jp', 'quite another password');
});

test('time-based codes as an app makes them', async () => {
	const client = await register('totp@example.jp');
	assert.equal((await post(client, '/account/totp/start', {})).status, 422, 'a browser left signed in is not enough');
	assert.equal((await post(client, '/account/totp/start', { password: 'not it' })).status, 422);
	assert.equal((await client.json('/account/totp')).json.pending, undefined);
	await post(client, '/account/totp/start', { password });
	const { uri } = (await client.json('/account/totp')).json.pending;
	const secret = new URL(uri).searchParams.get('secret');
	const code = (step) => totp(secret, step);
	const now = Math.floor(Date.now() / 30000);
	const on = await post(client, '/account/totp', { code: code(now) });
	assert.equal(on.status, 200);
	const recovery = on.text.match(/<code>([^<]+)<\/code>/)[1];
	await post(client, '/logout', {});
	const first = await post(client, '/login', { login: 'totp@example.jp', password });
	assert.equal(first.location, '/login/totp');
	assert.equal((await client.json('/account')).status, 401);
	assert.equal((await post(client, '/login/totp', { code: code(now) })).status, 422, 'used already');
	assert.equal((await post(client, '/login/totp', { code: code(now + 1) })).status, 303);
	assert.equal((await client.get('/account')).status, 200);
	await post(client, '/logout', {});
	await post(client, '/login', { login: 'totp@example.jp', password });
	assert.equal((await post(client, '/login/totp', { code: recovery })).status, 303);
});

test('attempts wait, the same for logins that do not exist', async () => {
	await register('slow@example.jp');
	for (const login of ['slow@example.jp', 'nobody-here@example.jp', 'nobody']) {
		const client = city.client();
		for (let i = 0; i < 5; i++) assert.equal((await post(client, '/login', { login, password: 'wrong' })).status, 422);
		const page = await post(client, '/login', { login, password: 'wrong' });
		assert.equal(page.status, 429);
		const wait = Number(page.headers.get('retry-after'));
		assert.ok(wait > 0 && wait <= 30, `${wait} s`);
	}
});

test('staff: added with an invitation, posted, locked', async () => {
	const admin = await signIn('boss', boss);
	city.cli('user', 'department', '10', '--name', '市民課', '--name-en', 'Citizens');
	const made = await post(admin, '/staff/users/new', { login: 'tanaka', name: '田中 三郎', mail: 'tanaka@city.example.jp' });
	assert.equal(made.status, 303, made.text);
	const page = made.location;
	const path = link(await box.take('tanaka@city.example.jp'));
	assert.equal((await post(city.client(), path, { password })).location, '/login');
	city.cli('user', 'post', 'tanaka', '--department', '10', '--rank', '係長', '--from', '2026-04-01');
	assert.match(city.cli('user', 'list'), /tanaka +田中 三郎 +市民課係長/);
	const user = (await admin.json(page)).json;
	assert.equal(user.posts[0].rank, '係長');
	const tanaka = await signIn('tanaka');
	assert.equal((await tanaka.json('/staff/users')).status, 403);
	assert.equal((await post(admin, `${page}/do`, { do: 'lock' })).status, 303);
	assert.equal((await tanaka.json('/account')).status, 401);
	assert.throws(() => city.cli('user', 'lock', 'nobody'), /no staff nobody/);
});

test('absences and deputies: entered by oneself and by the manager, told as JSON', async () => {
	const admin = await signIn('boss', boss);
	city.cli('user', 'department', '30', '--name', '環境課');
	for (const [login, name, rank] of [['sakura', '係員 桜', '係員'], ['kaede', '係長 楓', '係長'], ['matsu', '課長 松', '課長']]) {
		const page = (await post(admin, '/staff/users/new', { login, name, mail: `${login}@city.example.jp` })).location;
		await post(city.client(), link(await box.take(`${login}@city.example.jp`)), { password });
		city.cli('user', 'post', login, '--department', '30', '--rank', rank);
		assert.equal((await admin.json(page)).json.posts[0].rank, rank);
	}
	const [sakura, matsu] = [await signIn('sakura'), await signIn('matsu')];
	const day = (n) => new Date(Date.now() + n * 86400000).toLocaleDateString('sv-SE', { timeZone: 'Asia/Tokyo' });
	const own = async (client, path = '/staff/absences') => (await client.json(path)).json;
	const { id } = (await own(matsu)).officer;

	// A program sends the same as the page's form.
	assert.equal((await matsu.postJson(`/staff/absences/${id}/deputy/new`, { deputy: 'rank:係長' })).status, 200);
	const refused = await matsu.postJson(`/staff/absences/${id}/absence/new`, { from: day(3), until: day(1), reason: 'leave' });
	assert.equal(refused.status, 422);
	assert.equal(refused.json.errors[0].field, 'until');
	assert.equal((await matsu.postJson(`/staff/absences/${id}/absence/new`, { from: day(0), until: day(1), reason: 'leave' })).status, 200);
	const mine = await own(matsu);
	assert.equal(mine.officer.is_absent, true);
	assert.equal(mine.acting[0].deputy, '係長 楓');
	assert.equal(mine.deputies[0].rank, '係長');

	// Everybody below sees who acts, but not why.
	const seen = (await own(sakura)).away.find((one) => one.name === '課長 松');
	assert.equal(seen.deputy, '係長 楓');
	assert.equal('reason' in seen, false);
	assert.equal((await sakura.json(`/staff/absences/${id}`)).status, 404);

	// The manager enters one for the clerk, who ends it.
	const person = mine.people.find((one) => one.name === '係員 桜');
	const form = await matsu.get(`/staff/absences/${person.id}/absence/new`);
	const done = await matsu.submit(form, '/absence/new', { from: day(0), until: day(2), reason: 'training' });
	assert.match(done.text, /不在を登録しました/);
	const [absence] = (await own(sakura)).absences;
	assert.equal(absence.reason, 'training');
	assert.equal(absence.now, true);
	const ended = await sakura.post(`/staff/absences/${person.id}/end`, { kind: 'absence', row: String(absence.id) });
	assert.match(ended.text, /不在を終わりにしました/);
	assert.equal((await own(sakura)).officer.is_absent, false);

	// A token that may not manage staff names no deputies.
	const page = await post(matsu, '/account/tokens', { name: 'robot', scope: 'write', days: '7', password });
	const bearer = page.text.match(/machi_[\w-]{43}/)[0];
	const call = await fetch(`${city.url}/staff/absences/${id}/deputy/new`, { method: 'POST', redirect: 'manual', body: JSON.stringify({ deputy: 'other', login: 'sakura' }),
		headers: { accept: 'application/json', 'content-type': 'application/json', authorization: `Bearer ${bearer}` } });
	assert.equal(call.status, 403);
});

test('a city that requires a second factor of staff', async () => {
	const before = await signIn('boss', boss);
	await city.kill();
	city.settings.push('--second-factor-staff', 'required');
	await city.serve();
	before.base = city.url; // another port
	assert.equal((await before.json('/staff/users')).status, 401);
	const client = city.client();
	const asked = await client.get('/staff/users', { follow: false });
	const next = new URL(asked.location, city.url).searchParams.get('next');
	assert.equal((await post(client, '/login', { login: 'boss', password: boss, next })).location, '/login/setup');
	assert.equal((await client.json('/staff/users')).status, 401);
	const { key } = (await client.json('/login/setup')).json.pending;
	const done = await post(client, '/login/setup', { code: totp(key.replaceAll(' ', ''), Math.floor(Date.now() / 30000)) });
	assert.equal(done.status, 200, done.text);
	const codes = [...done.text.matchAll(/<code>([^<]+)<\/code>/g)];
	assert.equal(codes.length, 10);
	assert.ok(!done.text.includes('href="/login"'), 'who has just signed in is not asked to');
	const onward = await client.get(done.text.match(/href="(\/login\?next=[^"]+)"/)[1], { follow: false });
	assert.equal(onward.location, '/staff/users');
	assert.equal((await client.get('/staff/users')).status, 200);
	await city.kill();
	city.settings.splice(-2);
	await city.serve();
	city.cli('user', 'second-off', 'boss');
});

test('staff from a CSV file in Shift_JIS, all or nothing', async () => {
	const admin = await signIn('boss', boss);
	const send = async (text, name) => {
		const body = new FormData();
		body.append('csrf', await admin.token());
		body.append('file', new File([text], name, { type: 'text/csv' }));
		return admin.request('POST', '/staff/users/import', { body, follow: false });
	};
	const bad = await send('login,name,department\nsato,佐藤,999\n', 'staff.csv');
	assert.equal(bad.status, 422);
	assert.match(bad.text, /「999」/);
	assert.doesNotMatch(city.cli('user', 'list'), /sato/);
	const sjis = Buffer.concat([Buffer.from('login,name\r\nsato,'), Buffer.from([0x8d, 0xb2, 0x93, 0xa1]), Buffer.from('\r\n')]);
	assert.equal((await send(sjis, 'staff.csv')).location, '/staff/users');
	assert.match(city.cli('user', 'list'), /sato +佐藤/);
});

test('an API token reads what its owner may, and is gone when revoked', async () => {
	const admin = await signIn('boss', boss);
	const page = await post(admin, '/account/tokens', { name: 'robot', scope: 'read', rights: 'identity.manage', days: '7', password: boss });
	const bearer = page.text.match(/machi_[\w-]{43}/)[0];
	const call = (path, options = {}) => fetch(city.url + path, { redirect: 'manual', ...options, headers: { accept: 'application/json', authorization: `Bearer ${bearer}`, ...options.headers } });
	const users = await (await call('/staff/users')).json();
	assert.ok(users.users.some((user) => user.login === 'boss'));
	const write = await call('/staff/users/new', { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"login":"x","name":"y"}' });
	assert.equal(write.status, 403);
	assert.equal((await call('/account/password')).status, 403);
	const { tokens } = (await admin.json('/account/tokens')).json;
	await post(admin, `/account/tokens/${tokens[0].id}/revoke`, {});
	assert.equal((await call('/staff/users')).status, 401);
});

test('a closed account is gone, its address is free', async () => {
	const client = await register('leaves@example.jp');
	assert.equal((await post(client, '/account/close', { password: 'wrong' })).status, 422);
	assert.equal((await post(client, '/account/close', { password })).location, '/');
	assert.equal((await client.json('/account')).status, 401);
	await box.take('leaves@example.jp');
	await register('leaves@example.jp');
});

test('what lets somebody in stands in no log', () => {
	assert.match(city.log(), /http\.request/);
	assert.doesNotMatch(city.log(), /\/(confirm|reset)\/[\w-]{20}/);
});

test('the journal proves all of it', () => {
	assert.match(city.cli('verify'), /problems: 0/);
});
