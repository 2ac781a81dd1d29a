// Signing in through a provider: a real one (oidc-provider), with what goes wrong on the way.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { City, until, words } from '../lib/city.mjs';
import { OpenIdProvider, signingKey, through } from '../lib/provider.mjs';

let city, op, other, cityDir;

const provider = (name, label, issuer, more = '') => `
  - name: ${name}
    label:
      ja: ${label}
      en: ${label} (en)
    issuer: ${issuer}
    client-id: machi
    private-addresses: true
${more}`;

const card = { name: '街田 花子', birthdate: '19850401', address: '香川県高松市番町一丁目8番15号', gender: '2' };

function clients() {
	const machi = { client_id: 'machi', redirect_uris: ['app', 'biz', 'plain'].map((n) => `${city.url}/login/with/${n}/callback`),
		post_logout_redirect_uris: [`${city.url}/`], grant_types: ['authorization_code'], response_types: ['code'] };
	return { key: { ...machi, token_endpoint_auth_method: 'private_key_jwt', token_endpoint_auth_signing_alg: 'ES256', jwks_uri: `${city.url}/login/with/keys.json`, id_token_signed_response_alg: 'ES256' },
		secret: { ...machi, token_endpoint_auth_method: 'client_secret_basic', client_secret: 'a secret: with + and %', id_token_signed_response_alg: 'RS256' } };
}

before(async () => {
	city = await City.start({ mail: true, init: ['--demo', '--demo-size', '1'] });
	[op, other] = await Promise.all([OpenIdProvider.listen(), OpenIdProvider.listen()]);
	await op.start({ clients: [clients().key] });
	await other.start({ clients: [clients().secret] });
	// machi init named the city's folder.
	cityDir = join(city.dir, 'demo');
	writeFileSync(join(cityDir, 'sign-in.yaml'), `providers:
${provider('app', 'カード', op.issuer, '    profile: digital-auth\n')}
${provider('plain', 'ほかの', other.issuer, "    client-auth: client_secret_basic\n    client-secret: 'a secret: with + and %'\n    scopes: [openid, profile, email]\n    for: everybody\n    acr: {aal2: 2, aal3: 3}\n")}
`);
	city.process.kill('SIGHUP');
	const client = city.client();
	await until(async () => words((await client.get('/login')).text).includes('カード'), 'the reload');
});

after(async () => {
	await city?.stop();
	await Promise.all([op?.close(), other?.close()]);
});

// Goes to a provider and comes back with its answer, not yet given to the city.
async function goThere(client, name, next = '') {
	const there = await client.get(`/login/with/${name}${next && `?next=${encodeURIComponent(next)}`}`, { follow: false });
	assert.equal(there.status, 303, there.text);
	client.jar ??= {};
	return (await through(there.location, client.jar, city.url)).slice(city.url.length);
}
const comeBack = async (client, name, next, follow = true) => client.get(await goThere(client, name, next), { follow });

async function link(client, name, user, password = 'machi-demo-2026') {
	(name === 'app' ? op : other).user = user;
	const page = await comeBack(client, name, '/account/providers');
	assert.equal(page.status, 200, page.text);
	return client.submit(page, '/account/providers/link', { password });
}

test('a resident links the card app, signs in with it at level 3, and the card fills the profile', async () => {
	const client = await city.client().login('resident1@example.jp');
	op.user = { sub: 'card-1', claims: card, acr: 'aal3' };
	const page = await comeBack(client, 'app', '/account/providers');
	assert.match(words(page.text), /あなた本人ですか/);
	assert.match(words(page.text), /街田 花子 .*昭和60年4月1日.*香川県高松市番町/);
	const wrong = await client.submit(page, '/account/providers/link', { password: 'no such word' });
	assert.equal(wrong.status, 422);
	const done = await client.submit(page, '/account/providers/link', { password: 'machi-demo-2026' });
	assert.match(words(done.text), /つなげました/);
	assert.match(words(done.text), /カード/);
	const profile = (await client.json('/account')).json.profile;
	assert.deepEqual([profile.name.family, profile.name.given, profile.birthday], ['街田', '花子', '1985-04-01']);
	assert.match((await city.mailbox.take('resident1@example.jp')).subject, /ログインの方法/);

	const fresh = city.client();
	const home = await comeBack(fresh, 'app', '/account');
	assert.equal(home.url, '/account');
	const { sessions } = (await fresh.json('/account/sessions')).json;
	assert.ok(sessions.some((s) => s.current));
	// Twice: no second link, no second proof.
	assert.equal((await comeBack(city.client(), 'app', '/account')).url, '/account');
});

test('an identity that nobody has leads to signing in or registering, and a mail address links nothing', async () => {
	other.user = { sub: 'stranger', claims: { name: '街田 太郎', email: 'resident1@example.jp', email_verified: true }, acr: 'aal1' };
	const client = city.client();
	const page = await comeBack(client, 'plain', '/my');
	assert.equal(page.url, '/login/with');
	assert.match(words(page.text), /まだつながっていません/);
	assert.equal((await client.get('/account', { follow: false })).status, 303, 'nobody is signed in');
	// Who then signs in is asked.
	await client.login('resident2@example.jp');
	const ask = await client.get('/account/providers/link');
	assert.equal(ask.status, 200);
	const done = await client.submit(ask, '/account/providers/link', { password: 'machi-demo-2026' });
	assert.equal(done.url, '/my');
	// And it cannot be linked to another account as well.
	const second = await city.client().login('resident3@example.jp');
	const taken = await comeBack(second, 'plain');
	assert.equal(taken.status, 409);
	assert.match(words(taken.text), /別のアカウント/);
});

test('an answer counts once, in the browser that asked, at the address of its provider', async () => {
	op.user = { sub: 'card-1', claims: card, acr: 'aal3' };
	const refused = async (client, path, text = /はじめからやり直して/) => {
		const page = await client.get(path, { follow: false });
		assert.ok(page.status >= 400, `${path}: ${page.status} ${page.location}`);
		assert.match(words(page.text), text);
		assert.equal((await client.get('/account', { follow: false })).status, 303);
	};
	const mine = city.client(), path = await goThere(mine, 'app');
	await refused(city.client(), path); // another browser: taken, and worth nothing to the first one either
	await refused(mine, path);

	const again = city.client(), good = await goThere(again, 'app');
	const first = await again.get(good, { follow: false });
	assert.equal(first.status, 303);
	await refused(Object.assign(city.client(), { cookies: new Map([['oidc', again.cookies.get('oidc')]]) }), good);

	// The code of somebody else's sign-in under one's own state: PKCE and nonce are another's.
	const thief = city.client(), victim = city.client();
	const own = new URL(await goThere(thief, 'app'), city.url), theirs = new URL(await goThere(victim, 'app'), city.url);
	own.searchParams.set('code', theirs.searchParams.get('code'));
	await refused(thief, own.pathname + own.search, /確かめられなかった/);

	// One provider's answer at another's address, and an answer that names another or nobody.
	const mixed = city.client(), at = await goThere(mixed, 'app');
	await refused(mixed, at.replace('/with/app/', '/with/plain/'), /からの返事ではなかった/);
	for (const iss of [other.issuer, `${op.issuer}/`, null]) {
		const client = city.client(), url = new URL(await goThere(client, 'app'), city.url);
		assert.equal(url.searchParams.get('iss'), op.issuer);
		if (iss) url.searchParams.set('iss', iss); else url.searchParams.delete('iss');
		await refused(client, url.pathname + url.search, /からの返事ではなかった/);
	}
	await refused(city.client(), '/login/with/app/callback');
	await refused(city.client(), '/login/with/app/callback?state=abc&code=def');
	assert.equal((await city.client().get('/login/with/nobody')).status, 404);
	assert.equal((await city.client().get('/login/with/nobody/callback?state=a')).status, 404);
});

test('it leads to pages of the city only', async () => {
	op.user = { sub: 'card-1', claims: card, acr: 'aal3' };
	for (const next of ['https://evil.example/', '//evil.example/', '/\\evil.example/']) {
		const page = await comeBack(city.client(), 'app', next, false);
		assert.equal(page.location, '/my', next);
	}
});

test('who stops over there is told so, and errors of the provider never become markup', async () => {
	op.user = null;
	const page = await comeBack(city.client(), 'app', '/my');
	assert.equal(page.status, 403);
	assert.match(words(page.text), /取りやめた/);
	assert.doesNotMatch(page.text, /<b>no/);
	assert.match(page.text, /href="\/login\/with\/app\?next=%2Fmy"/);
	const english = city.client({ lang: 'en' });
	op.user = null;
	assert.match(words((await comeBack(english, 'app')).text), /You stopped at/);
});

test('keys change, and a token with an unknown key makes us look once', async () => {
	op.user = { sub: 'card-1', claims: card, acr: 'aal3' };
	assert.equal((await comeBack(city.client(), 'app', '/account')).url, '/account');
	const before = op.asked.filter((p) => p === '/jwks').length;
	await op.start({ clients: [clients().key], keys: [signingKey(), signingKey('RS256')] });
	assert.equal((await comeBack(city.client(), 'app', '/account')).url, '/account');
	assert.equal(op.asked.filter((p) => p === '/jwks').length, before + 1);
	assert.equal((await comeBack(city.client(), 'app', '/account')).url, '/account');
	assert.equal(op.asked.filter((p) => p === '/jwks').length, before + 1);
});

test('an ID token by a key that the provider never published, and rotation without end, are refused', async () => {
	op.user = { sub: 'card-1', claims: card, acr: 'aal3' };
	const keys = op.keys, published = { keys: keys.map(({ d, p, q, dp, dq, qi, ...key }) => key) };
	await op.start({ clients: [clients().key], keys: [signingKey(), signingKey('RS256')] });
	op.answer = (request, response) => {
		if (!request.url.startsWith('/jwks')) return false;
		response.setHeader('content-type', 'application/json');
		response.end(JSON.stringify(published));
		return true;
	};
	const before = op.asked.filter((p) => p === '/jwks').length;
	for (let i = 0; i < 5; i++) {
		const page = await comeBack(city.client(), 'app', '/account');
		assert.equal(page.status, 502);
		assert.match(words(page.text), /確かめられなかった/);
	}
	assert.ok(op.asked.filter((p) => p === '/jwks').length - before <= 3, 'no more than three times a minute');
	op.answer = null;
	await op.start({ clients: [clients().key], keys });
});

test('step-up: the provider is asked to sign in anew, and its acr raises the session', async () => {
	const client = await city.client().login('resident3@example.jp');
	other.user = { sub: 'strong', claims: { name: '段 上' }, acr: 'aal1' };
	await link(client, 'plain', other.user);
	const there = await client.get('/login/with/plain', { follow: false });
	const asked = new URL(there.location).searchParams;
	assert.equal(asked.get('prompt'), 'login');
	assert.equal(asked.get('max_age'), '0');
	assert.equal(asked.get('acr_values'), 'aal3 aal2');
	const low = await comeBack(client, 'plain', '/account');
	assert.equal(low.status, 403);
	assert.match(words(low.text), /より確かな/);
	other.user = { sub: 'strong', claims: { name: '段 上' }, acr: 'aal2' };
	const was = client.cookies.get('session');
	const raised = await comeBack(client, 'plain', '/account');
	assert.equal(raised.url, '/account');
	assert.notEqual(client.cookies.get('session'), was, 'another cookie');
	// Somebody else's identity does not raise this session, nor exchange it.
	other.user = { sub: 'stranger', claims: {}, acr: 'aal3' };
	client.jar = {};
	assert.equal((await comeBack(client, 'plain', '/account')).status, 409);
});

test('staff link and sign in through a provider that is for them, and not through one that is not', async () => {
	const admin = await city.client().login('admin');
	await link(admin, 'plain', { sub: 'staff-1', claims: {}, acr: 'aal2' });
	const fresh = city.client();
	const page = await comeBack(fresh, 'plain');
	assert.match(page.url, /^\/staff/);
	op.user = { sub: 'card-of-staff', claims: card, acr: 'aal3' };
	const ask = await comeBack(await city.client().login('admin'), 'app');
	assert.equal(ask.url, '/account/providers/link');
	const closed = await admin.submit(await comeBack(admin, 'app'), '/account/providers/link', { password: 'machi-demo-2026' });
	assert.equal(closed.status, 403);
	assert.match(words(closed.text), /このアカウントでは/);
});

test('an identity is removed with the password, and signs nobody in any more', async () => {
	const client = await city.client().login('resident4@example.jp');
	await link(client, 'plain', { sub: 'to-go', claims: {}, acr: 'aal1' });
	const page = await client.get('/account/providers');
	const { identities } = (await client.json('/account/providers')).json;
	assert.equal(identities.length, 1);
	assert.equal((await client.submit(page, '/account/providers', { identity: String(identities[0].id), password: 'wrong' }, { loose: true })).status, 422);
	const gone = await client.submit(page, '/account/providers', { identity: String(identities[0].id), password: 'machi-demo-2026' }, { loose: true });
	assert.match(words(gone.text), /外しました/);
	assert.equal((await comeBack(city.client(), 'plain')).url, '/login/with');
	// Another's identity cannot be removed.
	const thief = await city.client().login('resident2@example.jp');
	const mine = (await thief.json('/account/providers')).json.identities[0].id;
	const their = await client.post('/account/providers', { identity: String(mine), password: 'machi-demo-2026' });
	assert.ok((await thief.json('/account/providers')).json.identities.some((i) => i.id === mine), their.text);
});

test('signing out there as well', async () => {
	const client = await city.client().login('resident2@example.jp');
	const page = await client.get('/login/with/plain/logout');
	assert.match(page.headers.get('content-security-policy'), new RegExp(`form-action 'self' ${other.issuer};`));
	const away = await client.submit(page, '/login/with/plain/logout', {}, { follow: false });
	assert.equal(away.status, 303);
	const to = new URL(away.location);
	assert.equal(to.origin, other.issuer);
	assert.equal(to.searchParams.get('post_logout_redirect_uri'), `${city.url}/`);
	assert.equal((await client.get('/account', { follow: false })).status, 303);
});

test('a provider that is down is told in plain words, and the settings are checked with file and line', async () => {
	other.answer = (request, response) => { response.statusCode = 500; response.end('{}'); return true; };
	const client = city.client();
	const there = await client.get('/login/with/plain', { follow: false });
	const path = there.location && there.location.replace(/.*state=([^&]*).*/, '/login/with/plain/callback?state=$1&code=x');
	const page = await client.get(`${path}&iss=${encodeURIComponent(other.issuer)}`);
	assert.equal(page.status, 502);
	assert.match(words(page.text), /接続できませんでした/);
	other.answer = null;
	assert.match((await client.json('/login/with/keys.json')).text, /"kty":"EC"/);
	assert.doesNotMatch((await client.json('/login/with/keys.json')).text, /"d":/);

	assert.match(city.cli('verify', '--city', 'demo'), /problems: 0/);
	const good = city.cli('check', '--city', 'demo');
	assert.match(good, /0 problems/);
	writeFileSync(join(cityDir, 'sign-in.yaml'), `providers:
  - name: Bad Name
    label: {en: x}
    issuer: http://example.jp
    client-id: a
    colour: red
`);
	let told;
	try {
		city.cli('check', '--city', 'demo');
	} catch (e) {
		told = e.stdout;
	}
	assert.match(told, /sign-in\.yaml:3: .*label/);
	assert.match(told, /sign-in\.yaml:4: .*issuer/);
	assert.match(told, /sign-in\.yaml:6: .*colour/);
	// The server keeps what it had.
	city.process.kill('SIGHUP');
	await until(() => city.log().includes('sign-in.yaml:'), 'the refused reload');
	assert.match(words((await client.get('/login')).text), /カード/);
});
