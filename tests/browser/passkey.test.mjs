// Passkeys in Chromium, with its virtual authenticator: what people see and press.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { browseCity, check, fill, password, press } from '../lib/browse.mjs';

let here, page, chromium, authenticatorId;

before(async () => {
	here = await browseCity({ init: ['--demo-size', '5'], host: 'localhost' });
	page = await here.open();
	await page.goto('/login'); // the authenticator belongs to the site's process
	chromium = page.cdp = await page.context().newCDPSession(page);
	await chromium.send('WebAuthn.enable');
	({ authenticatorId } = await chromium.send('WebAuthn.addVirtualAuthenticator', { options: { protocol: 'ctap2', transport: 'internal',
		hasResidentKey: true, hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: true } }));
});
after(() => here?.close());

const credentials = async () => (await chromium.send('WebAuthn.getCredentials', { authenticatorId })).credentials;
const main = () => page.locator('main').innerText();

test('adding a passkey: a wrong password is told before the device is asked', async () => {
	await here.signIn(page, 'resident1@example.jp');
	await page.goto('/account/passkeys');
	await check(page);
	await fill(page, { name: 'わたしのパソコン', password: 'not this one' });
	await page.locator('#passkey').click();
	await page.locator('[data-status]', { hasText: 'パスワード' }).waitFor();
	assert.deepEqual(await credentials(), []);
	await fill(page, { password });
	await press(page, '#passkey');
	assert.match(await main(), /パスキーを追加しました[^]*わたしのパソコン/);
	await check(page);
	const [one] = await credentials();
	assert.equal(one.rpId, 'localhost');
	assert.ok(one.isResidentCredential);
});

test('adding it again on the same device is told in words', async () => {
	await fill(page, { password });
	await page.locator('#passkey').click();
	await page.locator('[data-status]', { hasText: 'すでに登録' }).waitFor();
});

test('signing in with nothing typed; and when the person declines', async () => {
	await page.goto('/logout');
	await press(page, 'main form button');
	await page.goto('/login?next=%2Faccount%2Fsessions');
	await check(page);
	await press(page, page.getByRole('link', { name: 'パスキー' }));
	await check(page);
	await chromium.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified: false });
	await page.locator('#passkey').click();
	await page.locator('[data-status]', { hasText: '何も送っていません' }).waitFor();
	await chromium.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified: true });
	await press(page, '#passkey');
	assert.equal(new URL(page.url()).pathname, '/account/sessions');
	assert.match(await main(), /パスキー[^]*3段階の2/);
	await check(page);
});

test('step-up: the page lists the passkey, and leads back', async () => {
	here.city.sql('UPDATE web_session SET level_until_us = 1 WHERE level > 1');
	await page.goto('/account/assurance?identity=1&authentication=2&next=%2Fmy');
	await check(page);
	await press(page, page.getByRole('link', { name: 'パスキー' }));
	await press(page, '#passkey');
	assert.equal(new URL(page.url()).pathname, '/my');
});

test('without scripts the button says what else there is', async () => {
	const plain = await here.open({ javaScriptEnabled: false });
	await plain.goto('/login/passkey');
	await press(plain, '#passkey');
	assert.match(await plain.locator('main').innerText(), /スクリプトが止められています/);
});

test('a copy whose counter is behind: told, blocked, removed', async () => {
	const [one] = await credentials();
	await chromium.send('WebAuthn.removeCredential', { authenticatorId, credentialId: one.credentialId });
	await chromium.send('WebAuthn.addCredential', { authenticatorId, credential: { ...one, signCount: 0 } });
	await page.goto('/logout');
	await press(page, 'main form button');
	await page.goto('/login/passkey');
	await press(page, '#passkey');
	assert.match(await main(), /複製があるようです/);
	await check(page);
	await here.signIn(page, 'resident1@example.jp');
	await page.goto('/account/passkeys');
	assert.match(await main(), /停止中/);
	await check(page);
	await press(page, page.locator('main td a'));
	await check(page);
	await fill(page, { password });
	await press(page, '.m-button--danger');
	assert.match(await main(), /パスキーを削除しました/);
	assert.doesNotMatch(await main(), /わたしのパソコン/);
});
