// Passkeys with an authenticator in software: what is right works once, and what is not, not at all.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { City, words } from '../lib/city.mjs';
import { Passkey } from '../lib/passkey.mjs';

const password = 'machi-demo-2026';
let city, resident, key;
// The next mail to the resident that says so; others (of a new device) are passed over.
async function told(text) {
	for (;;) {
		const mail = await city.mailbox.take('resident1@example.jp');
		if (text.test(mail.text)) return mail;
	}
}
const error = (answer) => answer.json.errors[0].code;

before(async () => {
	city = await City.start({ init: ['--demo-size', '5'], mail: true });
	resident = await city.as('resident1@example.jp');
	key = new Passkey(city.url);
});
after(() => city?.stop());

test('adding one: the password first, the challenge once, its owner told', async () => {
	assert.equal((await resident.postJson('/account/passkeys/options', { password: 'not it' })).status, 422);
	assert.equal((await resident.postJson('/account/passkeys/options', {})).status, 422);
	const { json } = await resident.postJson('/account/passkeys/options', { password });
	assert.equal(json.publicKey.rp.id, '127.0.0.1');
	assert.equal(json.publicKey.attestation, 'none');
	assert.deepEqual(json.publicKey.pubKeyCredParams.map((p) => p.alg), [-7, -8, -257]);
	assert.equal(json.publicKey.authenticatorSelection.userVerification, 'required');
	assert.doesNotMatch(JSON.stringify(json.publicKey.user.id), /resident/);
	const sent = { name: 'わたしのスマホ', ...key.created(json) };
	// Somebody else cannot use the challenge, and trying takes it away.
	const other = await city.as('resident2@example.jp');
	assert.equal(error(await other.postJson('/account/passkeys', sent)), 'identity.passkey.late');
	const again = await resident.postJson('/account/passkeys/options', { password });
	const good = { name: 'わたしのスマホ', ...key.created(again.json) };
	const added = await resident.postJson('/account/passkeys', good);
	assert.equal(added.headers.get('location'), '/account/passkeys', added.text);
	assert.equal(error(await resident.postJson('/account/passkeys', good)), 'identity.passkey.late');
	await told(/パスキー「わたしのスマホ」でログインできるようになりました/);
	const page = await resident.get('/account/passkeys');
	assert.match(words(page.text), /わたしのスマホ.*まだありません/);
	assert.match(words((await resident.get('/account')).text), /パスキー 1個あります/);
	// The device is told which it has already.
	const third = await resident.postJson('/account/passkeys/options', { password });
	assert.deepEqual(third.json.publicKey.excludeCredentials.map((c) => c.id), [key.id.toString('base64url')]);
	assert.equal((await resident.postJson('/account/passkeys', { name: 'same', ...key.created(third.json) })).status, 409);
});

test('what is no passkey of this site is not added', async () => {
	const wrong = {
		'another origin': { change: { origin: 'https://evil.example' } },
		'in a frame': { change: { crossOrigin: true } },
		'another type': { change: { type: 'webauthn.get' } },
		'nobody there': { flags: 64 },
		'not verified': { flags: 65 },
		'without a key': { flags: 5 },
	};
	for (const [what, how] of Object.entries(wrong)) {
		const options = await resident.postJson('/account/passkeys/options', { password });
		const answer = await resident.postJson('/account/passkeys', new Passkey(city.url).created(options.json, how));
		assert.equal(answer.status, 422, what);
	}
	const options = await resident.postJson('/account/passkeys/options', { password });
	assert.equal((await resident.postJson('/account/passkeys', new Passkey(city.url, { rp: 'evil.example' }).created(options.json))).status, 422);
	// Without a script the button says what to do.
	const plain = await resident.submit(await resident.get('/account/passkeys'), '/account/passkeys', { client_data: undefined }, { follow: false });
	assert.equal(plain.status, 422);
	assert.match(words(plain.text), /スクリプトが止められています/);
	assert.equal((await resident.json('/account/passkeys')).json.passkeys.length, 1);
});

test('signing in without a name or password: level 2, a new cookie, back to where one was', async () => {
	const client = city.client();
	await client.get('/login');
	client.cookies.set('session', 'A'.repeat(43)); // planted
	const page = await client.get('/login?next=%2Fmy');
	assert.match(page.text, /href="\/login\/passkey\?next=%2Fmy"/);
	const done = await key.use(client, '/login/passkey', { next: '/my' });
	assert.equal(done.headers.get('location'), '/my', done.text);
	assert.notEqual(client.cookies.get('session'), 'A'.repeat(43));
	const { sessions } = (await client.json('/account/sessions')).json;
	assert.deepEqual(sessions.filter((s) => s.current).map((s) => [s.method, s.level]), [['パスキー', 2]]);
	const { passkeys } = (await client.json('/account/passkeys')).json;
	assert.ok(passkeys[0].used > passkeys[0].created);
	// It leads nowhere else.
	assert.equal((await key.use(city.client(), '/login/passkey', { next: 'https://evil.example/' })).headers.get('location'), '/my');
});

test('every algorithm that is offered; a device that does not count', async () => {
	const client = await city.client().login('resident3@example.jp');
	for (const algorithm of ['ES256', 'EdDSA', 'RS256']) {
		const one = new Passkey(city.url, { algorithm });
		assert.equal((await one.register(client, password, algorithm)).status, 200, algorithm);
		for (let i = 0; i < 2; i++) assert.equal((await one.use(city.client(), '/login/passkey', { counts: 0 })).status, 200, algorithm);
	}
});

test('what does not sign in', async () => {
	const client = city.client();
	const options = async () => (await client.postJson('/login/passkey/options', {})).json;
	const refused = async (what, body, code) => {
		const answer = await client.postJson('/login/passkey', body);
		assert.equal(answer.status, 422, what);
		assert.equal(error(answer), code, what);
		assert.ok(!client.cookies.has('session'), what);
	};
	const used = key.signed(await options());
	assert.equal((await city.client().postJson('/login/passkey', used)).status, 200);
	await refused('sent twice', used, 'identity.passkey.late');
	await refused('a challenge of its own', key.signed({ publicKey: { challenge: 'A'.repeat(43) } }), 'identity.passkey.late');
	await refused('another origin', key.signed(await options(), { change: { origin: 'https://evil.example' } }), 'identity.passkey.late');
	await refused('not verified', key.signed(await options(), { flags: 1 }), 'identity.passkey.wrong');
	const altered = key.signed(await options());
	await refused('an altered signature', { ...altered, signature: altered.signature.replace(/.{4}$/, 'AAAA') }, 'identity.passkey.wrong');
	const stranger = new Passkey(city.url);
	await refused('a key that nobody registered', stranger.signed(await options()), 'identity.passkey.unknown');
	const forged = stranger.copy();
	forged.id = key.id;
	forged.user = key.user;
	await refused('a forged one with a known name', forged.signed(await options()), 'identity.passkey.wrong');
	await refused('somebody else’s user handle', { ...key.signed(await options()), user_handle: 'AAAA' }, 'identity.passkey.other');
	await refused('no script', {}, 'identity.passkey.no_script');
	await refused('garbage', { id: '!', client_data: 'e30', authenticator_data: 'AA', signature: '' }, 'identity.passkey.late');
	const creation = await resident.postJson('/account/passkeys/options', { password });
	await refused('a challenge that was for adding', key.signed(creation.json), 'identity.passkey.late');
});

test('step-up with a passkey; nobody else’s raises a session', async () => {
	const client = await city.client().login('resident1@example.jp');
	assert.equal((await client.json('/account/sessions')).json.sessions.find((s) => s.current).level, 1);
	const old = client.cookies.get('session');
	const raised = await key.use(client, '/account/assurance/passkey', { next: '/my' });
	assert.equal(raised.headers.get('location'), '/my', raised.text);
	assert.notEqual(client.cookies.get('session'), old);
	assert.equal((await client.json('/account/sessions')).json.sessions.find((s) => s.current).level, 2);
	const other = await city.client().login('resident2@example.jp');
	const refused = await key.use(other, '/account/assurance/passkey');
	assert.equal(error(refused), 'identity.passkey.other');
	assert.equal((await other.json('/account/sessions')).json.sessions.find((s) => s.current).level, 1);
	// Asked for before anybody signed in, answered by another.
	const before = (await city.client().postJson('/login/passkey/options', {})).json;
	assert.equal(error(await other.postJson('/account/assurance/passkey', key.signed(before))), 'identity.passkey.other');
});

test('a copy of a passkey: refused, blocked, told and journalled', async () => {
	const copy = key.copy();
	assert.equal((await key.use(city.client())).status, 200);
	const thief = city.client();
	const caught = await copy.use(thief);
	assert.equal(error(caught), 'identity.passkey.cloned');
	assert.ok(!thief.cookies.has('session'));
	// From now on neither of them opens anything.
	assert.equal(error(await key.use(city.client())), 'identity.passkey.blocked');
	await told(/複製を使ったログインがありました/);
	assert.match(words((await resident.get('/account/passkeys')).text), /停止中/);
	const { history } = (await resident.json('/account/history')).json;
	assert.ok(history.some((h) => h.outcome === 'refused' && h.method === 'パスキー'));
});

test('its name, and removing it: a fresh proof, told, gone', async () => {
	const client = await city.client().login('resident1@example.jp');
	const [{ id }] = (await client.json('/account/passkeys')).json.passkeys;
	const path = `/account/passkeys/${id}`;
	await client.submit(await client.get(path), path, { name: '古いスマホ' });
	assert.equal((await client.json('/account/passkeys')).json.passkeys[0].name, '古いスマホ');
	assert.equal((await client.postJson(path, { do: 'remove' })).status, 422);
	assert.equal((await client.postJson(path, { do: 'remove', password: 'no' })).status, 422);
	const other = await city.as('resident2@example.jp');
	assert.equal((await other.postJson(path, { do: 'remove', password })).status, 404);
	assert.equal((await client.postJson(path, { do: 'remove', password })).headers.get('location'), '/account/passkeys');
	assert.deepEqual((await client.json('/account/passkeys')).json.passkeys, []);
	await told(/「古いスマホ」ではログインできなくなりました/);
	assert.equal(error(await key.use(city.client())), 'identity.passkey.unknown');
});

test('staff: the passkey is a second factor; an administrator removes it with the others', async () => {
	const admin = await city.as('admin');
	const clerk = await city.client().login('operator');
	const own = new Passkey(city.url);
	assert.equal((await own.register(clerk)).status, 200);
	assert.equal((await own.use(city.client())).headers.get('location'), '/staff/jobs');
	const user = (await admin.json('/staff/users?q=operator')).json.users.find((u) => u.login === 'operator');
	assert.equal(user.has_second, true);
	await admin.post(`/staff/users/${user.id}/do`, { do: 'second' });
	assert.equal(error(await own.use(city.client())), 'identity.passkey.unknown');
	// A key that was removed may be added again.
	assert.equal((await own.register(clerk)).status, 200);
	// Without the token of the form nothing happens.
	const page = await clerk.post('/account/passkeys', { csrf: null, client_data: 'AA', authenticator_data: 'AA' }, { headers: { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' } });
	assert.equal(page.status, 403);
	assert.match(city.cli('verify'), /problems: 0/);
});
