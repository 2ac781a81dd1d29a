// machi as OpenID provider: a real relying party (openid-client), and what others try.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { createHash, randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { custom, generators, Issuer } from 'openid-client';
import { createRemoteJWKSet, jwtVerify } from 'jose';
import { City, until, words } from '../lib/city.mjs';
import { signingKey } from '../lib/provider.mjs';

custom.setHttpOptionsDefaults({ timeout: 20000 });
const home = 'http://127.0.0.1:9/back'; // nobody listens: the answer is read from the address
const secret = 'the secret of the other system';
const key = signingKey();
const { d, ...open } = key;
let city, issuer, told, server;

before(async () => {
	city = await City.start({ mail: true, init: ['--demo', '--demo-size', '1'] });
	told = new Map(); // sid: tokens
	server = createServer(async (request, response) => {
		let body = '';
		for await (const chunk of request) body += chunk;
		const token = new URLSearchParams(body).get('logout_token'), { sid } = JSON.parse(Buffer.from(token.split('.')[1], 'base64url'));
		told.set(sid, [...told.get(sid) ?? [], token]);
		response.statusCode = told.get(sid).length === 1 ? 500 : 200; // the first time it is not well
		response.end();
	}).listen(0, '127.0.0.1');
	await new Promise((done) => server.on('listening', done));
	const hash = createHash('sha256').update(secret).digest('hex');
	writeFileSync(join(city.dir, 'demo/sign-in.yaml'), `clients:
  - id: intranet
    label: {ja: 庁内ポータル, en: Intranet}
    secret-sha256: ${hash}
    redirect-uris: ['${home}']
    after-logout: ['http://127.0.0.1:9/bye']
    back-channel-logout: http://127.0.0.1:${server.address().port}/logout
    private-addresses: true
    for: staff
  - id: library
    label: {ja: 図書館, en: Library}
    keys: '${JSON.stringify({ keys: [open] })}'
    redirect-uris: ['${home}?app=library', '${home}/2']
    private-addresses: true
    algorithm: ES256
    scopes: [openid, profile]
    for: everybody
  - id: own
    label: {ja: 市のシステム}
    secret-sha256: ${hash}
    redirect-uris: ['${home}']
    private-addresses: true
    subject: public
    trusted: true
    for: everybody
`);
	city.process.kill('SIGHUP');
	await until(() => city.log().includes('city.reload'), 'the reload');
	issuer = await Issuer.discover(city.url);
});

after(async () => {
	await city?.stop();
	server?.close();
});

const intranet = (more) => new issuer.Client({ client_id: 'intranet', client_secret: secret, redirect_uris: [home], response_types: ['code'], ...more });
const library = () => new issuer.Client({ client_id: 'library', redirect_uris: [`${home}?app=library`], token_endpoint_auth_method: 'private_key_jwt', token_endpoint_auth_signing_alg: 'ES256',
	id_token_signed_response_alg: 'ES256' }, { keys: [key] });

function ask(client, more = {}) {
	const verifier = generators.codeVerifier(), state = generators.state(), nonce = generators.nonce();
	const url = client.authorizationUrl({ scope: 'openid profile email staff', state, nonce, code_challenge: generators.codeChallenge(verifier), code_challenge_method: 'S256', ...more });
	return { client, path: url.slice(city.url.length), checks: { code_verifier: verifier, state, nonce, response_type: 'code' }, uri: more.redirect_uri ?? client.metadata.redirect_uris[0] };
}

// Follows pages of the city until it leads away.
async function walk(person, path, { consent = 'allow' } = {}) {
	let page = await person.get(path, { follow: false });
	for (let i = 0; i < 10; i++) {
		if (page.location && !page.location.startsWith('/')) return page;
		if (page.location) page = await person.get(page.location, { follow: false });
		else if (page.status === 200 && consent && page.text.includes('value="allow"')) page = await person.submit(page, '/oidc/go/', { do: consent }, { follow: false });
		else return page;
	}
	return page;
}
const finish = (asked, page) => asked.client.callback(asked.uri, asked.client.callbackParams(page.location), asked.checks);
const answer = (page) => Object.fromEntries(new URL(page.location).searchParams);

test('a member of staff signs in to another system, with consent that is remembered', async () => {
	const person = await city.client().login('clerk1-1');
	const first = ask(intranet());
	const page = await walk(person, first.path, { consent: null });
	assert.equal(page.status, 200);
	assert.match(words(page.text), /庁内ポータル.*伝えること.*名前.*メールアドレス.*所属/);
	assert.match(page.headers.get('content-security-policy'), /form-action 'self' http:\/\/127\.0\.0\.1:9;/);
	const tokens = await finish(first, await walk(person, first.path));
	const claims = tokens.claims();
	assert.equal(claims.iss, city.url);
	assert.equal(claims.aud, 'intranet');
	assert.equal(claims.acr, 'aal1');
	assert.deepEqual(claims.amr, ['pwd']);
	assert.ok(claims.auth_time && claims.sid && claims.at_hash);
	assert.ok(!JSON.stringify(claims).includes('clerk1'));
	const info = await intranet().userinfo(tokens);
	assert.equal(info.preferred_username, 'clerk1-1');
	assert.equal(info.posts.length, 1);
	assert.deepEqual([info.posts[0].rank, info.departments], ['係員', [info.posts[0].department]]);
	assert.ok(info.roles.includes('clerk'), info.roles);
	// The second time nobody is asked.
	const again = ask(intranet(), { prompt: 'none' });
	const page2 = await walk(person, again.path, { consent: null });
	assert.equal((await finish(again, page2)).claims().sub, claims.sub);
	// Another system knows them by another name; one of its own by one that is the same everywhere.
	const other = ask(library());
	const theirs = await finish(other, await walk(person, other.path));
	assert.notEqual(theirs.claims().sub, claims.sub);
	assert.equal((await library().userinfo(theirs)).email, undefined, 'not among its scopes');
	const trusted = ask(new issuer.Client({ client_id: 'own', client_secret: secret, redirect_uris: [home], token_endpoint_auth_method: 'client_secret_post' }));
	assert.ok((await finish(trusted, await walk(person, trusted.path, { consent: null }))).access_token);
});

test('who is not signed in signs in first and comes back; who does not allow it leads back with nothing', async () => {
	const person = city.client();
	const asked = ask(library(), { scope: 'openid profile' });
	const page = await walk(person, asked.path);
	assert.equal(page.status, 200);
	assert.match(page.url, /^\/login\?next=/);
	const next = decodeURIComponent(page.url.split('next=')[1]);
	assert.match(next, /^\/oidc\/go\//);
	await person.login('resident1@example.jp');
	const denied = await walk(person, next, { consent: 'deny' });
	assert.deepEqual(answer(denied), { app: 'library', error: 'access_denied', state: asked.checks.state, iss: city.url });
	const over = await person.get(next);
	assert.equal(over.status, 400);
	const again = ask(library(), { scope: 'openid profile' });
	const tokens = await finish(again, await walk(person, again.path));
	const info = await library().userinfo(tokens);
	assert.ok(info.family_name && info.name);
	// A resident does not get into a system of the staff.
	const shut = await walk(person, ask(intranet()).path);
	assert.equal(shut.status, 400);
	assert.match(words(shut.text), /使えません/);
	assert.equal(answer(await walk(city.client(), ask(intranet(), { prompt: 'none' }).path)).error, 'login_required');
});

test('nothing leads to an address that is not registered to the last character', async () => {
	const person = await city.client().login('clerk1-1');
	for (const uri of [`${home}/`, `${home}?x=1`, `${home}#a`, 'http://127.0.0.1:9/', 'http://127.0.0.1:9.evil.example/back', 'http://evil.example/back', 'HTTP://127.0.0.1:9/back',
		'http://127.0.0.1:9/%62ack', `${home}/../x`, 'javascript:alert(1)', '//127.0.0.1:9/back', `${home}/2`, '']) {
		const page = await walk(person, ask(intranet(), { redirect_uri: uri }).path);
		assert.equal(page.status, 400, uri);
		assert.equal(page.location, null, uri);
	}
	const unknown = await walk(person, ask(intranet()).path.replace('client_id=intranet', 'client_id=nobody'));
	assert.equal(unknown.status, 400);
	const bye = await person.get(`/oidc/logout?client_id=intranet&post_logout_redirect_uri=${encodeURIComponent('http://evil.example/')}`);
	assert.doesNotMatch(bye.headers.get('content-security-policy'), /evil/);
	const away = await person.submit(bye, '/oidc/logout', {}, { follow: false });
	assert.equal(away.location, '/');
});

test('what is wrong with a request is told to the system', async () => {
	const person = await city.client().login('clerk1-1');
	const cases = [['response_type', 'token', 'unsupported_response_type'], ['response_type', 'code id_token', 'unsupported_response_type'],
		['code_challenge_method', 'plain', 'invalid_request'], ['code_challenge', 'short', 'invalid_request'], ['scope', 'profile', 'invalid_scope'],
		['prompt', 'none login', 'invalid_request'], ['prompt', 'jump', 'invalid_request'], ['max_age', '-1', 'invalid_request'], ['request', 'a.b.c', 'request_not_supported'],
		['response_mode', 'fragment', 'invalid_request']];
	for (const [name, value, error] of cases) {
		const asked = ask(intranet());
		const url = new URL(asked.path, city.url);
		url.searchParams.set(name, value);
		const page = await walk(person, url.pathname + url.search);
		assert.deepEqual(answer(page), { error, state: asked.checks.state, iss: city.url }, `${name}=${value}`);
	}
	const bare = new URL(ask(intranet()).path, city.url);
	bare.searchParams.delete('code_challenge');
	assert.equal(answer(await walk(person, bare.pathname + bare.search)).error, 'invalid_request');
});

async function token(fields, headers = {}) {
	const page = await city.client().request('POST', '/oidc/token', { body: new URLSearchParams(fields), headers });
	return { status: page.status, ...page.json };
}

test('a code works once, for its system, with its verifier; who brings it again ends what came of it', async () => {
	const person = await city.client().login('clerk1-1');
	const basic = { authorization: `Basic ${Buffer.from(`intranet:${encodeURIComponent(secret)}`).toString('base64')}` };
	const fresh = async () => {
		const asked = ask(intranet());
		return { code: answer(await walk(person, asked.path)).code, verifier: asked.checks.code_verifier };
	};
	const fields = ({ code, verifier }) => ({ grant_type: 'authorization_code', code, redirect_uri: home, code_verifier: verifier });
	const one = await fresh();
	const good = await token(fields(one), basic);
	assert.equal(good.status, 200);
	const bearer = { authorization: `Bearer ${good.access_token}` };
	assert.equal((await city.client().get('/oidc/userinfo', { headers: bearer })).status, 200);
	assert.deepEqual(await token(fields(one), basic), { status: 400, error: 'invalid_grant' });
	assert.equal((await city.client().get('/oidc/userinfo', { headers: bearer })).status, 401, 'ended');

	const cases = [['another verifier', { code_verifier: randomBytes(32).toString('base64url') }], ['no verifier', { code_verifier: '' }], ['another address', { redirect_uri: `${home}/2` }], ['no code', { code: 'nothing' }]];
	for (const [name, change] of cases) {
		const mine = await fresh();
		assert.deepEqual(await token({ ...fields(mine), ...change }, basic), { status: 400, error: 'invalid_grant' }, name);
		if (!change.code) assert.equal((await token(fields(mine), basic)).error, 'invalid_grant', `${name}: used up`);
	}
	// Another system's code is not its to use up.
	const mine = await fresh();
	assert.equal((await token({ ...fields(mine), client_id: 'own', client_secret: secret })).error, 'invalid_grant');
	assert.equal((await token(fields(mine), basic)).status, 200);
	for (const headers of [{}, { authorization: 'Basic bm9ib2R5Ong=' }, { authorization: `Basic ${Buffer.from('intranet:wrong').toString('base64')}` }, { authorization: 'Basic %%%' },
		{ authorization: `Basic ${Buffer.from('library:').toString('base64')}` }])
		assert.deepEqual(await token(fields(mine), headers), { status: 401, error: 'invalid_client' });
	assert.equal((await token({ grant_type: 'password', username: 'a' }, basic)).error, 'unsupported_grant_type');
	assert.equal((await city.client().get('/oidc/userinfo', { headers: { authorization: 'Bearer x' } })).status, 401);
	assert.equal((await city.client().get('/oidc/userinfo')).status, 401);
	assert.equal((await person.get('/oidc/userinfo')).status, 401, 'a session is no token');
	// An access token is no API token.
	const other = await token(fields(await fresh()), basic);
	assert.equal((await city.client().json('/account', { headers: { authorization: `Bearer ${other.access_token}` } })).status, 401);
});

test('a signed assertion of a system counts once, and only with its own key and for us', async () => {
	const { SignJWT, importJWK } = await import('jose');
	const person = await city.client().login('clerk1-1');
	const sign = async (more = {}, by = key) => new SignJWT({ jti: randomBytes(8).toString('hex'), ...more }).setProtectedHeader({ alg: 'ES256', kid: key.kid })
		.setIssuer(more.iss ?? 'library').setSubject(more.sub ?? 'library').setAudience(more.aud ?? city.url).setExpirationTime(more.exp ?? '1m').sign(await importJWK(by, 'ES256'));
	const send = async (assertion, more = {}) => {
		const asked = ask(library());
		const { code } = answer(await walk(person, asked.path));
		return token({ grant_type: 'authorization_code', code, redirect_uri: `${home}?app=library`, code_verifier: asked.checks.code_verifier,
			client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer', client_assertion: assertion, ...more });
	};
	const once = await sign();
	assert.equal((await send(once)).status, 200);
	assert.equal((await send(once)).error, 'invalid_client', 'twice');
	for (const [name, assertion] of [['for somebody else', await sign({ aud: 'https://other.example' })], ['another name', await sign({ sub: 'intranet' })], ['by another key', await sign({}, signingKey())],
		['expired', await sign({ exp: 1 })], ['for years', await sign({ exp: '2y' })], ['none', `${Buffer.from('{"alg":"none"}').toString('base64url')}.${once.split('.')[1]}.`]])
		assert.equal((await send(assertion)).error, 'invalid_client', name);
	assert.equal((await send(await sign(), { client_id: 'intranet' })).error, 'invalid_client');
});

test('a system may ask for a stronger sign-in, and for a new one', async () => {
	const person = await city.client().login('clerk1-2');
	const strong = ask(library(), { acr_values: 'aal2' });
	const page = await walk(person, strong.path, { consent: null });
	assert.equal(page.status, 200);
	assert.match(page.url, /assurance/);
	assert.equal(answer(await walk(person, ask(library(), { acr_values: 'aal2', prompt: 'none' }).path)).error, 'login_required');

	const anew = ask(library(), { prompt: 'login' });
	const stop = await walk(person, anew.path);
	assert.match(words(stop.text), /もう一度ログイン/);
	const login = await person.submit(stop, '/oidc/go/', {});
	assert.match(login.url, /^\/login\?next=/);
	assert.equal((await person.get('/account', { follow: false })).status, 303, 'signed out');
	const next = decodeURIComponent(login.url.split('next=')[1]);
	await person.login('clerk1-2');
	const tokens = await finish(anew, await walk(person, next));
	assert.ok(tokens.claims().auth_time >= Math.floor(Date.now() / 1000) - 600);
	const recent = ask(library(), { max_age: 3600 });
	const same = await recent.client.callback(recent.uri, recent.client.callbackParams((await walk(person, recent.path)).location), { ...recent.checks, max_age: 3600 });
	assert.equal(same.claims().auth_time, tokens.claims().auth_time);
});

test('signing out here is told to the systems, again when they were not well', async () => {
	const person = await city.client().login('clerk2-1');
	const asked = ask(intranet());
	const tokens = await finish(asked, await walk(person, asked.path));
	const page = await person.get(new URL(intranet({ post_logout_redirect_uris: ['http://127.0.0.1:9/bye'] }).endSessionUrl({ id_token_hint: tokens.id_token, post_logout_redirect_uri: 'http://127.0.0.1:9/bye', state: 's-1' })).href.slice(city.url.length));
	assert.match(words(page.text), /庁内ポータル/);
	const away = await person.submit(page, '/oidc/logout', {}, { follow: false });
	assert.equal(away.location, 'http://127.0.0.1:9/bye?state=s-1');
	assert.equal((await person.get('/staff', { follow: false })).status, 303);
	assert.equal((await city.client().get('/oidc/userinfo', { headers: { authorization: `Bearer ${tokens.access_token}` } })).status, 401);
	const tokensOf = () => told.get(tokens.claims().sid) ?? [];
	await until(() => tokensOf().length >= 2, 'the second try', 900);
	const { payload, protectedHeader } = await jwtVerify(tokensOf()[1], createRemoteJWKSet(new URL('/oidc/keys.json', city.url)), { issuer: city.url, audience: 'intranet', typ: 'logout+jwt' });
	assert.equal(payload.sub, tokens.claims().sub);
	assert.equal(payload.sid, tokens.claims().sid);
	assert.deepEqual(payload.events, { 'http://schemas.openid.net/event/backchannel-logout': {} });
	assert.equal(payload.nonce, undefined);
	assert.equal(protectedHeader.alg, 'RS256');
});

test('a consent is taken back', async () => {
	const person = await city.client().login('clerk1-1');
	const asked = ask(intranet());
	const tokens = await finish(asked, await walk(person, asked.path));
	const page = await person.get('/account/consents');
	assert.match(words(page.text), /庁内ポータル/);
	await person.post('/account/consents', { client: 'intranet' });
	assert.doesNotMatch(words((await person.get('/account/consents')).text), /庁内ポータル/);
	assert.equal((await city.client().get('/oidc/userinfo', { headers: { authorization: `Bearer ${tokens.access_token}` } })).status, 401);
	assert.equal(answer(await walk(person, ask(intranet(), { prompt: 'none' }).path)).error, 'consent_required');
});

test('an administrator registers a system on the page, changes its secret and removes it', async () => {
	const admin = await city.as('admin');
	assert.equal((await (await city.client().login('clerk1-1')).get('/staff/systems')).status, 403);
	const form = await admin.get('/staff/systems/new');
	const bad = await admin.submit(form, '/staff/systems/new', { id: 'Bad Id', label_ja: '', 'redirect-uris': 'http://example.jp/' });
	assert.equal(bad.status, 422);
	assert.match(words(bad.text), /英小文字/);
	const shown = await admin.submit(form, '/staff/systems/new', { id: 'redmine', label_ja: '課題管理', 'redirect-uris': 'http://127.0.0.1:9/redmine', more: ['private-addresses'] });
	assert.equal(shown.status, 200, words(shown.text));
	assert.match(shown.headers.get('cache-control'), /no-store/);
	const value = shown.text.match(/<code>([\w-]{43})<\/code>/)[1];
	const client = new issuer.Client({ client_id: 'redmine', client_secret: value, redirect_uris: ['http://127.0.0.1:9/redmine'] });
	const person = await city.client().login('clerk1-1');
	const asked = ask(client);
	assert.ok((await finish(asked, await walk(person, asked.path))).id_token);
	const twice = await admin.submit(form, '/staff/systems/new', { id: 'redmine', label_ja: 'また', 'redirect-uris': 'http://127.0.0.1:9/r', more: ['private-addresses'] });
	assert.equal(twice.status, 422);
	const file = await admin.submit(form, '/staff/systems/new', { id: 'intranet', label_ja: 'また', 'redirect-uris': 'http://127.0.0.1:9/r', more: ['private-addresses'] });
	assert.equal(file.status, 422, 'the name is the file’s');
	const { clients } = (await admin.json('/staff/systems')).json;
	const { href } = clients.find((c) => c.id === 'redmine');
	const renewed = await admin.submit(await admin.get(href), href, { do: 'secret' });
	assert.notEqual(renewed.text.match(/<code>([\w-]{43})<\/code>/)[1], value);
	const late = ask(client);
	await assert.rejects(async () => finish(late, await walk(person, late.path)), /invalid_client/);
	await admin.submit(await admin.get(href), href, { do: 'remove' });
	assert.equal((await walk(person, ask(client).path)).status, 400);
	assert.match(city.cli('verify', '--city', 'demo'), /problems: 0/);
	assert.doesNotMatch(city.log(), new RegExp(value));
});
