// Signing in through a provider and into another system, in a real browser: accessible, on a phone,
// by keyboard, without scripts, in both languages, and without a word from the security policy.
import test from 'node:test';
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { browseCity, check, fill, password, press } from '../lib/browse.mjs';
import { until } from '../lib/city.mjs';
import { OpenIdProvider } from '../lib/provider.mjs';

const { city, open, signIn, close } = await browseCity({ init: ['--demo', '--demo-size', '1'] });
const op = await OpenIdProvider.listen();
const system = createServer((request, response) => {
	response.setHeader('content-type', 'text/html; charset=utf-8');
	response.end(`<!doctype html><title>system</title><p>${request.url.split('?')[0]}</p>`);
}).listen(0, '127.0.0.1');
await new Promise((done) => system.on('listening', done));
const there = `http://127.0.0.1:${system.address().port}`;
await op.start({ clients: [{ client_id: 'machi', client_secret: 'secret', redirect_uris: [`${city.url}/login/with/card/callback`], post_logout_redirect_uris: [`${city.url}/`],
	grant_types: ['authorization_code'], response_types: ['code'], token_endpoint_auth_method: 'client_secret_post', id_token_signed_response_alg: 'ES256' }] });
writeFileSync(join(city.dir, 'demo/sign-in.yaml'), `providers:
  - name: card
    profile: digital-auth
    label: {ja: カードのアプリ, en: Card app}
    issuer: ${op.issuer}
    client-id: machi
    client-auth: client_secret_post
    client-secret: secret
    private-addresses: true
clients:
  - id: portal
    label: {ja: 庁内ポータル, en: Intranet}
    secret-sha256: ${createHash('sha256').update('secret').digest('hex')}
    redirect-uris: ['${there}/back']
    after-logout: ['${there}/bye']
    private-addresses: true
    for: everybody
`);
city.process.kill('SIGHUP');
await until(() => city.log().includes('city.reload'), 'the reload');
test.after(async () => {
	await close();
	await op.close();
	system.closeAllConnections();
	system.close();
});

const phone = { viewport: { width: 375, height: 800 } };
const path = (page) => new URL(page.url()).pathname;

test('a resident links the card app by keyboard on a phone, and signs in with it without scripts', async () => {
	op.user = { sub: 'card-1', claims: { name: '街田 花子', birthdate: '19850401', address: '香川県高松市番町一丁目8番15号', gender: '2' }, acr: 'aal3' };
	const page = await open(phone);
	await page.goto('/login');
	await check(page);
	await page.getByRole('link', { name: 'カードのアプリ' }).focus();
	await Promise.all([page.waitForURL('**/login/with'), page.keyboard.press('Enter')]);
	assert.match(await page.locator('main').innerText(), /まだつながっていません/);
	await check(page);
	await Promise.all([page.waitForURL('**/login?next=*'), page.getByRole('link', { name: 'ログインしてつなげる' }).click()]);
	await fill(page, { login: 'resident1@example.jp', password });
	await press(page, 'main form button');
	assert.equal(path(page), '/account/providers/link');
	assert.match(await page.locator('main').innerText(), /街田 花子[\s\S]*昭和60年/);
	await check(page);
	await fill(page, { password });
	await page.locator('input[name=password]').focus();
	await Promise.all([page.waitForURL('**/account/providers'), page.keyboard.press('Enter')]);
	await check(page);
	await page.goto('/en/account/providers');
	await check(page);

	const plain = await open({ ...phone, javaScriptEnabled: false });
	await plain.goto('/en/login?next=/account');
	await Promise.all([plain.waitForURL('**/account'), plain.getByRole('link', { name: 'Card app' }).click()]);
	assert.match(await plain.locator('main').innerText(), /resident1@example\.jp/);

	op.user = null;
	const stopped = await open(phone);
	await stopped.goto('/login/with/card');
	assert.match(await stopped.locator('main').innerText(), /取りやめた/);
	await check(stopped);
});

const ask = `/oidc/authorize?client_id=portal&redirect_uri=${encodeURIComponent(`${there}/back`)}&response_type=code&scope=openid%20profile%20email%20staff&state=s&nonce=n&code_challenge=${'a'.repeat(43)}&code_challenge_method=S256`;

test('consent leads to the other system, and what was allowed is taken back', async () => {
	const page = await open(phone);
	await signIn(page, 'clerk1-1');
	await page.goto(ask);
	assert.match(path(page), /^\/oidc\/go\//);
	assert.match(await page.locator('main').innerText(), /庁内ポータル/);
	await check(page);
	await page.getByRole('button', { name: '許可してログインする' }).focus();
	await Promise.all([page.waitForURL(`${there}/back?*`), page.keyboard.press('Enter')]);
	assert.match(page.url(), /code=[\w-]{43}&state=s&iss=/);
	await page.goto(`${city.url}/account/consents`);
	await check(page);
	await press(page, page.getByRole('button', { name: '取り消す' }));
	assert.match(await page.locator('main').innerText(), /許可しているシステムはありません/);
	// Not allowed: it leads there, too, and says so.
	await page.goto(`${city.url}/en${ask}`);
	await check(page);
	await Promise.all([page.waitForURL(`${there}/back?*`), page.getByRole('button', { name: 'Do not allow' }).click()]);
	assert.match(page.url(), /error=access_denied/);
	assert.deepEqual(page.problems, []);
	await page.goto(`${city.url}${ask}&prompt=login`);
	assert.match(await page.locator('main').innerText(), /ログインし直す/);
	await check(page);
	await page.goto(`${city.url}${ask.replace('back', 'elsewhere')}`);
	assert.match(await page.locator('main').innerText(), /登録されていないアドレス/);
	await check(page);
	// Signing out for the other system leads back to it.
	await page.goto(`${city.url}/oidc/logout?client_id=portal&post_logout_redirect_uri=${encodeURIComponent(`${there}/bye`)}`);
	await check(page);
	await Promise.all([page.waitForURL(`${there}/bye`), page.locator('main form button').click()]);
});

test('an administrator registers a system', async () => {
	const page = await open();
	await signIn(page, 'admin');
	await page.goto('/staff/systems');
	await check(page);
	await page.goto('/staff/systems/new');
	await check(page);
	await press(page, 'main form button');
	assert.ok(await page.locator('.m-summary').isVisible());
	await check(page);
	await fill(page, { id: 'redmine', label_ja: '課題管理', 'redirect-uris': 'https://redmine.example/callback' });
	await press(page, 'main form button');
	assert.match(await page.locator('main').innerText(), /もう一度見ることができません/);
	await check(page);
	await page.goto('/staff/systems');
	await press(page, page.getByRole('link', { name: '課題管理' }));
	await check(page);
	await page.goto('/en/staff/systems/new');
	await check(page);
});
